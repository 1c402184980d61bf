"""Hours of service: the time that is left, and whose days are counted by which clock."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from milepost import clock
from milepost.errors import NotAllowed
from milepost.kit.days import zone_named
from milepost.kit.ledger import unknown_fields
from milepost.providers.samsara import record_fields
from milepost.providers.samsara.test_stream_fixtures import fixture, read, scripted, slice_of
from milepost.providers.samsara.zones import commonest_zone

END = {"endCursor": "", "hasNextPage": False}
CLOCKS: list[dict[str, Any]] = [
    {
        "driver": {"id": "7101", "name": "Ada Byron"},
        "currentVehicle": {"id": "281474990000101", "name": "Unit 12"},
        "currentDutyStatus": {"hosStatusType": "driving"},
        "clocks": {
            "break": {"timeUntilBreakDurationMs": 12600000},
            "drive": {"driveRemainingDurationMs": 23400000.0},
            "shift": {"shiftRemainingDurationMs": 30600000},
            "cycle": {"cycleRemainingDurationMs": 0, "cycleTomorrowDurationMs": 1},
        },
    },
    {
        "driver": {"id": "7102", "name": "Grace Hopper"},
        "currentDutyStatus": {"hosStatusType": ""},
        "clocks": {"break": {}, "shift": {"shiftRemainingDurationMs": 50400000}},
    },
    {"clocks": {}},
]


async def test_the_time_left_is_told_of_each_driver_and_what_is_unknown_is_absent() -> None:
    answers = [
        {"path": "/fleet/hos/clocks", "query": {"limit": "512"},
         "body": {"data": CLOCKS[:1], "pagination": {"endCursor": "c", "hasNextPage": True}}},
        {"path": "/fleet/hos/clocks", "query": {"limit": "512", "after": "c"},
         "body": {"data": CLOCKS[1:], "pagination": END}},
    ]  # fmt: skip

    async with scripted(answers) as (connector, _, script):
        found = await connector.available_times()

    assert script.told_all
    assert [msgspec.to_builtins(time) for time, _ in found] == [
        {
            "provider": "samsara",
            "driver": "driver:7101",
            "availableTime": {
                "cycle": 0, "shift": 30600000, "drive": 23400000, "break": 12600000,
            },
            "currentStatus": "driving",
        },
        {"provider": "samsara", "driver": "driver:7102", "availableTime": {"shift": 50400000}},
    ]  # fmt: skip
    for (_, raw), given in zip(found, CLOCKS, strict=False):
        assert json.loads(raw) == given
        assert not unknown_fields(raw, record_fields.CLOCKS)


async def test_without_the_right_to_read_hours_the_permission_is_named() -> None:
    answers = [{"path": "/fleet/hos/clocks", "status": 403, "body": {"message": "no"}}]

    async with scripted(answers) as (connector, _, _):
        with pytest.raises(NotAllowed) as caught:
            await connector.available_times()

    assert caught.value.permission == "Read ELD Compliance Settings (US)"


async def test_days_that_have_not_begun_for_the_fleet_are_not_asked_for() -> None:
    given = {**fixture("hos_daily_logs"), "starts_at": "2025-03-12T00:00:00Z"}
    given["ends_at"] = "2025-03-13T00:00:00Z"

    pages, asked, _ = await read(given)

    assert [(page.cuts, page.last) for page in pages] == [([], True)]
    assert {each.path for each in asked} == {"/fleet/drivers"}


async def test_the_drivers_are_listed_once_for_all_slices_of_a_turn() -> None:
    given = fixture("hos_daily_logs")

    async with scripted(given["answers"]) as (connector, server, _):
        with clock.held_at(clock.parse(given["now"])):
            for _ in range(2):
                async for _ in connector.pages(slice_of(given)):
                    pass

    assert len([each for each in server.asked if each.path == "/fleet/drivers"]) == 1


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "America", "../etc/passwd", "\x00"])
def test_a_name_that_is_no_time_zone_is_none(name: str | None) -> None:
    assert zone_named(name) is None


def test_the_fleets_clock_is_that_of_most_drivers_and_else_utc() -> None:
    drivers = [Raw(b'{"timezone":"America/Denver"}'), Raw(b"{}"), Raw(b"{}"), Raw(b"[]")]

    assert commonest_zone(drivers).key == "America/Denver"
    assert commonest_zone(drivers[1:]).key == "UTC"
