"""What leaves a fleet, and what is withdrawn: told by complete listings only, and never by a fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.sync.house import House, connect

from milepost import clock, ids
from milepost.kit import registry
from milepost.providers.geotab.sim_dialect import long_id
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store import connections
from milepost.store.pool import Database
from milepost.sync.resolving import resolve
from milepost.sync.telling import Teller

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
# In the days after it, people take back safety events and a duty status.
REVIEWED = datetime(2026, 2, 20, 12, tzinfo=UTC)
# In the days after it, three exceptions of twelve trucks are dismissed that counted until then.
LOOKED_AT = datetime(2026, 2, 9, 12, tzinfo=UTC)
AT_WORK = "sync where status in ('requested', 'in_progress')"
GONE = "document where model = 'vehicle' and deleted_at is not null"
LOSS = "select status from issue where subject = 'vehicles:loss'"


@pytest.fixture
async def fleet(database: Database, application_id: UUID) -> AsyncIterator[House]:
    """A fleet of twelve trucks, whose listing takes three pages."""
    settings = Settings(vehicles=12, limits=False, page_readings=400, page_records=4)
    simulator = Sandbox(settings, registry.load().simulators())
    async with serving(simulator) as url:
        providers = registry.load({"samsara": f"{url}/samsara"}, pace={"samsara": 0})
        made = House(database, await connect(database, application_id), simulator, providers)
        async with made.queue.open_async():
            yield made


async def lose(house: House, count: int) -> None:
    """Let so many trucks be as if they had been deleted at the provider."""
    house.sandbox.faults.clear()
    gone = [vehicle.id for vehicle in house.sandbox.world.vehicles[:count]]
    await house.fault(kind="vehicles_missing", vehicles=gone)


async def gone_after(house: House, hours: int) -> int:
    """Sync once more; return how many vehicles are removed then."""
    with clock.held_at(NOON + timedelta(hours=hours)):
        await house.sync(days=0)
        while await house.count(AT_WORK):
            await house.hurry()
            await house.work()
    return await house.count(GONE)


async def test_a_vehicle_is_removed_by_two_complete_listings_in_a_row_with_its_event(
    fleet: House,
) -> None:
    await gone_after(fleet, 0)
    await lose(fleet, 1)

    assert await gone_after(fleet, 1) == 0
    assert await gone_after(fleet, 2) == 1
    assert (await fleet.events()).count("vehicle.removed") == 1
    fleet.sandbox.faults.clear()
    assert await gone_after(fleet, 3) == 0


@pytest.mark.parametrize("kind", ["broken", "scope_revoked", "feature_missing", "truncated"])
async def test_an_incomplete_listing_removes_nothing_however_often(fleet: House, kind: str) -> None:
    await gone_after(fleet, 0)
    await lose(fleet, 1)
    assert await gone_after(fleet, 1) == 0
    # The second page never comes; what stood on it and after it was not named.
    await fleet.fault(kind=kind, path="*/fleet/vehicles", query="after=")

    for hours in (2, 3, 4):
        assert await gone_after(fleet, hours) == 0

    fleet.sandbox.faults.clear()
    await lose(fleet, 1)
    assert await gone_after(fleet, 5) == 1


async def test_a_loss_too_large_to_believe_is_an_issue_until_a_third_listing_agrees(
    fleet: House,
) -> None:
    await gone_after(fleet, 0)
    await lose(fleet, 6)

    assert await gone_after(fleet, 1) == 0
    assert await fleet.rows(LOSS) == []
    assert await gone_after(fleet, 2) == 0
    assert await fleet.rows(LOSS) == [("ongoing",)]
    assert await gone_after(fleet, 3) == 6
    assert await fleet.rows(LOSS) == [("resolved",)]


async def test_five_vehicles_are_believed_to_be_gone_though_they_are_many_of_the_fleet(
    fleet: House,
) -> None:
    await gone_after(fleet, 0)
    await lose(fleet, 5)

    assert await gone_after(fleet, 1) == 0
    assert await gone_after(fleet, 2) == 5
    assert await fleet.rows(LOSS) == []


async def test_a_loss_that_the_third_listing_contradicts_never_was(fleet: House) -> None:
    await gone_after(fleet, 0)
    await lose(fleet, 6)
    await gone_after(fleet, 1)
    await gone_after(fleet, 2)
    fleet.sandbox.faults.clear()

    assert await gone_after(fleet, 3) == 0
    assert await fleet.rows(LOSS) == [("resolved",)]
    await lose(fleet, 6)
    assert await gone_after(fleet, 4) == 0
    assert await gone_after(fleet, 5) == 0
    assert await fleet.rows(LOSS) == [("ongoing",)]


async def test_who_resolves_the_issue_lets_go_at_once_of_those_that_both_listings_missed(
    fleet: House,
) -> None:
    await gone_after(fleet, 0)
    await lose(fleet, 6)
    await gone_after(fleet, 1)
    await lose(fleet, 7)  # The seventh is missed for the first time.
    assert await gone_after(fleet, 2) == 0

    async with fleet.database.transaction() as session:
        at = await connections.stamp(session, fleet.connection.id)
        (found,) = await fleet.rows("select id from issue where subject = 'vehicles:loss'")
        teller = Teller(fleet.connection, "Samsara")
        settled = await resolve(session, teller, fleet.registry, found[0], at)
        assert settled is not None
        assert await resolve(session, teller, fleet.registry, found[0], at) is None

    assert await fleet.count(GONE) == 6
    assert await fleet.rows(LOSS) == [("resolved",)]
    events = await fleet.events()
    assert (events.count("vehicle.removed"), events.count("issue.resolved")) == (6, 1)
    assert await gone_after(fleet, 3) == 7
    assert (await fleet.events()).count("vehicle.removed") == 7


async def documents(house: House, model: str) -> dict[str, tuple[Any, ...]]:
    found = await house.rows(
        "select source_id, deleted_at, modified_at, body from document where model = %s", model
    )
    return {row[0]: row[1:] for row in found}


GEOTAB = b'{"username":"milepost@fleet.example","password":"any","database":"fleet"}'


@pytest.fixture
async def geotab(database: Database, application_id: UUID) -> AsyncIterator[House]:
    simulator = Sandbox(Settings(vehicles=12, limits=False), registry.load().simulators())
    async with serving(simulator) as url:
        providers = registry.load({"geotab": f"{url}/geotab"}, pace={"geotab": 0})
        connection = await connect(database, application_id, "geotab", GEOTAB)
        made = House(database, connection, simulator, providers)
        async with made.queue.open_async():
            yield made


async def test_an_exception_that_a_reviewer_dismisses_is_withdrawn_by_the_feed(
    geotab: House,
) -> None:
    with clock.held_at(LOOKED_AT):
        await geotab.sync(days=3)
    before = await documents(geotab, "safety_event")
    assert before
    assert not any(row[0] for row in before.values())

    with clock.held_at(LOOKED_AT + timedelta(days=3)):
        await geotab.sync(days=0)

    after = await documents(geotab, "safety_event")
    dismissed = {
        long_id(each.id)
        for each in geotab.sandbox.world.incidents(
            LOOKED_AT - timedelta(days=3), LOOKED_AT, LOOKED_AT + timedelta(days=3)
        )
        if each.kind == "false_alarm" or each.state == "dismissed"
    }
    gone = {each for each, row in after.items() if row[0]}
    assert gone
    assert gone == dismissed & before.keys()


async def test_a_safety_event_that_a_reviewer_takes_back_is_withdrawn_by_the_feed(
    house: House,
) -> None:
    """The feed names only what changed, and the window of the event is not read again."""
    with clock.held_at(REVIEWED):
        await house.sync(days=5)
    before = await documents(house, "safety_event")
    later = REVIEWED + timedelta(days=3)
    world = house.sandbox.world
    revoked = {
        each.id
        for each in world.incidents(REVIEWED - timedelta(days=5), REVIEWED, later)
        if each.kind == "false_alarm" and each.id in before
    }
    assert revoked

    with clock.held_at(later):
        await house.sync(days=0)

    after = await documents(house, "safety_event")
    assert {each for each in before if after[each][0]} == revoked
    told = await house.rows(
        "select detail->'safetyEvent'->>'id', detail->'safetyEvent'->'metadata'->>'deletedAt'"
        " from event where type = 'safety_event.modified'"
    )
    withdrawn = {id_ for id_, deleted_at in told if deleted_at}
    assert withdrawn == {after[each][2]["id"] for each in revoked}


async def test_a_duty_status_that_is_edited_away_is_a_tombstone_that_no_reader_counts_twice(
    house: House,
) -> None:
    with clock.held_at(REVIEWED):
        await house.sync(days=4)
    seen = await documents(house, "hos_log")
    followed = max(row[1] for row in seen.values())
    with clock.held_at(REVIEWED + timedelta(hours=24)):
        await house.sync(days=0)

    after = await documents(house, "hos_log")
    withdrawn = {source_id for source_id, row in after.items() if row[0]}

    assert withdrawn
    assert withdrawn <= seen.keys()
    # Whoever follows the order of modification with `deleted=true` and applies each ends with what is there.
    state = {source_id for source_id, row in seen.items() if not row[0]}
    for source_id, row in sorted(after.items(), key=lambda each: each[1][1]):
        if row[1] > followed:
            (state.discard if row[0] else state.add)(source_id)
    assert state == after.keys() - withdrawn
    kept = await house.rows(
        "select id, deleted_at from document_version where model = 'hos_log' and id = any(%s)",
        [ids.read("hos_log", after[each][2]["id"]) for each in withdrawn],
    )
    assert {row[0] for row in kept} == {
        ids.read("hos_log", after[each][2]["id"]) for each in withdrawn
    }
