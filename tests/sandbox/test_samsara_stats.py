"""The simulated Samsara shows stats with the quirks of the real one, and every reading exactly once."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from milepost.kit.simulation import Conditions
from milepost.sandbox.tracks import TrackWorld

HISTORY, FEED, SNAPSHOT = (
    "/fleet/vehicles/stats/history",
    "/fleet/vehicles/stats/feed",
    "/fleet/vehicles/stats",
)
END = datetime(2026, 3, 4, 16, 0, 1, 500_000, tzinfo=UTC)
WINDOW = {"startTime": (END - timedelta(hours=20)).isoformat(), "endTime": END.isoformat()}


def truth(vendor: Any, start: datetime, end: datetime) -> list[tuple[str, str]]:
    """Return (vehicle, time) of every position that the world holds in a window."""
    return [
        (vehicle.id, fix.located_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        for vehicle in vendor.world.vehicles
        for window in vendor.world.held(vehicle.id, start, end, vendor.now)
        for fix in vendor.world.fixes(vehicle.id, *window)
    ]


@pytest.mark.parametrize("page", [1_000, 2_500, None, 100_000])
def test_history_is_the_same_set_at_any_page_size(vendor: Any, page: int | None) -> None:
    vendor.conditions = Conditions(page_readings=page)

    shown = vendor.readings(HISTORY, "gps", **WINDOW)

    assert shown == truth(vendor, END - timedelta(hours=20), END)


@pytest.mark.parametrize("page", [7, 60, 5_000])
@pytest.mark.parametrize("records", [1, 3, None])
def test_history_of_several_types_is_whole_at_any_page_size(
    vendor: Any, page: int, records: int | None
) -> None:
    window = WINDOW | {"startTime": (END - timedelta(hours=3)).isoformat()}
    types = "engineStates,fuelPercents,obdEngineSeconds"
    vendor.conditions = Conditions()
    (expected,) = list(vendor.walk(HISTORY, types=types, **window))

    vendor.conditions = Conditions(page_readings=page, page_records=records)
    merged: dict[str, dict[str, list[Any]]] = {}
    for shown in vendor.walk(HISTORY, types=types, **window):
        assert sum(len(r[t]) for r in shown["data"] for t in types.split(",") if t in r) <= page
        assert len(shown["data"]) <= (records or 512)
        for record in shown["data"]:
            for kind in types.split(","):
                merged.setdefault(record["id"], {}).setdefault(kind, []).extend(
                    record.get(kind, [])
                )

    assert merged == {
        record["id"]: {kind: record.get(kind, []) for kind in types.split(",")}
        for record in expected["data"]
    }


def test_history_is_half_open(vendor: Any) -> None:
    vehicle = vendor.world.vehicles[0].id
    fixes = vendor.world.fixes(vehicle, END - timedelta(hours=1), END)
    first, last = fixes[0].located_at, fixes[-1].located_at

    shown = vendor.readings(
        HISTORY,
        "gps",
        vehicleIds=vehicle,
        startTime=first.isoformat(),
        endTime=last.isoformat(),
    )

    assert len(shown) == len(fixes) - 1
    assert shown[0][1] == first.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_history_stands_still_while_it_is_walked(vendor: Any) -> None:
    vendor.conditions = Conditions(page_readings=500)
    window = {
        "startTime": (vendor.now - timedelta(hours=3)).isoformat(),
        "endTime": (vendor.now + timedelta(hours=3)).isoformat(),
    }
    expected = truth(vendor, vendor.now - timedelta(hours=3), vendor.now + timedelta(hours=3))

    shown = []
    for page in vendor.walk(HISTORY, types="gps", **window):
        shown += [(r["id"], gps["time"]) for r in page["data"] for gps in r["gps"]]
        vendor.now += timedelta(minutes=1)

    assert shown == expected


def test_the_last_page_of_history_has_an_empty_cursor(vendor: Any) -> None:
    pages = list(vendor.walk(HISTORY, types="gps", **WINDOW))

    assert len(pages) > 2
    assert all(page["pagination"]["endCursor"] for page in pages[:-1])
    assert pages[-1]["pagination"] == {"endCursor": "", "hasNextPage": False}


@pytest.mark.parametrize(
    "change",
    [
        {"types": "engineStates"},
        {"startTime": (END - timedelta(hours=20, seconds=1)).isoformat()},
        {"startTime": WINDOW["startTime"].replace("+00:00", "Z")},
        {"limit": 100},
        {"vehicleIds": "1"},
    ],
)
def test_a_cursor_belongs_to_the_exact_parameters(vendor: Any, change: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"types": "gps", **WINDOW}
    cursor = vendor.get(HISTORY, **asked)["pagination"]["endCursor"]

    refused = vendor.refusal(HISTORY, after=cursor, **(asked | change))

    assert refused == (400, "Parameters differ from previous paginated request")


@pytest.mark.parametrize("cursor", ["garbage", "ä", "AAAA", "x" * 5000])
def test_an_unknown_cursor_is_refused(vendor: Any, cursor: str) -> None:
    status, message = vendor.refusal(FEED, types="gps", after=cursor)

    assert status == 400
    assert "cursor" in message


def test_a_cursor_expires_after_thirty_days(vendor: Any) -> None:
    cursor = vendor.get(FEED, types="gps")["pagination"]["endCursor"]

    vendor.now += timedelta(days=31)

    status, message = vendor.refusal(FEED, types="gps", after=cursor)
    assert status == 400
    assert "cursor" in message


def test_the_opened_feed_shows_the_last_value_of_every_vehicle(vendor: Any) -> None:
    page = vendor.get(FEED, types="gps")

    assert page["pagination"]["hasNextPage"] is False
    assert page["pagination"]["endCursor"]
    shown = {record["id"]: [gps["time"] for gps in record["gps"]] for record in page["data"]}
    last = dict(truth(vendor, vendor.now - timedelta(days=1), vendor.now + timedelta(days=1)))
    assert shown == {vehicle: [time] for vehicle, time in last.items()}


@pytest.mark.parametrize("page", [50, 400, None])
def test_the_feed_brings_everything_exactly_once(vendor: Any, page: int | None) -> None:
    vendor.conditions = Conditions(page_readings=page, page_records=3)
    begun = vendor.now
    before = truth(vendor, begun - timedelta(days=3), begun + timedelta(seconds=1))
    shown: list[tuple[str, str]] = []
    cursor, opened = None, 0

    for step in (0, 3, 600, 1, 4000, 12, 20_000, 0, 70_000):
        vendor.now += timedelta(seconds=step)
        while True:
            answer = vendor.get(FEED, types="gps", after=cursor)
            got = [(r["id"], gps["time"]) for r in answer["data"] for gps in r["gps"]]
            if step == 0 and vendor.now == begun:
                opened += len(got)
            else:
                shown += got
            cursor = answer["pagination"]["endCursor"]
            assert cursor
            if not answer["pagination"]["hasNextPage"]:
                break

    after = truth(vendor, begun - timedelta(days=3), vendor.now + timedelta(seconds=1))
    assert opened == len({vehicle for vehicle, _ in after})
    assert len(shown) == len(set(shown)) > 10_000
    assert set(shown) == set(after) - set(before)


def test_a_feed_that_is_caught_up_says_so_and_goes_on(vendor: Any) -> None:
    cursor = vendor.get(FEED, types="gps")["pagination"]["endCursor"]

    again = vendor.get(FEED, types="gps", after=cursor)

    assert again["data"] == []
    assert again["pagination"]["hasNextPage"] is False
    vendor.now += timedelta(minutes=20)
    later = vendor.get(FEED, types="gps", after=again["pagination"]["endCursor"])
    assert len(later["data"]) == 9


def test_the_snapshot_shows_objects_under_singular_keys_to_the_second(vendor: Any) -> None:
    record = vendor.get(SNAPSHOT, types="gps,engineStates,fuelPercents")["data"][0]
    feed = vendor.get(FEED, types="gps,engineStates,fuelPercents")["data"][0]

    assert set(record) == {"id", "name", "externalIds", "gps", "engineState", "fuelPercent"}
    assert set(feed) == {"id", "name", "externalIds", "gps", "engineStates", "fuelPercents"}
    assert record["gps"]["time"] == feed["gps"][0]["time"][:19] + "Z"
    assert len(feed["gps"][0]["time"]) == 24
    assert record["engineState"]["value"] in ("On", "Off", "Idle")


def test_the_snapshot_of_an_earlier_time_shows_what_was_known_then(vendor: Any) -> None:
    then = vendor.now - timedelta(hours=5)

    record = vendor.get(SNAPSHOT, types="gps", time=then.isoformat())["data"][0]

    fix = vendor.world.latest_fix(record["id"], then)
    assert record["gps"]["latitude"] == fix.latitude


def test_only_vehicles_that_have_a_type_are_shown(vendor: Any) -> None:
    with_gps = {r["id"] for r in vendor.get(SNAPSHOT, types="gps")["data"]}
    with_bus = {r["id"] for r in vendor.get(SNAPSHOT, types="obdOdometerMeters")["data"]}
    without = {r["id"] for r in vendor.get(SNAPSHOT, types="gpsOdometerMeters")["data"]}

    assert len(with_gps) == 9
    assert with_bus | without == with_gps
    assert not with_bus & without
    assert vendor.get(SNAPSHOT, types="nfcCardScans,auxInput1")["data"] == []


@pytest.mark.parametrize("path", [SNAPSHOT, FEED])
def test_a_fourth_type_is_answered_and_a_fifth_is_refused(vendor: Any, path: str) -> None:
    four = "gps,engineStates,obdOdometerMeters,fuelPercents"

    assert vendor.ask(path, types=four).status == 200
    assert vendor.refusal(path, types=f"{four},engineRpm") == (
        400,
        "Vehicle stats are currently restricted to 4 types.",
    )


@pytest.mark.parametrize("types", ["gps,bogusType", "driverAssignments", "GPS"])
def test_an_unknown_type_is_refused_by_name(vendor: Any, types: str) -> None:
    status, message = vendor.refusal(SNAPSHOT, types=types)

    assert status == 400
    assert message == f"Invalid stat type(s): {types.rsplit(',', maxsplit=1)[-1]}"


@pytest.mark.parametrize("query", [{}, {"types": ""}])
def test_types_are_required(vendor: Any, query: dict[str, str]) -> None:
    assert vendor.refusal(SNAPSHOT, **query)[0] == 400


@pytest.mark.parametrize("start", [None, "yesterday", "2026-03-04T10:00:00", "2026-03-05"])
def test_history_needs_times_with_an_offset(vendor: Any, start: str | None) -> None:
    asked = {"types": "gps", "startTime": start, "endTime": WINDOW["endTime"]}

    assert vendor.refusal(HISTORY, **asked)[0] == 400


def test_history_takes_512_vehicles_a_page_and_no_more(vendor: Any) -> None:
    assert vendor.refusal(HISTORY, types="gps", limit=513, **WINDOW)[0] == 400
    page = vendor.get(HISTORY, types="engineStates", limit=2, **WINDOW)
    assert len(page["data"]) == 2


def test_decorations_ride_on_every_reading_with_the_last_known_value(vendor: Any) -> None:
    vehicle = vendor.world.vehicles[0].id
    asked = {"vehicleIds": vehicle, **WINDOW}
    plain = vendor.get(HISTORY, types="obdOdometerMeters", **asked)["data"][0]["obdOdometerMeters"]

    decorated = vendor.get(
        HISTORY, types="gps", decorations="obdOdometerMeters,engineStates", **asked
    )["data"][0]["gps"]

    assert all({"obdOdometerMeters", "engineStates"} == set(g["decorations"]) for g in decorated)
    for gps in decorated:
        known = [r["value"] for r in plain if r["time"] <= gps["time"]]
        if known:
            assert gps["decorations"]["obdOdometerMeters"] == {"value": known[-1]}
    refused = vendor.refusal(HISTORY, types="gps", decorations="gps,engineRpm,faultCodes", **asked)
    assert refused[0] == 400


def test_what_was_kept_written_ahead_is_what_would_be_written_now(vendor: Any) -> None:
    plain = list(vendor.walk(HISTORY, types="gps", **WINDOW))
    shelf: dict[Any, Any] = {}
    vendor.conditions = Conditions(shelf=shelf)
    start, end = END - timedelta(hours=20), END

    written = vendor.sim.prerender(vendor.world, vendor.conditions, start, end)
    kept = dict(shelf)

    assert list(vendor.walk(HISTORY, types="gps", **WINDOW)) == plain
    assert written == len(truth(vendor, start, end))
    assert shelf == kept
    assert len(kept) == 10 * 19


def test_a_standing_truck_has_integer_zeros(vendor: Any) -> None:
    shown = vendor.ask(HISTORY, types="gps", vehicleIds=vendor.world.vehicles[0].id, **WINDOW)

    assert b'"headingDegrees":0,"speedMilesPerHour":0,' in shown.body


def test_values_are_whole_in_the_vendors_units(vendor: Any) -> None:
    kinds = [
        "obdOdometerMeters", "obdEngineSeconds", "fuelPercents", "fuelConsumedMilliliters",
        "engineRpm", "engineCoolantTemperatureMilliC", "engineOilPressureKPa", "batteryMilliVolts",
    ]  # fmt: skip
    for kind in kinds:
        page = vendor.get(HISTORY, types=kind, **WINDOW)
        values = [reading["value"] for reading in page["data"][0][kind]]
        assert all(isinstance(value, int) for value in values), kind
    assert 9_000 < values[0] < 15_000


def test_real_traces_are_spoken_whole(vendor: Any, shared: Path) -> None:
    vendor.world = TrackWorld(shared / "data" / "tracks", vendor.now)
    window = {
        "startTime": (vendor.now - timedelta(days=7)).isoformat(),
        "endTime": vendor.now.isoformat(),
    }

    shown = vendor.readings(HISTORY, "gps", **window)

    assert len(shown) == len(set(shown)) == 24_751
    assert all(a <= b for a, b in itertools.pairwise(shown))
