"""Ids that were brought from another system: source id → id, for entities and for records with a source id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from milepost.ids import Identity
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("imported_ids")

# A run holds all of its connection in memory: some 25 MB for so many.
MOST = 100_000


async def identity(session: Session, connection_id: UUID) -> Identity:
    """Name the records of a connection, by its imported ids where it has some: one look at a key, mostly empty."""
    rows = await fetch_all(session, SQL["of_connection"], {"connection_id": connection_id})
    return Identity(connection_id, {(row[0], row[1]): row[2] for row in rows})


async def count(session: Session, connection_id: UUID) -> int:
    row = await fetch_one(session, SQL["count"], {"connection_id": connection_id})
    return int(row[0]) if row else 0


async def known(
    session: Session, connection_id: UUID, model: str, wanted: Mapping[str, UUID]
) -> Sequence[tuple[str, str, UUID]]:
    """Read what there is of these records or ids: (`imported` or `stored`, source id, id)."""
    values = {"connection_id": connection_id, "model": model}
    values |= {"source_ids": list(wanted), "ids": list(wanted.values())}
    return [(row[0], row[1], row[2]) for row in await fetch_all(session, SQL["known"], values)]


async def insert(
    session: Session, connection_id: UUID, model: str, wanted: Mapping[str, UUID]
) -> None:
    values = {"connection_id": connection_id, "model": model}
    values |= {"source_ids": list(wanted), "ids": list(wanted.values())}
    await session.execute(SQL["insert"].encode(), values)
