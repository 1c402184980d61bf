"""Where data could fall between two reads: a long sync, a vehicle that comes back, a cursor that is lost."""

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
from milepost.store import coverage
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.sync import planner

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["motive", "samsara"])
async def fleet(
    request: pytest.FixtureRequest, database: Database, application_id: UUID
) -> AsyncIterator[House]:
    """Two trucks of a provider."""
    simulator = Sandbox(Settings(vehicles=2, limits=False), registry.load().simulators())
    async with serving(simulator) as url:
        providers = registry.load({request.param: f"{url}/{request.param}"}, {request.param: 0})
        connection = await connect(database, application_id, request.param)
        house = House(database, connection, simulator, providers)
        async with house.queue.open_async():
            yield house


async def held(house: House, whose: ConnectionRow, since: datetime, until: datetime) -> set[Any]:
    """What a connection has of a time: trips and positions, by their own names."""
    trips = await house.rows(
        "select source_id from document where connection_id = %s and model = 'trip'"
        " and deleted_at is null and starts_at >= %s and starts_at < %s",
        whose.id, since, until,
    )  # fmt: skip
    positions = await house.rows(
        "select v.source_id, p.located_at from position p join document v"
        " on v.connection_id = p.connection_id and v.id = p.vehicle_id"
        " where p.connection_id = %s and p.located_at >= %s and p.located_at < %s",
        whose.id, since, until,
    )  # fmt: skip
    assert trips
    assert positions
    return {*trips, *positions}


async def another(house: House, application_id: UUID, days: float) -> ConnectionRow:
    """Connect the fleet anew and read so many days at once."""
    fresh = await connect(house.database, application_id, house.connection.provider)
    sync = await house.request(fresh, days=days)
    await house.work()
    assert (await house.state(sync)).status == "completed"
    return fresh


@pytest.mark.parametrize(
    ("missed", "removed"), [((10, 34, 60), 1), ((34,), 0)], ids=["for days", "by one listing"]
)
async def test_a_vehicle_that_was_not_listed_for_a_while_has_no_hole_when_it_is_back(
    fleet: House, application_id: UUID, missed: tuple[int, ...], removed: int
) -> None:
    with clock.held_at(NOON):
        await fleet.sync(days=1)
    gone = fleet.sandbox.world.vehicles[0].id
    await fleet.fault(kind="vehicles_missing", vehicles=[gone])
    for hours in missed:
        with clock.held_at(NOON + hours * HOUR):
            await fleet.sync()
    left = "document where model = 'vehicle' and deleted_at is not null"
    assert await fleet.count(left) == removed
    fleet.sandbox.faults.clear()
    end = NOON + 64 * HOUR
    for at in (end - 2 * HOUR, end):
        with clock.held_at(at):
            await fleet.sync()
    with clock.held_at(end):
        fresh = await another(fleet, application_id, days=6)

    since = NOON - 24 * HOUR
    assert await held(fleet, fresh, since, end) <= await held(fleet, fleet.connection, since, end)
    assert await fleet.count("coverage_gap where reason = 'not_yet_fetched'") == 0


@pytest.mark.parametrize("fleet", ["motive"], indirect=True)
async def test_a_sync_that_is_retried_days_later_lacks_nothing_of_the_time_between(
    fleet: House, application_id: UUID
) -> None:
    """A trip under way at the first attempt is told by neither look that does not look back."""
    with clock.held_at(NOON):
        sync = await fleet.request(days=2)
        await fleet.fault(kind="broken", path="*/ifta/*")
        while (await fleet.state(sync)).status != "failed":
            await fleet.work()
            await fleet.hurry()
    fleet.sandbox.faults.clear()
    with clock.held_at(NOON + 50 * HOUR):
        async with fleet.database.transaction() as session:
            await fleet.desk.retry(session, fleet.connection, sync.id)
        await fleet.work()
        assert (await fleet.state(sync)).status == "completed"
    end = NOON + 52 * HOUR
    with clock.held_at(end):
        await fleet.sync()
        fresh = await another(fleet, application_id, days=5)

    since = NOON - 48 * HOUR
    assert await held(fleet, fresh, since, end) <= await held(fleet, fleet.connection, since, end)


def test_each_look_at_the_present_looks_back_as_far_as_the_next_sync_would() -> None:
    manifest = registry.load().manifest("motive")
    asked = NOON - timedelta(days=400)

    looks = planner.increments(manifest, NOON - 2 * HOUR, NOON, earliest=asked)

    starts = {row.stream: row.starts_at for row in looks}
    for spec in manifest.streams:
        if spec.kind != "listing" and not spec.feed:
            row = max((r for r in looks if r.stream == spec.name), key=lambda r: r.ends_at or NOON)
            assert row.ends_at is not None
            assert row.ends_at >= NOON
            back = timedelta(hours=spec.look_back_hours)
            assert starts[spec.name] == NOON - 2 * HOUR - back, spec.name
    soon = planner.increments(manifest, NOON - 2 * HOUR, NOON, earliest=NOON - 3 * HOUR)
    assert {row.starts_at for row in soon} == {NOON - 3 * HOUR}


def test_what_a_lost_cursor_missed_is_looked_for_in_the_days_before_too() -> None:
    spec = registry.load().manifest("samsara").stream("locations")

    found = planner.refill(spec, NOON - 6 * HOUR, NOON, earliest=NOON - timedelta(days=90))

    assert min(row.starts_at or NOON for row in found) == NOON - 6 * HOUR - timedelta(days=7)
    bounded = planner.refill(spec, NOON - 6 * HOUR, NOON, earliest=NOON - 8 * HOUR)
    assert [row.starts_at for row in bounded] == [NOON - 8 * HOUR]


async def test_a_provider_that_loses_every_cursor_is_not_asked_for_ever(house: House) -> None:
    await house.fault(kind="cursor_lost", path="*/stats/history", query="types=gps")

    sync = await house.request(days=1)
    await house.work()

    ended = await house.state(sync)
    assert ended.status == "failed"
    assert "cannot be read on: its own cursor was unknown to it 6 times" in (
        ended.failure_reason or ""
    )
    house.sandbox.faults.clear()
    async with house.database.transaction() as session:
        await house.desk.retry(session, house.connection, sync.id)
    await house.work()
    assert (await house.state(sync)).status == "completed"


async def test_a_stretch_that_ends_before_it_begins_fills_nothing(house: House) -> None:
    async with house.database.transaction() as session:
        who = [house.connection.id]
        await coverage.fill(session, house.connection.id, "locations", who, (NOON, NOON - HOUR))
