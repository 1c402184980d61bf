"""Who may see what: the application that a key names, and the connection that a token of *that* application names."""

from __future__ import annotations

from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from milepost.store.connections import ConnectionRow, from_columns
from milepost.store.pool import Session
from milepost.store.queries import queries

SQL = queries("scope")


class Scope(msgspec.Struct, frozen=True):
    """What one request may see: all that is of the application, and the connection if it named one."""

    application_id: UUID
    connection: ConnectionRow | None


async def admit(session: Session, key: bytes, token: bytes | None) -> Scope | None:
    """Find the scope by the digests of a secret key and of a connection token; None for an unknown key.

    A token of another application finds nothing, just as one that never was: the same query, the same
    answer, so that nothing about a foreign connection can be learnt.
    """
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL["admit"].encode(), {"key": key, "token": token})
        columns = await cursor.fetchone()
    if columns is None:
        return None
    application_id = columns.pop("caller")
    return Scope(application_id, from_columns(columns) if columns["id"] is not None else None)
