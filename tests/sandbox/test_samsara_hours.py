"""The simulated Samsara shows hours of service and trips with the quirks of the real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost.kit.simulation import Conditions

LOGS, DAYS, CLOCKS = "/fleet/hos/logs", "/fleet/hos/daily-logs", "/fleet/hos/clocks"
TRIPS = "/v1/fleet/trips"
WEEK = {"startTime": "2026-02-25T00:00:00Z", "endTime": "2026-03-04T18:30:00Z"}
START, END = (datetime.fromisoformat(text) for text in WEEK.values())


def spelled(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def logs_of(vendor: Any, **query: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every log of a walk by driver and start."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for page in vendor.walk(LOGS, **query):
        for group in page["data"]:
            for log in group["hosLogs"]:
                key = (group["driver"]["id"], log["logStartTime"])
                assert key not in found
                found[key] = log
    return found


@pytest.mark.parametrize("records", [7, 100, None])
def test_logs_are_the_same_set_at_any_page_size(vendor: Any, records: int | None) -> None:
    vendor.conditions = Conditions(page_records=records)

    shown = logs_of(vendor, **WEEK)

    true = {
        (driver.id, spelled(log.starts_at)): log
        for driver in vendor.world.drivers
        for log in vendor.world.duty(driver.id, START, END, vendor.now)
    }
    assert shown.keys() == true.keys()
    for key, log in true.items():
        assert shown[key].get("logEndTime") == (log.ends_at and spelled(log.ends_at))
        assert shown[key].get("vehicle", {}).get("id") == log.vehicle_id
        assert shown[key]["hosStatusType"].lower() == log.status.replace("_", "").lower()


def test_a_driver_appears_again_on_the_next_page(vendor: Any) -> None:
    first, second = list(vendor.walk(LOGS, **WEEK))[:2]

    assert first["data"][-1]["driver"]["id"] == second["data"][0]["driver"]["id"]


def test_without_a_window_only_the_present_status_shows(vendor: Any) -> None:
    groups = vendor.get(LOGS)["data"]

    assert len(groups) == len(vendor.world.drivers)
    assert {len(group["hosLogs"]) for group in groups} == {1}
    assert all("logEndTime" not in group["hosLogs"][0] for group in groups)


def test_logs_are_narrowed_to_drivers(vendor: Any) -> None:
    wanted = [driver.id for driver in vendor.world.drivers[:2]]

    shown = logs_of(vendor, driverIds=",".join(wanted), **WEEK)

    assert {driver for driver, _ in shown} == set(wanted)


@pytest.mark.parametrize("change", ["split", "changed", "withdrawn"])
def test_an_edit_changes_history_silently(vendor: Any, change: str) -> None:
    edit = next(
        e for e in vendor.world.edits(START - timedelta(days=30), END) if e.change == change
    )
    window = {
        "driverIds": edit.subject,
        "startTime": spelled(edit.starts_at - timedelta(hours=2)),
        "endTime": spelled(edit.starts_at + timedelta(days=1)),
    }
    vendor.now = edit.at - timedelta(milliseconds=1)
    before = logs_of(vendor, **window)
    vendor.now = edit.at
    after = logs_of(vendor, **window)

    key = (edit.subject, spelled(edit.starts_at))
    assert key in before
    if change == "withdrawn":
        assert before.keys() - after.keys() == {key}
    elif change == "changed":
        assert before.keys() == after.keys()
        assert before[key]["hosStatusType"] != after[key]["hosStatusType"]
    else:
        assert len(after.keys() - before.keys()) == 2
        assert before[key]["logEndTime"] != after[key]["logEndTime"]


def test_daily_logs_show_active_drivers_unless_the_others_are_asked_for(vendor: Any) -> None:
    window = {"startDate": "2026-03-02", "endDate": "2026-03-03"}
    active = {r["driver"]["id"] for p in vendor.walk(DAYS, **window) for r in p["data"]}
    window["driverActivationStatus"] = "deactivated"
    left = {r["driver"]["id"] for p in vendor.walk(DAYS, **window) for r in p["data"]}

    assert active == {driver.id for driver in vendor.world.drivers if driver.active}
    assert left == {driver.id for driver in vendor.world.drivers if not driver.active}


def test_a_daily_log_adds_up_to_its_day(vendor: Any) -> None:
    records = [
        record
        for page in vendor.walk(DAYS, startDate="2026-02-20", endDate="2026-03-03")
        for record in page["data"]
    ]

    assert len(records) == 10 * 12
    for record in records:
        spent = record["dutyStatusDurations"]
        assert spent["activeDurationMs"] == (
            spent["onDutyDurationMs"] + spent["driveDurationMs"] + spent["yardMoveDurationMs"]
        )
        rest = spent["offDutyDurationMs"] + spent["sleeperBerthDurationMs"]
        assert rest + spent["activeDurationMs"] == 86_400_000
        assert spent["personalConveyanceDurationMs"] <= spent["offDutyDurationMs"]
    assert sum(r["distanceTraveled"]["driveDistanceMeters"] for r in records) > 20_000_000


def test_the_end_date_may_be_today_where_the_organisation_is_but_not_tomorrow(vendor: Any) -> None:
    # 02:30 UTC on the 5th is still the 4th in Chicago.
    vendor.now = datetime(2026, 3, 5, 2, 30, tzinfo=UTC)

    assert vendor.get(DAYS, startDate="2026-03-04", endDate="2026-03-04")["data"]
    status, message = vendor.refusal(DAYS, startDate="2026-03-04", endDate="2026-03-05")
    assert (status, "today" in message) == (400, True)
    assert vendor.refusal(DAYS, startDate="2026-03-04")[0] == 400
    assert vendor.refusal(DAYS, startDate="2026-03-04", endDate="04.03.2026")[0] == 400
    assert vendor.refusal(DAYS, startDate="2026-03-04", endDate="2026-03-03")[0] == 400


def test_vehicles_of_a_day_show_when_expanded(vendor: Any) -> None:
    window = {"startDate": "2026-03-02", "endDate": "2026-03-02"}
    bare, full = vendor.get(DAYS, **window), vendor.get(DAYS, expand="vehicle", **window)

    assert "vehicles" not in bare["data"][0]["logMetaData"]
    assert any(record["logMetaData"]["vehicles"] for record in full["data"])


def test_clocks_include_those_who_left_with_an_empty_status_and_full_clocks(vendor: Any) -> None:
    records = vendor.get(CLOCKS)["data"]

    assert len(records) == len(vendor.world.drivers)
    status = {r["driver"]["id"]: r["currentDutyStatus"]["hosStatusType"] for r in records}
    for driver in vendor.world.drivers:
        assert (status[driver.id] == "") == (not driver.active)
    idle = next(r for r in records if not r["currentDutyStatus"]["hosStatusType"])
    assert idle["clocks"]["drive"]["driveRemainingDurationMs"] == 39_600_000
    assert "currentVehicle" not in idle
    working = next(r for r in records if r["currentDutyStatus"]["hosStatusType"] == "driving")
    assert working["currentVehicle"]["id"]


def trips_of(vendor: Any, vehicle: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    page = vendor.get(TRIPS, vehicleId=vehicle, startMs=ms(start), endMs=ms(end))
    assert set(page) == {"trips"}
    found: list[dict[str, Any]] = page["trips"]
    return found


def test_trips_are_those_that_overlap_and_carry_no_id(vendor: Any) -> None:
    vehicle = vendor.world.vehicles[0].id
    trips = trips_of(vendor, vehicle, START, END)

    middle = datetime.fromtimestamp((trips[5]["startMs"] + trips[5]["endMs"]) / 2000, UTC)
    instant = middle + timedelta(milliseconds=1)
    assert trips_of(vendor, vehicle, middle, instant) == [trips[5]]
    assert not {"id", "vehicleId"} & set(trips[0])
    assert len(trips) > 15


def test_nobody_signed_in_is_driver_0(vendor: Any) -> None:
    trips = [
        (trip, shown)
        for vehicle in vendor.world.vehicles
        for trip, shown in zip(
            vendor.world.trips(vehicle.id, START, END, vendor.now),
            trips_of(vendor, vehicle.id, START, END),
            strict=True,
        )
    ]

    assert {shown["driverId"] for trip, shown in trips if trip.driver_id is None} == {0}
    assert all(str(s["driverId"]) == t.driver_id for t, s in trips if t.driver_id)


def test_a_trip_in_progress_is_absent_until_it_is_over(vendor: Any) -> None:
    vehicle = vendor.world.vehicles[0].id
    trip = trips_of(vendor, vehicle, START, END)[-1]
    vendor.now = datetime.fromtimestamp((trip["endMs"] - 60_000) / 1000, UTC)

    assert trip not in trips_of(vendor, vehicle, START, END)
    assert all(t["endMs"] < ms(vendor.now) for t in trips_of(vendor, vehicle, START, END))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "Missing parameter: vehicleId"),
        ({"vehicleId": 1, "endMs": 5}, "Missing parameter: startMs"),
        ({"vehicleId": "1,2", "startMs": 0, "endMs": 5}, "Invalid parameter: vehicleId"),
        ({"vehicleId": 1, "startMs": "soon", "endMs": 5}, "Invalid parameter: startMs"),
        ({"vehicleId": 1, "startMs": 0, "endMs": 91 * 86_400_000}, "cannot exceed 90 days"),
    ],
)
def test_trips_are_refused_in_plain_text(vendor: Any, query: dict[str, Any], words: str) -> None:
    answer = vendor.ask(TRIPS, **query)

    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body.decode().startswith("rpc error: code = InvalidArgument desc = ")
    assert words in answer.body.decode()


def test_ninety_days_of_trips_are_answered(vendor: Any) -> None:
    assert len(trips_of(vendor, vendor.world.vehicles[0].id, END - timedelta(days=90), END)) > 300
