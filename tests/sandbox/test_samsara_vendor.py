"""The vendor's own SDK reads the simulated Samsara: every endpoint, every page, and no field that it has no name for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import httpx
import pydantic
import pytest
from samsara import Samsara
from samsara.core.api_error import ApiError
from samsara.core.request_options import RequestOptions

from milepost import clock
from milepost.kit.world import World
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.faults import Fault
from milepost.sandbox.serving import serving

NOW = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
DAY = timedelta(days=1)
TYPES = [
    "gps,engineStates,obdOdometerMeters,fuelPercents",
    "gpsOdometerMeters,obdEngineSeconds,syntheticEngineSeconds,fuelConsumedMilliliters",
    "engineRpm,engineCoolantTemperatureMilliC,engineOilPressureKPa,batteryMilliVolts",
    "faultCodes",
]
ONCE = RequestOptions(max_retries=0, timeout_in_seconds=20)
UNREADABLE = (ApiError, pydantic.ValidationError)
Ask = Callable[..., Any]


@asynccontextmanager
async def sandbox(sim: ModuleType, **settings: Any) -> AsyncIterator[tuple[Sandbox, Samsara]]:
    app = Sandbox(Settings(limits=False, **settings), {"samsara": sim})
    with clock.held_at(NOW):
        async with serving(app) as base:
            with httpx.Client(timeout=20) as line:
                yield app, Samsara(base_url=f"{base}/samsara", token="any", httpx_client=line)


def last(span: timedelta) -> dict[str, str]:
    return {"start_time": clock.iso(NOW - span), "end_time": clock.iso(NOW)}


Questions = dict[str, list[tuple[Ask, dict[str, Any]]]]
"""What to ask of each endpoint, in the words of the SDK."""


def listings(api: Samsara) -> Questions:
    trailers = api.trailers
    assets = {"type": "trailer", "include_tags": True, "include_external_ids": True}
    assigned = api.driver_vehicle_assignments.get_driver_vehicle_assignments
    return {
        "/me": [(api.organization_info.get_organization_info, {})],
        "/tags": [(api.tags.list_tags, {})],
        "/fleet/vehicles": [(api.vehicles.list, {"limit": 4})],
        "/fleet/drivers": [
            (api.drivers.list, {"driver_activation_status": "active", "limit": 4}),
            (api.drivers.list, {"driver_activation_status": "deactivated"}),
        ],
        "/fleet/driver-vehicle-assignments": [
            (assigned, {"filter_by": "vehicles", **last(28 * DAY)})
        ],
        "/gateways": [(api.gateways.get_gateways, {})],
        "/fleet/trailers": [(trailers.list_trailers, {"limit": 4})],
        "/fleet/trailers/stats": [(trailers.get_trailer_stats_snapshot, {"types": "gps"})],
        "/assets": [(api.assets.list, assets)],
    }


def readings(api: Samsara) -> Questions:
    stats, minutes = api.vehicle_stats, timedelta(minutes=20)
    told = stats.get_vehicle_stats_history
    return {
        "/fleet/vehicles/stats": [(stats.get_vehicle_stats, {"types": t}) for t in TYPES],
        "/fleet/vehicles/stats/feed": [
            (stats.get_vehicle_stats_feed, {"types": t, "decorations": "gps"}) for t in TYPES[1:]
        ],
        # Codes are told when they change, which is seldom.
        "/fleet/vehicles/stats/history": [
            (told, {"types": t, **last(28 * DAY if t == "faultCodes" else minutes)}) for t in TYPES
        ],
    }


def records(api: Samsara, world: World) -> Questions:
    hours, safety, ms = api.hours_of_service, api.safety, round(NOW.timestamp() * 1000)
    both = {"include_asset": True, "include_driver": True}
    streamed = safety.get_safety_events_v_2_stream(**last(28 * DAY), request_options=ONCE).data
    named = [event.id for event in streamed][:20]
    days = {"start_date": "2026-02-20", "end_date": "2026-03-04", "expand": "vehicle"}
    fuel = {"start_date": "2026-03-01T00:00:00-06:00", "end_date": "2026-03-02T00:00:00-06:00"}
    filmed = {"vehicle_ids": ",".join(vehicle.id for vehicle in world.vehicles), **last(DAY)}
    return {
        "/fleet/hos/logs": [(hours.get_hos_logs, last(28 * DAY))],
        "/fleet/hos/daily-logs": [(hours.get_hos_daily_logs, days)],
        "/fleet/hos/clocks": [(hours.get_hos_clocks, {})],
        "/v1/fleet/trips": [
            (api.trips.v_1_get_fleet_trips,
             {"vehicle_id": int(v.id), "start_ms": ms - 3 * 86_400_000, "end_ms": ms})
            for v in world.vehicles if v.gateway_serial
        ],
        "/safety-events/stream": [(safety.get_safety_events_v_2_stream, {**both, **last(28 * DAY)})],
        "/safety-events": [(safety.get_safety_events_v_2, {**both, "safety_event_ids": named})],
        "/cameras/media": [(api.media.list_uploaded_media, filmed)],
        "/fleet/reports/vehicles/fuel-energy": [
            (api.fuel_and_energy.get_fuel_energy_vehicle_reports, fuel)
        ],
        "/fleet/reports/ifta/vehicle": [
            (api.ifta.get_ifta_vehicle_reports, {"year": 2026, "month": "February"})
        ],
    }  # fmt: skip


def answers(ask: Ask, asked: Mapping[str, Any]) -> Iterator[Any]:
    """Read all pages of an answer, as the SDK decodes them; a feed is at its end when nothing follows."""
    after: dict[str, str] = {}
    for _ in range(500):
        answer = ask(**asked, **after, request_options=ONCE)
        page = getattr(answer, "response", answer)
        yield page
        told = getattr(page, "pagination", None)
        if told is None or not told.has_next_page:
            return
        after = {"after": told.end_cursor}
    pytest.fail("the pages do not end after 500")


def rows(page: Any) -> list[Any]:
    """Find the records of a page, wherever its endpoint keeps them."""
    found = page.trips if hasattr(page, "trips") else page.data
    if isinstance(found, list):
        return found
    lists = [value for _, value in found if isinstance(value, list)]
    return lists[0] if lists else [found]


def nameless(value: Any, path: str = "") -> Iterator[str]:
    """Name what stands in an answer and not in the SDK's models."""
    if isinstance(value, pydantic.BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from nameless(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from nameless(item, f"{path}[]")


def read_everything(api: Samsara, app: Sandbox) -> tuple[dict[str, int], set[str]]:
    counts: dict[str, int] = {}
    unknown: set[str] = set()
    questions = listings(api) | readings(api) | records(api, app.world)
    for endpoint, asked in questions.items():
        for ask, how in asked:
            pages = list(answers(ask, how))
            found = [row for page in pages for row in rows(page)]
            assert all(isinstance(row, pydantic.BaseModel) for row in found), endpoint
            assert found, (endpoint, how)
            unknown |= {f"{endpoint} {name}" for page in pages for name in nameless(page)}
            counts[endpoint] = counts.get(endpoint, 0) + len(found)
    return counts, unknown


async def test_the_vendors_sdk_reads_every_endpoint_and_has_a_name_for_every_field(
    sim: ModuleType,
) -> None:
    async with sandbox(sim, page_records=20) as (app, api):
        counts, unknown = await asyncio.to_thread(read_everything, api, app)

    assert counts.keys() == sim.ENDPOINTS.keys()
    assert unknown == set()
    assert counts["/fleet/vehicles"] == len(app.world.vehicles)
    assert counts["/fleet/drivers"] == len(app.world.drivers)


async def test_a_field_that_the_sdk_has_no_name_for_and_a_record_that_it_cannot_read_are_noticed(
    sim: ModuleType,
) -> None:
    def ask(api: Samsara) -> set[str]:
        snapshot = api.vehicle_stats.get_vehicle_stats
        return set(nameless(next(answers(snapshot, {"types": "gps"}))))

    async with sandbox(sim) as (app, api):
        assert await asyncio.to_thread(ask, api) == set()
        app.faults.add(Fault(kind="unknown_field", count=1))
        assert await asyncio.to_thread(ask, api) == {".data[].zenithIndex"}
        app.faults.add(Fault(kind="bad_record"))
        with pytest.raises(UNREADABLE, match="latitude"):
            await asyncio.to_thread(ask, api)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("token_revoked", 401), ("scope_revoked", 403), ("feature_missing", 404), ("throttled", 429)],
)
async def test_the_vendors_sdk_names_what_is_refused(
    sim: ModuleType, kind: Any, status: int
) -> None:
    def ask(api: Samsara) -> ApiError:
        with pytest.raises(ApiError) as refused:
            api.tags.list_tags(request_options=ONCE)
        return refused.value

    async with sandbox(sim) as (app, api):
        app.faults.add(Fault(kind=kind, path="/samsara/tags"))
        refused = await asyncio.to_thread(ask, api)

    assert refused.status_code == status
