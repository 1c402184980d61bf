"""A NUL, which no text of PostgreSQL can hold, costs the record that has it and no other."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace
from tests.sync.house import House

from milepost import clock
from milepost.sandbox.world import SyntheticWorld
from milepost.sync.nul import REASON

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)


async def test_a_record_whose_id_holds_a_nul_is_set_aside_alone(house: House) -> None:
    world = house.sandbox.world
    assert isinstance(world, SyntheticWorld)
    *groups, spoilt = world.groups
    # The text of the other one is no NUL, but six letters.
    groups[1] = replace(groups[1], name="No\\u0000rth")
    world.groups = [*groups, replace(spoilt, id="9\x00")]

    with clock.held_at(NOON):
        await house.sync(days=0)

    stored = await house.rows("select source_id from document where model = 'group'")
    assert sorted(row[0] for row in stored) == sorted(group.id for group in groups)
    assert await house.rows("select reason from set_aside") == [(REASON,)]
