"""What a day holds: its hours when clocks change, its fuel past midnight, its miles east of Greenwich."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from msgspec import UNSET, Raw

from milepost import clock
from milepost.ids import Identity
from milepost.kit.loopback import Said
from milepost.models.hos import HOSDailyLog
from milepost.models.utilization import VehicleUtilizationDay
from milepost.providers.geotab import hours, trips
from milepost.providers.geotab.conftest import connected
from milepost.providers.geotab.test_calls import Vendor, collect, result

HOME = ZoneInfo("America/Chicago")
OURS = Identity(UUID(int=1))
HOUR_MS = 3_600_000


def raw(**row: Any) -> Raw:
    return Raw(json.dumps(row).encode())


def log(at: str, status: str) -> Raw:
    return raw(id=at, dateTime=at, status=status, driver={"id": "d1"}, device={"id": "b1"})


def days(rows: list[Raw], first: date, last: date, now: datetime) -> dict[str, HOSDailyLog]:
    cut = hours.days_cut("d1", rows, {}, HOME, (first, last), now, OURS, "geotab")
    return {each.date: each for each in cut.records if isinstance(each, HOSDailyLog)}


@pytest.mark.parametrize(
    ("day", "long"), [(date(2026, 3, 8), 23), (date(2026, 3, 9), 24), (date(2026, 11, 1), 25)]
)
def test_a_day_at_rest_is_as_long_as_the_clocks_make_it(day: date, long: int) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    rows = [log(clock.iso(noon - timedelta(days=9)), "OFF")]
    rows.append(log(clock.iso(noon + timedelta(days=9)), "ON"))

    found = days(rows, day, day, noon + timedelta(days=20))

    assert found[day.isoformat()].status_durations.off_duty == long * HOUR_MS


def test_a_status_that_lasted_no_time_ends_nothing() -> None:
    """Who is off duty, on duty and off duty again in the same instant has been off duty all along."""
    rows = [
        log("2026-03-10T00:00:00Z", "OFF"),
        log("2026-03-12T08:00:00Z", "ON"),
        log("2026-03-12T08:00:00Z", "OFF"),
    ]
    now = datetime(2026, 3, 20, tzinfo=UTC)

    [stretch] = hours.timeline(rows, [], now)

    assert (stretch.status, stretch.ends_at, len(stretch.logs)) == ("off_duty", None, 2)
    found = days(rows, date(2026, 3, 11), date(2026, 3, 14), now)
    assert [day.status_durations.off_duty for day in found.values()] == [24 * HOUR_MS] * 4


@pytest.mark.parametrize("dated", ["2026-07-11T03:00:00Z", "2026-07-11T07:00:00Z"])
@pytest.mark.parametrize("next_day", [False, True])
def test_fuel_is_of_the_trip_that_burnt_it_on_whichever_side_of_midnight_it_is_dated(
    dated: str, next_day: bool
) -> None:
    def trip(start: str, stop: str) -> Raw:
        return raw(device={"id": "b1"}, start=start, stop=stop, distance=320.0, averageSpeed=80)

    rows = [trip("2026-07-11T03:00:00Z", "2026-07-11T07:00:00Z")]  # From ten at night until two.
    fuel = [raw(id="f1", device={"id": "b1"}, dateTime=dated, totalFuelUsed=110.0)]
    if next_day:
        rows.append(trip("2026-07-11T15:00:00Z", "2026-07-11T19:00:00Z"))
        fuel.append(
            raw(id="f2", device={"id": "b1"}, dateTime="2026-07-11T19:00:00Z", totalFuelUsed=90.0)
        )

    cut = trips.usage_cut(
        "b1", rows, fuel, HOME, (date(2026, 7, 10), date(2026, 7, 12)), OURS, "geotab"
    )

    burnt = {
        day.date: day.fuel_consumed for day in cut.records if isinstance(day, VehicleUtilizationDay)
    }
    assert burnt == {"2026-07-10": 110.0} | ({"2026-07-11": 90.0} if next_day else {})


def test_fuel_without_a_trip_is_of_no_day() -> None:
    fuel = [raw(id="f1", device={"id": "b1"}, dateTime="2026-07-11T03:00:00Z", totalFuelUsed=1.0)]

    cut = trips.usage_cut(
        "b1", [], fuel, HOME, (date(2026, 7, 10), date(2026, 7, 12)), OURS, "geotab"
    )

    assert not cut.records


@pytest.mark.parametrize("zone", ["Australia/Sydney", "Pacific/Kiritimati", "Pacific/Honolulu"])
async def test_the_first_day_of_a_window_has_all_its_miles_wherever_the_driver_is_at_home(
    zone: str,
) -> None:
    """Six hours of eighty kilometres each, from one in the morning on: some of it two UTC days before."""
    first, now = date(2026, 6, 20), datetime(2026, 6, 30, tzinfo=UTC)
    logs: list[dict[str, Any]] = []
    driven: list[dict[str, Any]] = []
    for day in range(15, 28):
        begin = datetime(2026, 6, day, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for hour, status in ((0, "D"), (6, "OFF")):
            at = clock.iso(begin + timedelta(hours=hour))
            logs.append({"id": at, "dateTime": at, "status": status, "driver": {"id": "d1"},
                         "device": {"id": "b1"}})  # fmt: skip
        for hour in range(6):
            start = begin + timedelta(hours=hour)
            driven.append(
                {"device": {"id": "b1"}, "start": clock.iso(start), "distance": 80.0,
                 "stop": clock.iso(start + timedelta(hours=1)), "averageSpeed": 80}
            )  # fmt: skip

    def one(params: dict[str, Any]) -> list[dict[str, Any]]:
        search = params.get("search", {})
        match params["typeName"]:
            case "User":
                offset = params["sort"]["offset"]
                return [] if offset else [{"id": "d1", "timeZoneId": zone}]
            case "DutyStatusLog":
                rows, field = logs, "dateTime"
            case _:
                rows, field = driven, "stop"
        return [row for row in rows if search["fromDate"] <= row[field] <= search["toDate"]]

    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "ExecuteMultiCall":
            return result([one(each["params"]) for each in call["params"]["calls"]])
        return result(one(call["params"]))

    async with connected(Vendor(answer)) as (connector, _):
        with clock.held_at(now):
            starts_at = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
            window = {"starts_at": starts_at, "ends_at": starts_at + timedelta(days=3)}
            pages = await collect(connector, stream="hos_daily_logs", mode="history", **window)

    found = [record for page in pages for cut in page.cuts for record in cut.records]
    told = {day.date: day for day in found if isinstance(day, HOSDailyLog)}
    assert "2026-06-19" in told
    distances = [day.distances for day in told.values() if day.distances is not UNSET]
    assert [each.driving for each in distances] == [480.0] * len(told)
