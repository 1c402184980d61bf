"""What comes late or is changed later: read step by step over days, it is what a fleet that is read at once has."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.sync.house import House, connect

from milepost import clock
from milepost.store.connections import ConnectionRow

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
START = NOON - timedelta(days=1)
# Trucks upload late, carriers edit some days later, reviewers look at events within three days.
LATER = [timedelta(), timedelta(hours=5), timedelta(days=1), timedelta(days=4), timedelta(days=9)]

_NEWS = {
    # Some have no id at the source: whose they are, when they are and what they say names them.
    "document": "select d.model, case when d.source_id = d.body->>'id' then concat_ws(' ', v.source_id,"
    " d.starts_at, d.body->>'jurisdiction', d.body->>'code') else d.source_id end,"
    " d.modified_at, d.deleted_at is null, d.body::text from document d left join document v"
    " on v.connection_id = d.connection_id and v.model = 'vehicle' and v.id = d.vehicle_id"
    " where d.connection_id = %s and d.modified_at > %s order by d.modified_at, d.model, d.id",
    "position": "select d.source_id, p.located_at, p.modified_at, true,"
    " concat(p.latitude, ' ', p.longitude, ' ', p.speed) from position p"
    " join document d on d.connection_id = p.connection_id and d.id = p.vehicle_id"
    " where p.connection_id = %s and p.modified_at > %s order by p.modified_at",
    "stat": "select concat(d.source_id, ' ', s.type), s.at, s.modified_at, true, s.value::text"
    " from stat s join document d on d.connection_id = s.connection_id and d.id = s.vehicle_id"
    " where s.connection_id = %s and s.modified_at > %s order by s.modified_at",
}
_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Reader:
    """Follows what is modified, as a client does, and counts what it was told."""

    def __init__(self, house: House, table: str) -> None:
        self._house, self._table = house, table
        self._after = _AGO
        self.known: dict[tuple[Any, ...], str] = {}
        self.told: dict[tuple[Any, ...], list[str]] = {}
        self.rounds: list[int] = []

    async def read(self) -> None:
        news = await self._house.rows(_NEWS[self._table], self._house.connection.id, self._after)
        self.rounds.append(len(news))
        for *name, modified_at, there, body in news:
            key = tuple(name)
            self.told.setdefault(key, []).append(body if there else "")
            self._after = max(self._after, modified_at)
            if there:
                self.known[key] = body
            else:
                self.known.pop(key, None)


async def whole(house: House, table: str, whose: ConnectionRow) -> dict[tuple[Any, ...], str]:
    rows = await house.rows(_NEWS[table], whose.id, _AGO)
    return {tuple(name): body for *name, _, there, body in rows if there}


@pytest.fixture
async def readers(house: House) -> dict[str, Reader]:
    """Readers that have followed the fleet over nine days, each time after a sync without a start."""
    found = {table: Reader(house, table) for table in _NEWS}
    for step, later in enumerate(LATER):
        with clock.held_at(NOON + later):
            sync = await house.sync(**({} if step else {"start_from": START}))
        assert sync.status == "completed"
        for reader in found.values():
            await reader.read()
    return found


async def test_what_came_late_or_was_changed_is_told_once_and_ends_as_if_it_were_read_at_once(
    house: House, readers: dict[str, Reader], application_id: UUID
) -> None:
    other = await connect(house.database, application_id)
    with clock.held_at(NOON + LATER[-1]):
        await house.request(other, start_from=START)
        await house.work()

    for table, reader in readers.items():
        at_once = await whole(house, table, other)
        assert reader.known.keys() == at_once.keys(), table
        if table != "document":  # Ids of others within a document are each connection's own.
            assert reader.known == at_once
        # Nobody is told of the same thing twice in a row.
        again = [key for key, said in reader.told.items() if repeats(said)]
        assert again == []


async def test_duty_is_edited_days_later_and_events_are_relabelled(
    readers: dict[str, Reader], record_property: Callable[[str, object], None]
) -> None:
    """Else the test above would be about nothing."""
    told = readers["document"].told
    changed = {key[0] for key, said in told.items() if len(said) > 1}
    late = sum(readers["position"].rounds[1:])

    times = sum(len(said) - 1 for said in told.values())
    record_property("figure", f"{times} changes of documents in nine days, each told once")
    assert {"hos_log", "hos_daily_log", "safety_event"} <= changed
    assert late


def repeats(said: list[str]) -> bool:
    return any(one == other for one, other in itertools.pairwise(said))
