"""The cadence: regular, spread, and unmoved by restarts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.sync.house import House

from milepost import clock, ids
from milepost.sync.request import Desk
from milepost.sync.schedule import next_tick, request_due

CADENCE = timedelta(hours=2)


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda t: 1980 < t.year < 2200))
def test_ticks_come_after_now_within_one_cadence_and_keep_their_phase(after: datetime) -> None:
    connection_id = ids.new()

    tick = next_tick(connection_id, after, CADENCE)

    assert after < tick <= after + CADENCE
    assert next_tick(connection_id, tick, CADENCE) == tick + CADENCE
    assert next_tick(connection_id, after + (tick - after) / 2, CADENCE) == tick


def test_connections_are_spread_over_the_cadence() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    tenths = {(next_tick(ids.new(), now, CADENCE) - now) // (CADENCE / 10) for _ in range(400)}

    assert len(tenths) >= 10


async def missed(house: House, days: float) -> None:
    """Let the connection's next sync be overdue for so long."""
    async with house.database.session() as session:
        await session.execute(
            "update connection set sync_mode = 'automatic', next_sync_at = now() - %s",
            [timedelta(days=days)],
        )


async def asked(house: House) -> list[str]:
    return [row[0] for row in await house.rows("select reason from sync order by requested_at")]


async def test_ticks_that_nobody_saw_are_made_up_for_by_one_sync_in_the_old_phase(
    house: House,
) -> None:
    """As after three days in which no worker ran; each look is that of a worker that was just started."""
    await missed(house, 3)

    looks = [
        await request_due(house.database, Desk(house.registry, house.queue), CADENCE)
        for _ in range(3)
    ]

    assert looks == [1, 0, 0]
    assert await asked(house) == ["schedule"]
    [(next_sync_at,)] = await house.rows("select next_sync_at from connection")
    assert next_sync_at == next_tick(house.connection.id, clock.now(), CADENCE)


async def test_a_tick_that_meets_a_sync_at_work_starts_none_beside_it(house: House) -> None:
    manual = await house.request(days=0)
    await missed(house, 1)

    assert await request_due(house.database, house.desk, CADENCE) == 1

    assert await asked(house) == ["request"]
    await house.work()
    assert (await house.state(manual)).status == "completed"
    await missed(house, 0.1)
    assert await request_due(house.database, house.desk, CADENCE) == 1
    assert await asked(house) == ["request", "schedule"]


async def test_many_workers_that_look_at_once_ask_for_one_sync(house: House) -> None:
    await missed(house, 0.1)

    await asyncio.gather(*(request_due(house.database, house.desk, CADENCE) for _ in range(4)))

    assert await asked(house) == ["schedule"]
