"""What a vehicle drove in a month is told by jurisdiction: what the sum is told without, is withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.sync.house import House

from milepost import clock

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
# As if an earlier answer had put the miles of a vehicle's month, some of them, elsewhere.
COPIED = """
insert into document (connection_id, model, id, source_id, body, added_at, modified_at, vehicle_id, starts_at)
select connection_id, model, %(id)s::uuid, %(id)s, body || '{"jurisdiction": "HI"}', added_at, modified_at,
  vehicle_id, starts_at - make_interval(months => %(months_before)s)
from document where model = 'ifta_vehicle_month' order by id limit 1
"""
MOVED, EARLIER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
TOLD = "select id::text, deleted_at is not null from document where model = 'ifta_vehicle_month'"


async def test_miles_that_moved_to_another_jurisdiction_are_not_counted_twice(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=12)
        told = dict(await house.rows(TOLD))
        async with house.database.transaction() as session:
            for id_, months_before in ((MOVED, 0), (EARLIER, 7)):
                given = {"id": id_, "months_before": months_before}
                await session.execute(COPIED, given)
    with clock.held_at(NOON + timedelta(hours=25)):
        await house.sync(days=1)

    assert len(told) > 3
    # Of the earlier month nothing is told: its sum stands as it was.
    assert dict(await house.rows(TOLD)) == {**told, MOVED: True, EARLIER: False}
    assert not any(told.values())
    gone = await house.rows("select id::text from document_version where deleted_at is null")
    assert (MOVED,) in gone
