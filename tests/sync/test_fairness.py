"""One worker and many wishes: nobody waits longer than a turn, and what is new goes before what is old."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.sync.house import House, connect

from milepost import clock
from milepost.store.connections import ConnectionRow
from milepost.sync.planner import HISTORY_RANK
from milepost.sync.request import Reason

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
Meanwhile = Callable[[], Awaitable[None]]


@pytest.fixture
async def hurried(house: House, application_id: UUID) -> AsyncIterator[House]:
    """The same fleet, whose syncs are given a moment at a time."""
    found = House(house.database, house.connection, house.sandbox, house.registry, 0.1)
    async with found.queue.open_async():
        yield found


class Turns:
    """Writes down whose turn it is, and lets something happen once the first fleet is at its history."""

    def __init__(self, house: House) -> None:
        self.of: list[tuple[UUID, bool]] = []  # whose, and whether what is new was still to come
        self.asked_at = 0
        self._house = house
        self._turn = house.runner.turn
        house.runner.turn = self._taken  # type: ignore[method-assign]

    async def run(self, meanwhile: Meanwhile) -> None:
        """Let the fleet's long sync be worked off by a worker with one hand."""
        self._meanwhile = meanwhile
        with clock.held_at(NOON):
            sync = await self._house.request(days=4)
            await self._house.work()
        assert (await self._house.state(sync)).status == "completed"

    async def _taken(self, connection_id: UUID, sync_id: UUID) -> None:
        urgent = await self._is_urgent(sync_id)
        self.of.append((connection_id, urgent))
        if not self.asked_at and not urgent:
            self.asked_at = len(self.of)
            await self._meanwhile()
        await self._turn(connection_id, sync_id)

    async def _is_urgent(self, sync_id: UUID) -> bool:
        [(planned, urgent)] = await self._house.rows(
            "select count(*), count(*) filter (where rank < %s and status = 'todo')"
            " from slice where sync_id = %s",
            HISTORY_RANK,
            sync_id,
        )
        return bool(urgent or not planned)


async def test_a_long_backfill_delays_another_fleets_first_page_by_one_turn_at_most(
    hurried: House, application_id: UUID, record_property: Callable[[str, object], None]
) -> None:
    """The newcomer asks in the middle of a turn of the other's; theirs are the next, until they have what is new."""
    newcomer = await connect(hurried.database, application_id)
    turns = Turns(hurried)

    await turns.run(lambda: asked(hurried, newcomer, "request"))

    waited = turns.of[turns.asked_at :].index((newcomer.id, True))
    record_property("figure", f"the newcomer waited for the turn under way and {waited} others")
    own = turns.of.count((newcomer.id, True))
    assert own
    assert turns.of[turns.asked_at :][:own] == [(newcomer.id, True)] * own
    assert (hurried.connection.id, False) in turns.of[turns.asked_at + own :]


async def test_first_and_requested_syncs_go_before_scheduled_ones_and_those_before_backfill(
    hurried: House, application_id: UUID
) -> None:
    reasons: list[Reason] = ["schedule", "request", "connection"]
    others = [(await connect(hurried.database, application_id), each) for each in reasons]
    turns = Turns(hurried)

    async def ask() -> None:
        for other, reason in others:
            await asked(hurried, other, reason)

    await turns.run(ask)

    scheduled, requested, connected = (
        [n for n, turn in enumerate(turns.of) if turn == (other.id, True)] for other, _ in others
    )
    history = [n for n, (_, urgent) in enumerate(turns.of) if not urgent and n >= turns.asked_at]
    assert requested[0] == turns.asked_at
    assert max(requested + connected) < min(scheduled)
    assert max(scheduled) < min(history)


async def asked(hurried: House, whose: ConnectionRow, reason: Reason) -> None:
    await hurried.request(whose, reason=reason, days=0)


async def test_a_long_sync_turns_to_what_is_new_once_a_cadence_has_passed(hurried: House) -> None:
    """Three hours later the fleet has moved on: that is stored while a month of history is still to come."""
    with clock.held_at(NOON):
        sync = await hurried.request(days=30)
        while not await hurried.count("position"):
            await hurried.runner.turn(sync.connection_id, sync.id)

    later = NOON + timedelta(hours=3)
    with clock.held_at(later):
        while not await hurried.count("position where located_at > %s", later - timedelta(hours=1)):
            await hurried.runner.turn(sync.connection_id, sync.id)
            assert (await hurried.state(sync)).status == "in_progress"

    assert await hurried.count("slice where mode = 'history' and status = 'todo'")
