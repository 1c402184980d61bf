"""Answers that are odd in one place: the place is left out or set aside, and nothing else is lost for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost import clock
from milepost.kit.loopback import Asked, Said
from milepost.models.stats import StatReading
from milepost.providers.motive import readings
from milepost.providers.motive.conftest import collect, connected, listed, records, said

NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
COMPANY = {"id": 1, "time_zone": "UTC"}


async def told(path: str, body: Any, stream: str, company: Any = COMPANY) -> Any:
    """Read a day of a stream of one vehicle, of which the vendor says `body` at one path."""

    def answer(asked: Asked) -> Said:
        if asked.path == path:
            return said(body)
        if asked.path == "/v1/companies":
            return said({"companies": [{"company": company}]})
        if asked.path == "/v1/vehicles":
            return said(listed("vehicles", {"id": 21}))
        return said(listed(asked.path.rpartition("/")[2]))

    async with connected(answer) as (connector, _):
        with clock.held_at(NOW):
            return await collect(
                connector, stream=stream, mode="history", starts_at=NOW - DAY, ends_at=NOW
            )


def rejects(pages: Any) -> list[str]:
    return [reject.reason for page in pages for cut in page.cuts for reject in cut.rejects]


async def test_faults_that_nobody_wants_fail_nothing_for_a_field_that_does_not_fit() -> None:
    old = clock.iso(NOW - 300 * DAY)
    faults = [
        {"id": n, "code": "100", "status": "closed", "fmi": "9", "vehicle": {"id": 21},
         "first_observed_at": old, "last_observed_at": old}
        for n in (1, 2)
    ]  # fmt: skip

    pages = await told("/v1/fault_codes", listed("fault_codes", *faults), "fault_codes")

    assert (records(pages), pages[-1].last) == ([], True)


@pytest.mark.parametrize("date", ["", "06/03/2019", "2019-6-3", None])
async def test_a_daily_log_without_a_readable_day_is_set_aside_alone(date: str | None) -> None:
    days = [
        {"id": n, "date": each, "driver": {"id": 31}} for n, each in enumerate((date, "2026-07-14"))
    ]

    pages = await told("/v1/logs", listed("logs", *days), "hos_daily_logs")

    assert [each["date"] for each in records(pages)] == ["2026-07-14"]
    assert [why for why in rejects(pages) if why.startswith("date")] != []


async def test_a_sum_of_events_is_none_itself() -> None:
    event = {"type": "hard_brake", "start_time": clock.iso(NOW - DAY / 2), "vehicle": {"id": 21}}
    events = [
        {"id": 1, **event},
        {"id": 2, **event, "aggregated": True},
        {"id": 3, **event, "aggregated": False},
    ]

    pages = await told(
        "/v2/driver_performance_events",
        listed("driver_performance_events", *events),
        "safety_events",
    )

    assert [each["sourceId"] for each in records(pages)] == ["1", "3"]


@pytest.mark.parametrize(
    "end", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"]
)
async def test_an_end_that_is_no_time_is_left_out(end: str) -> None:
    event = {"id": 1, "type": "hard_brake", "start_time": clock.iso(NOW - DAY / 2), "end_time": end,
             "vehicle": {"id": 21}}  # fmt: skip

    pages = await told(
        "/v2/driver_performance_events", listed("driver_performance_events", event), "safety_events"
    )

    (found,) = records(pages)
    assert "endedAt" not in found


@pytest.mark.parametrize("locations", [None, []])
async def test_a_vehicle_without_positions_may_say_so_by_null(locations: Any) -> None:
    pages = await told("/v3/vehicle_locations/21", {"vehicle_locations": locations}, "locations")

    assert (records(pages), rejects(pages), pages[-1].last) == ([], [], True)


async def test_a_company_is_known_however_its_numbers_are_written() -> None:
    body = listed("vehicle_utilizations")
    pages = await told(
        "/v2/vehicle_utilization", body, "utilization_days", COMPANY | {"dot_ids": "123"}
    )

    assert pages[-1].last


async def test_a_breadcrumb_without_a_speed_starts_no_engine() -> None:
    trail = [("ignition_on", 0.0), ("ignition_off", 0.0), ("breadcrumb", None), ("breadcrumb", 9.0)]
    locations = [
        {"vehicle_location": {"located_at": clock.iso(NOW - DAY / 2 + n * DAY / 99), "type": type_,
                              "speed": speed, "lat": 40.0, "lon": -112.0}}
        for n, (type_, speed) in enumerate(trail)
    ]  # fmt: skip

    pages = await told("/v3/vehicle_locations/21", {"vehicle_locations": locations}, "locations")

    found = [
        (record.at, record.value) for page in pages for cut in page.cuts for record in cut.records
        if isinstance(record, StatReading)
    ]  # fmt: skip
    times = [NOW - DAY / 2 + n * DAY / 99 for n in (0, 1, 3)]
    assert [value for _, value in found] == [readings.ON, readings.OFF, readings.ON]
    assert [clock.iso(at) for at, _ in found] == [clock.iso(at) for at in times]
