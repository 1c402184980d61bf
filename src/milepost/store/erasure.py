"""Erases a connection: all rows of it in all tables, in batches; the connection's own row stays, emptied."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from milepost.store.connections import ConnectionRow, from_columns
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("erasure")

_DELETE = sql.SQL(
    "delete from {table} where ctid = any(array("
    "select ctid from {table} where connection_id = %s limit %s))"
)


async def due(session: Session, limit: int) -> list[UUID]:
    """List the connections whose grace is over, or whose erasure was begun."""
    return [row[0] for row in await fetch_all(session, SQL["due"], {"limit": limit})]


async def begin(session: Session, connection_id: UUID, at: datetime) -> bool:
    """Destroy the key and the credentials of a connection whose grace is over; False if it is not to go."""
    await session.execute(SQL["begin"].encode(), {"connection_id": connection_id, "at": at})
    row = await fetch_one(session, SQL["status"], {"connection_id": connection_id})
    return row is not None and row[0] == "deleting"


async def tables(session: Session, connection_id: UUID) -> list[str]:
    """List the tables that may hold rows of the connection, in the order in which they are emptied."""
    rows = await fetch_all(session, SQL["tables"], {"connection_id": connection_id})
    return [row[0] for row in rows]


async def delete_some(session: Session, connection_id: UUID, table: str, most: int) -> int:
    """Delete up to `most` rows of the connection from one of its `tables`; return how many."""
    query = _DELETE.format(table=sql.Identifier(table))
    cursor = await session.execute(query, (connection_id, most))
    return cursor.rowcount


async def lock(session: Session, connection_id: UUID) -> None:
    """Keep everybody from writing anything of the connection until commit."""
    await session.execute(SQL["lock"].encode(), {"connection_id": connection_id})


async def finish(session: Session, connection_id: UUID, at: datetime) -> ConnectionRow | None:
    """Mark the connection as deleted; None where it is so already."""
    values = {"connection_id": connection_id, "at": at}
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL["finish"].encode(), values)
        columns = await cursor.fetchone()
    return from_columns(columns) if columns else None
