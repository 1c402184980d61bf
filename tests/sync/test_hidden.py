"""Hidden vehicles of a provider that is asked vehicle by vehicle: not one call is about them, and none of it is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.sync.house import House, connect

from milepost import clock
from milepost.ids import Identity
from milepost.kit import registry
from milepost.models.connection import EntityFilter, Filters
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store import connections
from milepost.store.pool import Database
from milepost.sync.govern import govern
from milepost.sync.landing import Landing

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
HISTORY = "/v3/vehicle_locations/"


@pytest.fixture
async def motive(database: Database, application_id: UUID) -> AsyncIterator[House]:
    """A fleet of six at Motive, of which four are asked about at once."""
    simulator = Sandbox(Settings(vehicles=6, limits=False), registry.load().simulators())
    async with serving(simulator) as url:
        providers = registry.load({"motive": f"{url}/motive"}, {"motive": 0})
        connection = await connect(database, application_id, "motive")
        made = House(database, connection, simulator, providers)
        async with made.queue.open_async():
            yield made


async def hide(house: House, *vehicles: str) -> None:
    """Change the filters as a PATCH does, in one transaction; nobody is hidden where none is named."""
    async with house.database.transaction() as session:
        await connections.stamp(session, house.connection.id)
        row = await connections.get(session, house.connection.id)
        assert row is not None
        filters = Filters(vehicles=EntityFilter(exclude_ids=list(vehicles))) if vehicles else None
        row = await connections.update(session, msgspec.structs.replace(row, filters=filters))
        await govern(session, row, "Motive")


def calls(house: House, vehicle: str, since: int = 0) -> int:
    """Count the calls about one vehicle's history."""
    log = house.sandbox.log.show(each=True)["each"][since:]
    return sum(each["path"].endswith(HISTORY + vehicle) for each in log)


async def positions(house: House, vehicle: str) -> int:
    found = "position where vehicle_id = %s"
    return await house.count(found, Identity(house.connection.id).uuid("vehicle", vehicle))


async def of(house: House, vehicle: str, days: int) -> int:
    """Count the positions that the world has of a vehicle."""
    world, start = house.sandbox.world, NOON - timedelta(days=days)
    return sum(
        fix.located_at.replace(microsecond=0) >= start
        for window in world.held(vehicle, start, NOON, NOON)
        for fix in world.fixes(vehicle, *window)
    )


async def test_a_hidden_vehicle_costs_no_call_and_leaves_no_page_and_is_whole_once_let_in(
    motive: House,
) -> None:
    hidden, other = (card.id for card in motive.sandbox.world.vehicles[:2])
    name = Identity(motive.connection.id).of("vehicle", hidden)
    with clock.held_at(NOON):
        await hide(motive, name)
        sync = await motive.sync(days=2)
        # Listings come first, so that whoever is hidden is known by then.
        before = (calls(motive, hidden), calls(motive, other), await positions(motive, hidden))
        archived = await motive.count("raw where schema = 'motive.vehicle_location'")
        unshown = await motive.count(
            "raw r where schema = 'motive.vehicle_location'"
            " and not exists (select from position p where p.raw_id = r.id)"
        )
        since = len(motive.sandbox.log.show(each=True)["each"])
        await hide(motive)
        again = await motive.sync()
        after = calls(motive, hidden, since)

    assert (sync.status, again.status) == ("completed", "completed")
    assert (before[0], before[2], unshown) == (0, 0, 0)
    assert archived > 0
    assert before[1] > 0
    assert after > 0
    assert await positions(motive, hidden) == await of(motive, hidden, 2)
    assert await positions(motive, other) == await of(motive, other, 2)
    assert await motive.count("coverage_gap") == 0


async def test_a_vehicle_that_is_let_in_while_it_is_passed_over_lacks_nothing_after_the_next_sync(
    motive: House, monkeypatch: Any
) -> None:
    vehicle = motive.sandbox.world.vehicles[0].id
    name = Identity(motive.connection.id).of("vehicle", vehicle)
    with clock.held_at(NOON):
        await motive.sync(days=1)
        trips = await motive.count("document where model = 'trip' and deleted_at is null")
        await hide(motive, name)
    land, let_in = Landing.land, 0

    async def land_and_let_in(self: Landing, spec: Any, row: Any, *rest: Any) -> Any:
        nonlocal let_in
        landed = await land(self, spec, row, *rest)
        if spec.name == "locations" and not let_in:
            let_in += 1
            await hide(motive)
        return landed

    with clock.held_at(NOON):
        monkeypatch.setattr(Landing, "land", land_and_let_in)
        await motive.sync(days=2)
        lacking = await motive.count("coverage_gap where stream = 'locations'")
        await motive.sync()

    assert (let_in, lacking) == (1, 1)
    assert await positions(motive, vehicle) == await of(motive, vehicle, 2)
    assert await motive.count("document where model = 'trip' and deleted_at is not null") == 0
    assert await motive.count("document where model = 'trip'") > trips
