"""Syncs of Samsara, Motive and Geotab whose vendor misbehaves in every way at once end whole: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.sync.house import House, connect

from milepost import clock
from milepost.kit import registry
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store.pool import Database

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
START = NOON - timedelta(days=1)
LOGINS = {
    "samsara": b'{"apiKey":"key"}',
    "motive": b'{"apiKey":"key"}',
    "geotab": b'{"username":"a@fleet.example","password":"any","database":"fleet"}',
}
# What each fault is aimed at: a path, or a text of the body where all goes to one path.
AIMS = {
    "samsara": ["*/stats/history", "*/trips", "*/hos/logs", "*/fleet/drivers", "*/fleet/vehicles"],
    "motive": ["*/v3/vehicle_locations/*", "*/driving_periods", "*/logs", "*/users", "*/vehicles"],
    "geotab": ["LogRecord", "Trip", "DutyStatusLog", "User", "StatusData"],
}
MOST_TURNS = 40


@pytest.fixture(params=sorted(LOGINS))
async def rough(
    request: pytest.FixtureRequest, database: Database, application_id: UUID
) -> AsyncIterator[House]:
    code: str = request.param
    settings = Settings(vehicles=4, limits=False, page_readings=4_000, page_records=7)
    simulator = Sandbox(settings, registry.load().simulators())
    async with serving(simulator) as url:
        providers = registry.load({code: f"{url}/{code}"}, {code: 0})
        connection = await connect(database, application_id, code, LOGINS[code])
        made = House(database, connection, simulator, providers)
        async with made.queue.open_async():
            yield made


async def break_down(house: House, **fault: Any) -> None:
    """Let a fault hit each kind of call once or twice."""
    code = house.connection.provider
    for aim in AIMS[code]:
        where = {"query": aim} if code == "geotab" else {"path": aim}
        await house.fault(**{**fault, **where})


async def finished(house: House, at: datetime) -> str:
    """Work a sync off, a minute later each time that it had to wait; say how it ended."""
    with clock.held_at(at):
        sync = await house.request(start_from=START)
    for turn in range(MOST_TURNS):
        with clock.held_at(at + timedelta(minutes=turn)):
            await house.work()
            sync = await house.state(sync)
        if sync.status not in ("requested", "in_progress"):
            return sync.status
    return f"{sync.status} after {MOST_TURNS} turns"


async def agrees(house: House) -> None:
    world, start = house.sandbox.world, START + timedelta(seconds=1)
    listed = await house.rows("select source_id, id from document where model = 'vehicle'")
    assert len(listed) == len(world.vehicles)
    found = {
        name: await house.count(
            "position where vehicle_id = %s and located_at >= %s and located_at < %s", id_, start,
            NOON - timedelta(minutes=1),
        )
        for name, id_ in listed
    }  # fmt: skip
    true = [
        sum(
            start <= fix.located_at < NOON - timedelta(minutes=1)
            for window in world.held(vehicle.id, START, NOON, NOON)
            for fix in world.fixes(vehicle.id, *window)
        )
        for vehicle in world.vehicles
    ]
    assert sorted(found.values()) == pytest.approx(sorted(true), abs=1)
    trips = sum(
        trip.starts_at >= START
        for vehicle in world.vehicles
        for trip in world.trips(vehicle.id, START, NOON, NOON)
    )
    told = (
        "document where model = 'trip' and starts_at >= %s and ends_at <= %s and deleted_at is null"
    )
    assert await house.count(told, START, NOON) == pytest.approx(trips, abs=len(world.vehicles))
    assert await house.count("document where model = 'driver'") == len(world.drivers)
    assert await house.count("document where deleted_at is not null") == 0
    doubled = (
        "(select 1 from position group by vehicle_id, located_at having count(*) > 1) as twice"
    )
    assert await house.count(doubled) == 0


async def test_a_fleet_is_whole_though_every_kind_of_call_fails_in_every_way(rough: House) -> None:
    for fault in (
        {"kind": "throttled", "count": 3, "seconds": 0.01}, {"kind": "throttled", "count": 1, "seconds": 30},
        {"kind": "broken", "count": 1}, {"kind": "broken_text", "count": 1},
        {"kind": "cut", "count": 1}, {"kind": "truncated", "count": 1},
        {"kind": "rows_repeated"}, {"kind": "rows_reordered"}, {"kind": "unknown_field"},
    ):  # fmt: skip
        await break_down(rough, **fault)

    assert await finished(rough, NOON) == "completed"

    assert [fault.kind for fault in rough.sandbox.faults.list() if not fault.hits] == []
    await agrees(rough)
    assert await rough.count("issue") == 0


async def test_a_token_that_is_revoked_in_the_middle_stops_the_sync_and_loses_nothing(
    rough: House,
) -> None:
    code = rough.connection.provider
    where = {"query": AIMS[code][0]} if code == "geotab" else {"path": AIMS[code][0]}
    await rough.fault(kind="token_revoked", skip=1, **where)

    stopped = await finished(rough, NOON)
    (status,) = (await rough.rows("select status from connection"))[0]
    rough.sandbox.faults.clear()
    await rough.rows("update connection set status = 'connected' returning 1")
    again = await finished(rough, NOON + timedelta(hours=1))

    assert (stopped, status) == ("failed", "disconnected")
    assert again == "completed"
    await agrees(rough)
