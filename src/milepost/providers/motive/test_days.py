"""Which days are asked for: UTC ones, the company's or the driver's, also where clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from milepost import clock
from milepost.kit.loopback import Asked, Said
from milepost.providers.motive.conftest import collect, connected, listed, records, said

LISTS = {
    "/v1/driving_periods": "driving_periods",
    "/v1/logs": "logs",
    "/v2/driver_performance_events": "driver_performance_events",
    "/v1/speeding_events": "speeding_events",
    "/v2/vehicle_utilization": "vehicle_utilizations",
    "/v1/ifta/summary": "ifta_trips",
    "/v1/vehicles": "vehicles",
}
CENTRAL = "Central Time (US & Canada)"


class Office:
    """A company in a time zone, which has one vehicle that never moved; it remembers what days were asked for."""

    def __init__(self, zone: str | None, **rows: Any) -> None:
        self._zone = zone
        self._rows = rows
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/v1/companies":
            return said({"companies": [{"company": {"id": 1, "time_zone": self._zone}}]})
        if "start_date" in asked.query:
            days = asked.query["start_date"], asked.query["end_date"]
            self.asked.append((asked.path, *days))
        if asked.path.startswith("/v3/vehicle_locations/"):
            return said({"vehicle_locations": []})
        plural = LISTS[asked.path]
        return said(listed(plural, *self._rows.get(plural, [])))

    def days(self, path: str) -> list[tuple[str, str]]:
        return [(first, last) for asked, first, last in self.asked if asked == path]


async def days_asked(
    stream: str, path: str, window: tuple[str, str], now: str, zone: str | None = CENTRAL
) -> list[tuple[str, str]]:
    office = Office(zone, vehicles=[{"id": 21}])
    starts_at, ends_at = map(clock.parse, window)
    async with connected(office) as (connector, _):
        with clock.held_at(clock.parse(now)):
            slice_: dict[str, Any] = {"stream": stream, "mode": "history"}
            await collect(connector, starts_at=starts_at, ends_at=ends_at, **slice_)
    return office.days(path)


NIGHT = ("2026-03-08T03:00:00Z", "2026-03-09T03:00:00Z")  # Clocks go forward in it.


@pytest.mark.parametrize(
    ("stream", "path", "days"),
    [
        ("trips", "/v1/driving_periods", ("2026-03-08", "2026-03-09")),
        ("locations", "/v3/vehicle_locations/21", ("2026-03-08", "2026-03-09")),
        # A driver may live anywhere, and nobody says by whose clock events are counted.
        ("hos_logs", "/v1/logs", ("2026-03-07", "2026-03-10")),
        ("hos_daily_logs", "/v1/logs", ("2026-03-07", "2026-03-10")),
        ("safety_events", "/v2/driver_performance_events", ("2026-03-07", "2026-03-10")),
        ("safety_events", "/v1/speeding_events", ("2026-03-07", "2026-03-10")),
    ],
)
async def test_a_window_is_asked_for_by_the_days_of_its_endpoint(
    stream: str, path: str, days: tuple[str, str]
) -> None:
    asked = await days_asked(stream, path, NIGHT, "2026-03-12T00:00:00Z")

    assert asked[-1] == days


async def test_a_window_that_ends_at_midnight_does_not_touch_the_day_that_begins_there() -> None:
    window = ("2026-07-14T00:00:00Z", "2026-07-15T00:00:00Z")

    asked = await days_asked("trips", "/v1/driving_periods", window, "2026-07-20T00:00:00Z")

    assert asked == [("2026-07-14", "2026-07-14")]


async def test_the_longest_window_of_trips_is_one_that_the_vendor_still_answers() -> None:
    begins = clock.parse("2026-06-16T23:59:00Z")
    window = (clock.iso(begins), clock.iso(begins + timedelta(hours=672)))

    ((first, last),) = await days_asked("trips", "/v1/driving_periods", window, window[1])

    length = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    assert length <= timedelta(days=30)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        # Midnight in Chicago is 06:00 UTC before clocks go forward on March 8, and 05:00 after it.
        ("2026-03-08T05:59:59Z", "2026-03-06"),
        ("2026-03-08T06:00:00Z", "2026-03-07"),
        ("2026-03-09T04:59:59Z", "2026-03-07"),
        ("2026-03-09T05:00:00Z", "2026-03-08"),
    ],
)
async def test_a_companys_day_is_asked_for_as_soon_as_it_is_over_there_in_spring(
    now: str, last: str
) -> None:
    window = ("2026-03-06T00:00:00Z", now)

    asked = await days_asked("utilization_days", "/v2/vehicle_utilization", window, now)

    assert asked[-1] == (last, last)
    assert asked[0] == ("2026-03-06", "2026-03-06")
    assert all(first == end for first, end in asked)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        # The day on which clocks go back, November 1, has 25 hours.
        ("2026-11-02T05:59:59Z", "2026-10-31"),
        ("2026-11-02T06:00:00Z", "2026-11-01"),
    ],
)
async def test_a_companys_day_is_asked_for_as_soon_as_it_is_over_there_in_autumn(
    now: str, last: str
) -> None:
    window = ("2026-10-31T00:00:00Z", now)

    asked = await days_asked("utilization_days", "/v2/vehicle_utilization", window, now)

    assert asked[-1] == (last, last)


@pytest.mark.parametrize("zone", [None, "", "Somewhere Else"])
async def test_without_a_zone_that_is_known_days_are_counted_by_utc(zone: str | None) -> None:
    window = ("2026-07-14T00:00:00Z", "2026-07-15T00:00:00Z")

    asked = await days_asked(
        "utilization_days", "/v2/vehicle_utilization", window, "2026-07-15T00:00:00Z", zone
    )

    assert asked == [("2026-07-14", "2026-07-14")]


async def test_a_day_has_one_name_in_every_zone_and_its_record_one_id() -> None:
    rows = [{"vehicle": {"id": 21}, "total_distance": 8.5, "driving_time": 600, "message": ""}]
    found = []
    for zone in ("Hawaii", "Auckland"):
        office = Office(zone, vehicle_utilizations=rows)
        async with connected(office) as (connector, _):
            with clock.held_at(clock.parse("2026-07-20T00:00:00Z")):
                pages = await collect(
                    connector, stream="utilization_days", mode="history",
                    starts_at=clock.parse("2026-07-14T00:00:00Z"),
                    ends_at=clock.parse("2026-07-16T00:00:00Z"),
                )  # fmt: skip
        found.append([(each["id"], each["date"]) for each in records(pages)])

    assert found[0] == found[1]
    assert [date for _, date in found[0]] == ["2026-07-14", "2026-07-15"]


@pytest.mark.parametrize(
    ("now", "months"),
    [
        # It is still the last day of July in Chicago.
        ("2026-08-01T04:59:59Z", [("2026-07-01", "2026-07-31")]),
        ("2026-08-01T05:00:00Z", [("2026-07-01", "2026-07-31"), ("2026-08-01", "2026-08-01")]),
        # Standard time ends a month an hour later by UTC than summer time does.
        ("2026-12-01T05:59:59Z", [("2026-11-01", "2026-11-30")]),
        ("2026-12-01T06:00:00Z", [("2026-11-01", "2026-11-30"), ("2026-12-01", "2026-12-01")]),
        ("2028-02-29T12:00:00Z", [("2028-01-01", "2028-01-31"), ("2028-02-01", "2028-02-29")]),
    ],
)
async def test_miles_are_asked_for_by_the_companys_months_as_far_as_they_have_gone(
    now: str, months: list[tuple[str, str]]
) -> None:
    starts_at = clock.iso(clock.parse(now) - timedelta(days=30))

    asked = await days_asked("ifta_months", "/v1/ifta/summary", (starts_at, now), now)

    assert asked == months


async def test_a_days_log_keeps_the_date_that_its_driver_gave_it() -> None:
    log = {
        "id": 1, "date": "2026-03-08", "driver": {"id": 11}, "time_zone": CENTRAL,
        "driving_duration": 23 * 3600, "total_miles": 10, "metric_units": False,
        "events": [{"event": {"id": 5, "type": "driving", "start_time": "2026-03-08T06:00:00Z",
                              "end_time": "2026-03-09T05:00:00Z"}}],
    }  # fmt: skip
    async with connected(Office(CENTRAL, logs=[log])) as (connector, _):
        with clock.held_at(clock.parse("2026-03-10T00:00:00Z")):
            window: dict[str, Any] = dict(zip(("starts_at", "ends_at"), map(clock.parse, NIGHT),
                                              strict=True))  # fmt: skip
            (day,) = records(await collect(connector, stream="hos_daily_logs", mode="history",
                                           **window))  # fmt: skip
            (status,) = records(
                await collect(connector, stream="hos_logs", mode="history", **window)
            )

    assert (day["date"], day["id"]) == ("2026-03-08", "hos_daily_log:11:2026-03-08")
    assert day["statusDurations"]["driving"] == 23 * 3_600_000
    assert day["distances"]["total"] == 16.093
    assert status["startedAt"] == "2026-03-08T06:00:00.000Z"
