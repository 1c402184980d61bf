"""Drops what is older than it is to be kept: rows of a connection in batches, and whole months of series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from psycopg import sql
from psycopg.errors import LockNotAvailable

from milepost.store.partitions import Series
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("expiry")

_COUNTED = {"positions": "vehicle_location", "stats": "vehicle_stat"}
_TIMES: dict[Series, str] = {"position": "located_at", "stat": "at"}
# Emptying a month waits no longer for its readers, and so keeps no new one waiting for longer.
_PATIENCE = "set local lock_timeout = '100ms'"


async def due(
    session: Session, cutoffs: Mapping[str, datetime], after: UUID | None, limit: int
) -> list[tuple[UUID, str]]:
    """List connections, with their providers, that may hold something from before the cutoffs of the kinds."""
    values = {"kinds": list(cutoffs), "cutoffs": list(cutoffs.values())}
    rows = await fetch_all(session, SQL["due"], {**values, "after": after, "limit": limit})
    return [(row[0], row[1]) for row in rows]


async def reached(session: Session, connection_id: UUID) -> dict[str, datetime]:
    """Say by kind from before when nothing is left."""
    rows = await fetch_all(session, SQL["reached"], {"connection_id": connection_id})
    return {row[0]: row[1] for row in rows}


async def reach(session: Session, connection_id: UUID, kind: str, cutoff: datetime) -> None:
    """Note that nothing of a kind is left from before an instant; of a series, no rows are counted either."""
    values = {"connection_id": connection_id, "kind": kind, "cutoff": cutoff}
    await session.execute(SQL["reach"].encode(), values)
    if kind in _COUNTED:
        await session.execute(SQL["uncount"].encode(), {**values, "model": _COUNTED[kind]})


async def release(session: Session, connection_id: UUID, since: Mapping[str, datetime]) -> None:
    """Hold nothing any more of the streams from before these instants."""
    values = {"streams": list(since), "since": list(since.values())}
    for query in ("release", "release_gaps"):
        await session.execute(SQL[query].encode(), {"connection_id": connection_id, **values})


async def drop_some(
    session: Session,
    connection_id: UUID,
    query: str,
    cutoff: datetime,
    most: int,
    model: str | None = None,
) -> int:
    """Run one of the queries that delete up to `most` rows of a connection; return how many went."""
    values = {"connection_id": connection_id, "cutoff": cutoff, "most": most, "model": model}
    cursor = await session.execute(SQL[query].encode(), values)
    return cursor.rowcount


async def drop_by_age(session: Session, query: str, cutoff: datetime, most: int) -> int:
    """Run one of the queries that delete up to `most` rows of all connections; return how many went."""
    cursor = await session.execute(SQL[query].encode(), {"cutoff": cutoff, "most": most})
    return cursor.rowcount


async def drop_some_of_series(
    session: Session, connection_id: UUID, series: Series, cutoff: datetime, most: int
) -> int:
    """Delete up to `most` rows from before the cutoff, of the month in which it lies."""
    month = cutoff.astimezone(UTC)
    table = f"{series}_y{month.year:04}m{month.month:02}"
    there = await fetch_one(session, "select to_regclass(%s) is not null", (table,))
    if there is None or not there[0]:
        return 0
    query = sql.SQL(SQL["series"]).format(
        table=sql.Identifier(table), time=sql.Identifier(_TIMES[series])
    )
    values = {"connection_id": connection_id, "cutoff": cutoff, "most": most}
    cursor = await session.execute(query, values)
    return cursor.rowcount


async def empty_months(session: Session, kind: str, series: Series, cutoff: datetime) -> list[str]:
    """Empty the months that lie before the cutoff with all that is in them, of all connections at once.

    None is emptied while a connection may say that it holds something of it, nor one that is being read
    just now: the next look tries again. The emptied table stays, so that whoever writes finds its month.
    """
    row = await fetch_one(session, SQL["behind"], {"kind": kind, "cutoff": cutoff})
    if row is None or row[0]:
        return []
    month = cutoff.astimezone(UTC)
    first_kept = f"{series}_y{month.year:04}m{month.month:02}"
    rows = await fetch_all(session, SQL["months"], {"series": series, "first_kept": first_kept})
    return [table for (table,) in rows if await _empty(session, table)]


async def _empty(session: Session, table: str) -> bool:
    name = sql.Identifier(table)
    cursor = await session.execute(sql.SQL("select exists (select from {})").format(name))
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return False
    try:
        async with session.transaction():
            await session.execute(_PATIENCE)
            await session.execute(sql.SQL("truncate {}").format(name))
    except LockNotAvailable:
        return False
    return True
