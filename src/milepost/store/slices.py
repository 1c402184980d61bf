"""The slices of a sync: what it planned to fetch, and how far each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from milepost.kit.slices import SliceRow
from milepost.store.pool import Session, fetch_one
from milepost.store.queries import queries

SQL = queries("slices")


async def todo(session: Session, connection_id: UUID, sync_id: UUID) -> list[SliceRow]:
    """List the slices of a sync that have not ended, in the order in which they are taken."""
    async with session.cursor(row_factory=class_row(SliceRow)) as cursor:
        values = {"connection_id": connection_id, "id": sync_id}
        await cursor.execute(SQL["todo"].encode(), values)
        return await cursor.fetchall()


async def some(
    session: Session, connection_id: UUID, sync_id: UUID, first: int, count: int
) -> list[SliceRow]:
    """List `count` slices of a sync from a number on, ended ones too."""
    async with session.cursor(row_factory=class_row(SliceRow)) as cursor:
        values = {"connection_id": connection_id, "id": sync_id, "first": first, "count": count}
        await cursor.execute(SQL["some"].encode(), values)
        return await cursor.fetchall()


async def insert(
    session: Session, connection_id: UUID, sync_id: UUID, planned: Sequence[SliceRow]
) -> None:
    """Write slices down, and add them to the sums of their streams."""
    owner = {"connection_id": connection_id, "id": sync_id}
    async with session.cursor() as cursor:
        await cursor.executemany(
            SQL["insert"].encode(),
            [{**owner, **msgspec.structs.asdict(row)} for row in planned],
        )
    for stream in dict.fromkeys(row.stream for row in planned):
        own = [row for row in planned if row.stream == stream]
        sums = {"slices": len(own), "weight": sum(row.weight for row in own)}
        values = {**owner, "stream": stream, "rank": min(row.rank for row in own), **sums}
        await session.execute(SQL["announce"].encode(), values)


async def next_number(session: Session, connection_id: UUID, sync_id: UUID) -> int:
    """Return the number of the next slice to be planned; 0 for a sync that was never planned."""
    values = {"connection_id": connection_id, "id": sync_id}
    row = await fetch_one(session, SQL["next_number"], values)
    assert row is not None
    return int(row[0])


async def urgent(session: Session, connection_id: UUID, sync_id: UUID, rank: int) -> bool:
    """Say whether a sync has slices to do that come before `rank`."""
    values = {"connection_id": connection_id, "id": sync_id, "rank": rank}
    row = await fetch_one(session, SQL["urgent"], values)
    assert row is not None
    return bool(row[0])


async def change(
    session: Session, query: str, connection_id: UUID, sync_id: UUID, **values: Any
) -> None:
    """Run one of the queries that change slices of a sync."""
    await session.execute(
        SQL[query].encode(), {"connection_id": connection_id, "id": sync_id, **values}
    )


async def start_again(
    session: Session, connection_id: UUID, sync_id: UUID, number: int, *, most: int
) -> bool:
    """Let a slice be read from its beginning; False where it was `most` times already."""
    values = {"connection_id": connection_id, "id": sync_id, "number": number, "most": most}
    return await fetch_one(session, SQL["start_again"], values) is not None


async def reopen(session: Session, connection_id: UUID, sync_id: UUID) -> None:
    """Let what did not end well be read again."""
    await change(session, "reopen", connection_id, sync_id)
    await change(session, "reopen_streams", connection_id, sync_id)


async def read_news_again(session: Session, connection_id: UUID, sync_id: UUID) -> None:
    """Let listings and feeds that were read to the end be read again, in the same sync."""
    await change(session, "read_news_again", connection_id, sync_id)


async def progress(session: Session, connection_id: UUID, sync_id: UUID) -> float:
    """Return the finished share of the planned weight, in percent with two decimals."""
    row = await fetch_one(session, SQL["progress"], {"connection_id": connection_id, "id": sync_id})
    assert row is not None
    return float(row[0])
