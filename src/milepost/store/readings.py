"""Reads the dense series of a vehicle, positions and stats, by record time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from milepost.store.documents import FIRST, LAST
from milepost.store.pool import Session
from milepost.store.queries import queries

SQL = queries("readings")

# The database's resolution: the first instant after another.
_TICK = timedelta(microseconds=1)


class PositionRow(NamedTuple):
    """A stored position; degrees and km/h."""

    located_at: datetime
    latitude: float
    longitude: float
    heading: float | None
    speed: float | None
    driver_id: UUID | None
    address: str | None
    source_id: str | None
    modified_at: datetime
    raw_id: int | None
    raw_ordinal: int | None


class StatRow(NamedTuple):
    """A stored reading; `type` is an index of models.stats.STAT_TYPES, `value` in that type's unit."""

    at: datetime
    type: int
    value: float
    source_id: str | None
    modified_at: datetime
    raw_id: int | None
    raw_ordinal: int | None


async def positions(
    session: Session,
    connection_id: UUID,
    vehicle_id: UUID,
    *,
    after: datetime | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[PositionRow]:
    """List positions of [since, until) in order of record time, from after the given place."""
    values = {
        "connection_id": connection_id,
        "vehicle_id": vehicle_id,
        "since": after + _TICK if after else since or FIRST,
        "until": until or LAST,
        "limit": limit,
    }
    cursor = await session.execute(SQL["positions"].encode(), values, prepare=True)
    return [PositionRow._make(row) for row in await cursor.fetchall()]


async def stats(
    session: Session,
    connection_id: UUID,
    vehicle_id: UUID,
    *,
    after: tuple[datetime, int] | None,
    since: datetime | None,
    until: datetime | None,
    types: Iterable[int],
    limit: int,
) -> list[StatRow]:
    """List readings of [since, until) in order of record time and type, from after the given place."""
    since, after_type = after or (since or FIRST, -1)
    values = {
        "connection_id": connection_id,
        "vehicle_id": vehicle_id,
        "since": since,
        "after_type": after_type,
        "until": until or LAST,
        "types": list(types),
        "limit": limit,
    }
    cursor = await session.execute(SQL["stats"].encode(), values, prepare=True)
    return [StatRow._make(row) for row in await cursor.fetchall()]
