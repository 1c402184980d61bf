"""The simulated Samsara shows equipment and reports with the quirks of the real one, and every fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import httpx2
import msgspec
import pytest

from milepost import clock
from milepost.kit.simulation import Conditions, Mishap, Throttle
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.sandbox.tracks import TrackWorld

FUEL, IFTA = "/fleet/reports/vehicles/fuel-energy", "/fleet/reports/ifta/vehicle"
NOW = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
DAY_MS = 86_400_000
NOW_MS = round(NOW.timestamp() * 1000)


def test_gateways_hang_on_vehicles_and_trailers_and_one_on_nothing(vendor: Any) -> None:
    gateways = [g for page in vendor.walk("/gateways") for g in page["data"]]
    assets = {g["asset"]["id"] for g in gateways if "asset" in g}
    units = [*vendor.world.vehicles, *vendor.world.trailers]

    assert assets == {unit.id for unit in units if unit.gateway_serial}
    assert sum("asset" not in g for g in gateways) == 1
    cameras = [d for g in gateways for d in g.get("accessoryDevices", []) if d["model"] == "CM32"]
    listed = vendor.get("/fleet/vehicles")["data"]
    assert {c["serial"] for c in cameras} == {
        v["cameraSerial"] for v in listed if "cameraSerial" in v
    }
    heard = next(g for g in gateways if "connectionStatus" in g and "asset" in g)
    fix = vendor.world.latest_fix(heard["asset"]["id"], vendor.now)
    assert heard["connectionStatus"]["lastConnected"] == f"{fix.located_at:%Y-%m-%dT%H:%M:%SZ}"


def test_trailers_lack_what_assets_have_under_the_same_id(vendor: Any) -> None:
    trailers = {t["id"]: t for p in vendor.walk("/fleet/trailers", limit=3) for t in p["data"]}
    assets = {a["id"]: a for p in vendor.walk("/assets", type="trailer") for a in p["data"]}

    assert trailers.keys() == assets.keys() == {t.id for t in vendor.world.trailers}
    assert not any({"vin", "make", "model", "year"} & set(t) for t in trailers.values())
    assert sum("vin" in asset for asset in assets.values()) == 8
    assert {type(asset.get("year")) for asset in assets.values()} == {int, type(None)}
    assert not any("tags" in asset for asset in assets.values())
    tagged = vendor.get("/assets", type="trailer", includeTags="true")["data"]
    assert all(asset["tags"] for asset in tagged)


def test_assets_are_of_a_type_and_changed_since(vendor: Any) -> None:
    both = vendor.get("/assets")["data"]
    since = sorted(a["updatedAtTime"] for a in both)[-3]

    assert {a["type"] for a in both} == {"trailer", "vehicle"}
    assert len(vendor.get("/assets", updatedAfterTime=since)["data"]) == 3
    assert vendor.refusal("/assets", type="boat")[0] == 400


def used(vendor: Any, start: str, end: str) -> dict[str, dict[str, Any]]:
    return {
        r["vehicle"]["id"]: r
        for page in vendor.walk(FUEL, startDate=start, endDate=end)
        for r in page["data"]["vehicleReports"]
    }


def test_the_last_day_of_a_fuel_report_counts_and_hours_do_not(vendor: Any) -> None:
    one = used(vendor, "2026-03-01T23:59:00-06:00", "2026-03-01T00:00:00-06:00")
    two = used(vendor, "2026-03-02T00:00:00-06:00", "2026-03-02T05:00:00-06:00")
    both = used(vendor, "2026-03-01T12:00:00-06:00", "2026-03-02T00:00:00-06:00")
    start = datetime(2026, 3, 1, 6, tzinfo=UTC)

    assert len(one) == 9
    for id_, report in both.items():
        usage = vendor.world.usage(id_, start, start + timedelta(days=2))
        sums = [one[id_][key] + two[id_][key] for key in ("distanceTraveledMeters",)]
        assert sums == [report["distanceTraveledMeters"]] == [usage.metres]
        assert report.get("fuelConsumedMl") == usage.fuel_ml
        assert report["engineIdleTimeDurationMs"] < report["engineRunTimeDurationMs"]


def test_vehicles_without_activity_are_absent_from_the_fuel_report(vendor: Any) -> None:
    assert used(vendor, "2023-03-01", "2023-03-02") == {}
    assert used(vendor, "2027-03-01", "2027-03-02") == {}
    assert vendor.refusal(FUEL, startDate="2026-03-02", endDate="2026-03-01")[0] == 400
    assert vendor.refusal(FUEL, startDate="2026-03-02")[0] == 400


def test_miles_by_state_of_a_month_are_those_of_the_odometer(vendor: Any) -> None:
    page = vendor.get(IFTA, year=2026, month="February")
    # The organisation's month, in Chicago.
    start, end = datetime(2026, 2, 1, 6, tzinfo=UTC), datetime(2026, 3, 1, 6, tzinfo=UTC)

    assert (page["data"]["year"], page["data"]["month"]) == (2026, "February")
    for report in page["data"]["vehicleReports"]:
        driven = sum(j["totalMeters"] for j in report["jurisdictions"])
        assert driven == vendor.world.usage(report["vehicle"]["id"], start, end).metres


def test_a_month_is_still_processing_for_72_hours(vendor: Any) -> None:
    over = datetime(2026, 3, 4, 6, tzinfo=UTC)
    vendor.now = over - timedelta(milliseconds=1)
    assert vendor.refusal(IFTA, year=2026, month="February") == (
        400,
        "IFTA data may still be processing",
    )
    vendor.now = over
    assert vendor.get(IFTA, year=2026, month="February")["data"]["vehicleReports"]
    assert vendor.refusal(IFTA, year=2026, month="March")[0] == 400


@pytest.mark.parametrize(
    "query",
    [
        {"month": "January"},
        {"year": "2025"},
        {"year": "2025", "month": "1"},
        {"year": "2025", "month": "january"},
        {"year": "2025", "month": "May", "quarter": "Q2"},
        {"year": "1999", "month": "May"},
    ],
)
def test_a_period_that_is_none_is_refused(vendor: Any, query: dict[str, str]) -> None:
    assert vendor.refusal(IFTA, **query)[0] == 400


def test_a_quarter_is_its_three_months(vendor: Any) -> None:
    def metres(**period: str) -> int:
        reports = vendor.get(IFTA, year="2025", **period)["data"]["vehicleReports"]
        return sum(j["totalMeters"] for r in reports for j in r["jurisdictions"])

    months = [metres(month=month) for month in ("October", "November", "December")]
    assert metres(quarter="Q4") == sum(months)


def test_traces_have_trips_and_days_of_use_and_nothing_else(vendor: Any, shared: Any) -> None:
    vendor.world = TrackWorld(shared / "data" / "tracks", vendor.now)
    window = {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-03-04T00:00:00Z"}
    days = {"startDate": "2026-03-01", "endDate": "2026-03-04"}

    assert len(used(vendor, "2026-03-04", "2026-03-04")) > 50
    assert vendor.get("/fleet/hos/logs", **window)["data"] == []
    assert vendor.get("/fleet/hos/daily-logs", **days)["data"] == []
    assert vendor.get("/fleet/hos/clocks")["data"] == []
    assert vendor.get("/safety-events/stream", startTime=window["startTime"])["data"] == []
    assert vendor.get(IFTA, year=2026, month="January")["data"]["vehicleReports"] == []
    assert vendor.get("/fleet/trailers")["data"] == []
    assert vendor.get("/fleet/vehicles/stats", types="faultCodes")["data"] == []


ENDPOINTS: list[tuple[str, dict[str, Any]]] = [
    ("/gateways", {}),
    ("/fleet/trailers", {}),
    ("/assets", {"type": "trailer"}),
    ("/fleet/hos/logs", {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-03-04T00:00:00Z"}),
    ("/fleet/hos/daily-logs", {"startDate": "2026-03-01", "endDate": "2026-03-03"}),
    ("/fleet/hos/clocks", {}),
    ("/safety-events/stream", {"startTime": "2026-02-01T00:00:00Z"}),
    (FUEL, {"startDate": "2026-03-01", "endDate": "2026-03-01"}),
    (IFTA, {"year": 2026, "month": "January"}),
    ("/cameras/media", {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-03-02T00:00:00Z"}),
    ("/v1/fleet/trips", {"startMs": NOW_MS - 3 * DAY_MS, "endMs": NOW_MS}),
]


def complete(vendor: Any, path: str, query: dict[str, Any]) -> dict[str, Any]:
    """Name vehicles where an endpoint needs them."""
    ids = [vehicle.id for vehicle in vendor.world.vehicles]
    if path == "/cameras/media":
        return query | {"vehicleIds": ",".join(ids)}
    return query | {"vehicleId": ids[0]} if path == "/v1/fleet/trips" else query


@pytest.mark.parametrize(("path", "query"), ENDPOINTS)
def test_every_endpoint_can_go_wrong_in_every_way(
    vendor: Any, path: str, query: dict[str, Any]
) -> None:
    query = complete(vendor, path, query)
    plain = vendor.get(path, **query)
    expected: dict[Mishap, int] = {
        "throttled": 429, "broken": 500, "broken_text": 503, "token_revoked": 401,
        "scope_revoked": 403,
    }  # fmt: skip
    for mishap, status in expected.items():
        vendor.conditions = Conditions(mishaps=frozenset({mishap}))
        assert vendor.ask(path, **query).status == status
    spoilers: tuple[Mishap, ...] = ("bad_record", "unknown_field")
    for mishap in spoilers:
        vendor.conditions = Conditions(mishaps=frozenset({mishap}))
        spoiled = vendor.get(path, **query)
        assert spoiled != plain
    text = msgspec.json.encode(spoiled).decode()
    assert "zenithIndex" in text


@pytest.mark.parametrize(("path", "query"), ENDPOINTS[:-1])
def test_every_cursor_can_repeat_itself_and_be_lost(
    vendor: Any, path: str, query: dict[str, Any]
) -> None:
    query = complete(vendor, path, query)
    vendor.conditions = Conditions(page_records=1)
    first = vendor.get(path, **query)["pagination"]
    assert first["hasNextPage"]

    vendor.conditions = Conditions(page_records=1, mishaps=frozenset({"cursor_repeated"}))
    assert vendor.get(path, after=first["endCursor"], **query)["pagination"] == first
    vendor.conditions = Conditions(page_records=1, mishaps=frozenset({"cursor_lost"}))
    assert vendor.refusal(path, after=first["endCursor"], **query)[0] == 400


@pytest.mark.parametrize("path", ["/fleet/hos/logs", "/gateways", "/safety-events/stream"])
def test_endpoints_of_five_a_second_are_throttled_there(vendor: Any, path: str) -> None:
    vendor.conditions = Conditions(throttle=Throttle())

    statuses = [vendor.ask(path, startTime="2026-03-04T18:00:00Z").status for _ in range(6)]

    assert statuses == [200] * 5 + [429]


@pytest.fixture
async def client(sim: ModuleType) -> AsyncIterator[httpx2.AsyncClient]:
    app = Sandbox(Settings(limits=False), {"samsara": sim})
    headers = {"authorization": "Bearer any"}
    with clock.held_at(NOW):
        async with (
            serving(app) as base,
            httpx2.AsyncClient(base_url=base, headers=headers) as client,
        ):
            yield client


@pytest.mark.parametrize(("given", "asked"), [({}, 0.40235), ({"seconds": 7.5}, 7.5)])
async def test_a_throttled_answer_asks_to_wait_as_long_as_its_fault_says(
    client: httpx2.AsyncClient, given: dict[str, float], asked: float
) -> None:
    await client.post("/_sandbox/faults", json={"kind": "throttled", "count": 1} | given)

    answer = await client.get("/samsara/fleet/hos/clocks")

    assert answer.status_code == 429
    assert float(answer.headers["retry-after"]) == asked


async def test_events_of_a_missing_vehicle_are_missing_too(client: httpx2.AsyncClient) -> None:
    path, asked = "/samsara/safety-events/stream", {"startTime": "2026-02-01T00:00:00Z"}
    before = (await client.get(path, params=asked)).json()["data"]
    gone = before[0]["asset"]["id"]
    await client.post("/_sandbox/faults", json={"kind": "vehicles_missing", "vehicles": [gone]})

    after = (await client.get(path, params=asked)).json()["data"]

    assert gone not in {event["asset"]["id"] for event in after}
    trips = {"vehicleId": gone, "startMs": NOW_MS - DAY_MS, "endMs": NOW_MS}
    assert (await client.get("/samsara/v1/fleet/trips", params=trips)).json() == {"trips": []}
