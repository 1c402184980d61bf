"""The simulator's answers are valid against the vendor's own OpenAPI document."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.sandbox.samsara_document import ALL_TYPES, Contract

from milepost.kit.simulation import Conditions
from milepost.sandbox.tracks import TrackWorld


def check(contract: Contract, vendor: Any, path: str, **query: Any) -> dict[str, Any]:
    known = contract.parameters(path)
    required = {name for name, parameter in known.items() if parameter.get("required")}
    assert required <= set(query)
    answer = vendor.ask(path, **query)
    assert answer.status == 200
    assert list(contract.problems(path, 200, answer.body)) == []
    page: dict[str, Any] = msgspec.json.decode(answer.body)
    return page


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/me", {}),
        ("/fleet/vehicles", {}),
        ("/fleet/vehicles", {"limit": 3}),
        ("/fleet/drivers", {"driverActivationStatus": "active"}),
        ("/fleet/drivers", {"driverActivationStatus": "deactivated"}),
        ("/fleet/driver-vehicle-assignments", {"filterBy": "vehicles"}),
    ],
)
def test_listings_are_valid(
    contract: Contract, vendor: Any, path: str, query: dict[str, Any]
) -> None:
    assert check(contract, vendor, path, **query)["data"]


def test_tags_are_valid(contract: Contract, vendor: Any) -> None:
    assert len(check(contract, vendor, "/tags")["data"]) == 4


@pytest.mark.parametrize("types", ALL_TYPES)
def test_snapshot_feed_and_history_are_valid_for_every_type(
    contract: Contract, vendor: Any, types: str
) -> None:
    start = (vendor.now - timedelta(hours=4)).isoformat()
    path = "/fleet/vehicles/stats"

    assert check(contract, vendor, path, types=types)["data"]
    opened = check(contract, vendor, f"{path}/feed", types=types)
    assert opened["data"]
    vendor.now += timedelta(minutes=30)
    after = opened["pagination"]["endCursor"]
    assert check(contract, vendor, f"{path}/feed", types=types, after=after)["data"]
    window = {"startTime": start, "endTime": vendor.now.isoformat()}
    assert check(contract, vendor, f"{path}/history", types=types, **window)["data"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/gateways", {}),
        ("/gateways", {"models": "VG55NA,VG54NA"}),
        ("/fleet/trailers", {"limit": 4}),
        ("/fleet/trailers/stats", {"types": "gps"}),
        ("/assets", {"type": "trailer", "includeTags": "true", "includeExternalIds": "true"}),
        ("/assets", {"includeExternalIds": "true"}),
        ("/fleet/hos/logs", {"startTime": "2026-03-01T00:00:00Z"}),
        ("/fleet/hos/daily-logs", {"startDate": "2026-03-01", "endDate": "2026-03-04"}),
        (
            "/fleet/hos/daily-logs",
            {
                "startDate": "2026-03-01",
                "endDate": "2026-03-01",
                "driverActivationStatus": "deactivated",
                "expand": "vehicle",
            },
        ),
        ("/safety-events/stream", {"startTime": "2026-02-01T00:00:00Z"}),
        (
            "/safety-events/stream",
            {
                "startTime": "2026-02-01T00:00:00Z",
                "includeVgOnlyEvents": "true",
                "includeDriver": "true",
                "includeAsset": "true",
            },
        ),
    ],
)
def test_records_and_equipment_are_valid(
    contract: Contract, vendor: Any, path: str, query: dict[str, Any]
) -> None:
    assert check(contract, vendor, path, **query)["data"]


def test_reports_and_media_are_valid(contract: Contract, vendor: Any) -> None:
    day = {"startDate": "2026-03-01T00:00:00-06:00", "endDate": "2026-03-01T00:00:00-06:00"}
    used = check(contract, vendor, "/fleet/reports/vehicles/fuel-energy", **day)
    driven = check(contract, vendor, "/fleet/reports/ifta/vehicle", year=2026, month="February")
    path = "/fleet/reports/ifta/vehicle"
    quarter = check(contract, vendor, path, year=2025, quarter="Q4", jurisdictions="TX")
    ids = ",".join(vehicle.id for vehicle in vendor.world.vehicles)
    window = {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-03-02T00:00:00Z"}
    media = check(contract, vendor, "/cameras/media", vehicleIds=ids, **window)

    assert len(used["data"]["vehicleReports"]) == len(driven["data"]["vehicleReports"]) == 9
    assert quarter["data"]["quarter"] == "Q4"
    assert media["data"]["media"]


def test_events_by_id_are_valid(contract: Contract, vendor: Any) -> None:
    ids = ",".join(event["id"] for event in events(vendor))

    assert len(check(contract, vendor, "/safety-events", safetyEventIds=ids)["data"]) > 10


def events(vendor: Any) -> list[dict[str, Any]]:
    page = vendor.get("/safety-events/stream", startTime="2026-02-20T00:00:00Z")
    found: list[dict[str, Any]] = page["data"]
    return found


def test_trips_are_valid(contract: Contract, vendor: Any) -> None:
    now = round(vendor.now.timestamp() * 1000)
    for vehicle in vendor.world.vehicles:
        window = {"vehicleId": vehicle.id, "startMs": now - 86_400_000 * 3, "endMs": now}
        trips = check(contract, vendor, "/v1/fleet/trips", **window)["trips"]
        assert bool(trips) == bool(vehicle.gateway_serial)


def test_clocks_are_valid_but_for_the_empty_status_that_the_text_promises(
    contract: Contract, vendor: Any
) -> None:
    answer = vendor.ask("/fleet/hos/clocks")

    found = list(contract.problems("/fleet/hos/clocks", 200, answer.body))
    assert len(found) == 2
    assert all("currentDutyStatus" in p and "'' is not one of" in p for p in found)


def test_fault_codes_are_valid_in_snapshot_feed_and_history(
    contract: Contract, vendor: Any
) -> None:
    start = (vendor.now - timedelta(days=20)).isoformat()
    path = "/fleet/vehicles/stats"

    assert check(contract, vendor, path, types="faultCodes,gps")["data"]
    opened = check(contract, vendor, f"{path}/feed", types="faultCodes", decorations="gps")
    vendor.now += timedelta(days=2)
    after = {"after": opened["pagination"]["endCursor"]}
    followed = check(
        contract, vendor, f"{path}/feed", types="faultCodes", decorations="gps", **after
    )
    window = {"startTime": start, "endTime": vendor.now.isoformat()}
    told = check(contract, vendor, f"{path}/history", types="faultCodes", **window)

    assert len(opened["data"]) == 8
    assert all("gps" in record["faultCodes"][0]["decorations"] for record in followed["data"])
    assert {key for r in told["data"] for c in r["faultCodes"] for key in c} == {
        "time", "canBusType", "j1939", "obdii",
    }  # fmt: skip


def test_decorated_readings_are_valid(contract: Contract, vendor: Any) -> None:
    window = {
        "startTime": (vendor.now - timedelta(hours=2)).isoformat(),
        "endTime": vendor.now.isoformat(),
    }
    for types, decorations in (("gps", "obdOdometerMeters,fuelPercents"), ("engineStates", "gps")):
        page = check(
            contract,
            vendor,
            "/fleet/vehicles/stats/history",
            types=types,
            decorations=decorations,
            **window,
        )
        assert page["data"]


def test_real_traces_are_valid(contract: Contract, vendor: Any, shared: Path) -> None:
    vendor.world = TrackWorld(shared / "data" / "tracks", vendor.now)
    window = {
        "startTime": (vendor.now - timedelta(days=1)).isoformat(),
        "endTime": vendor.now.isoformat(),
    }

    check(contract, vendor, "/fleet/vehicles")
    check(contract, vendor, "/fleet/vehicles/stats", types="gps,engineStates,gpsOdometerMeters")
    check(contract, vendor, "/fleet/vehicles/stats/history", types="gps", limit=5, **window)


def test_refusals_are_valid(contract: Contract, vendor: Any) -> None:
    path = "/fleet/vehicles"
    vendor.conditions = Conditions(mishaps=frozenset({"throttled"}))
    throttled = vendor.ask(path)
    vendor.conditions = Conditions(mishaps=frozenset({"token_revoked"}))
    refused = vendor.ask(path)

    assert (throttled.status, refused.status) == (429, 401)
    for answer in (throttled, refused):
        assert list(contract.problems(path, answer.status, answer.body)) == []


def test_the_check_itself_catches_what_is_not_in_the_document(
    contract: Contract, vendor: Any
) -> None:
    vendor.conditions = Conditions(mishaps=frozenset({"unknown_field"}))
    unknown = vendor.ask("/fleet/vehicles/stats", types="gps")
    vendor.conditions = Conditions(mishaps=frozenset({"bad_record"}))
    bad = vendor.ask("/fleet/vehicles/stats", types="gps")

    assert any(
        "zenithIndex" in p for p in contract.problems("/fleet/vehicles/stats", 200, unknown.body)
    )
    assert any("latitude" in p for p in contract.problems("/fleet/vehicles/stats", 200, bad.body))
