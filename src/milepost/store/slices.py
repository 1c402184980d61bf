"""The slices of a sync: what it planned to fetch, and how far each is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from milepost.kit.slices import SliceRow
from milepost.store.pool import Session, fetch_one
from milepost.store.queries import queries

SQL = queries("slices")


async def of_sync(session: Session, connection_id: UUID, sync_id: UUID) -> list[SliceRow]:
    """List the slices of a sync in the order in which they are taken."""
    async with session.cursor(row_factory=class_row(SliceRow)) as cursor:
        values = {"connection_id": connection_id, "id": sync_id}
        await cursor.execute(SQL["all"].encode(), values)
        return await cursor.fetchall()


async def insert(
    session: Session, connection_id: UUID, sync_id: UUID, planned: Iterable[SliceRow]
) -> None:
    async with session.cursor() as cursor:
        await cursor.executemany(
            SQL["insert"].encode(),
            [
                {"connection_id": connection_id, "id": sync_id, **msgspec.structs.asdict(row)}
                for row in planned
            ],
        )


async def change(
    session: Session, query: str, connection_id: UUID, sync_id: UUID, **values: Any
) -> None:
    """Run one of the queries that change slices of a sync."""
    await session.execute(
        SQL[query].encode(), {"connection_id": connection_id, "id": sync_id, **values}
    )


async def progress(session: Session, connection_id: UUID, sync_id: UUID) -> float:
    """Return the finished share of the planned weight, in percent with two decimals."""
    row = await fetch_one(session, SQL["progress"], {"connection_id": connection_id, "id": sync_id})
    assert row is not None
    return float(row[0])
