"""Files of exported data as the database keeps them: in sealed parts of a megabyte, until they are merged."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from milepost import clock
from milepost.store.pool import Database, Session, fetch_all, fetch_one
from milepost.store.queries import queries
from milepost.vault import ConnectionKey

if sys.version_info >= (3, 14):  # the standard library's own from then on
    from compression import zstd
else:
    from backports import zstd

SQL = queries("files")

# Large enough that its transaction is cheap, small enough that some of them fit into memory at once.
PART_BYTES = 1 << 20
_LEVEL = 1

FileStatus = Literal["receiving", "received", "completed", "cancelled"]


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `file`; the migration says what each column means."""

    connection_id: UUID
    id: UUID
    status: FileStatus
    name: str
    request_id: UUID | None
    sync_id: UUID | None
    more: bool
    vehicle: str | None
    time_zone: str | None
    digest: bytes | None
    survey: dict[str, Any] | None
    first_slice: int | None
    received_at: datetime
    touched_at: datetime
    completed_at: datetime | None


class Known(msgspec.Struct, frozen=True):
    """A vehicle or driver of the connection; what the source lacks is None."""

    source_id: str
    vin: str | None
    name: str | None
    username: str | None
    first_name: str | None
    last_name: str | None
    license_state: str | None
    license_number: str | None


async def insert(session: Session, connection_id: UUID, id_: UUID, **values: Any) -> None:
    """Begin to receive a file."""
    await session.execute(
        SQL["insert"].encode(), {"connection_id": connection_id, "id": id_, **values}
    )


async def add_part(
    session: Session, connection_id: UUID, id_: UUID, number: int, sealed: bytes
) -> None:
    values = {"connection_id": connection_id, "id": id_, "number": number, "sealed": sealed}
    await session.execute(SQL["insert_part"].encode(), values)
    await session.execute(SQL["touch"].encode(), {**values, "at": clock.now()})


def seal(key: ConnectionKey, file_id: UUID, number: int, part: bytes) -> bytes:
    """Compress and seal a part; it opens in its own place only."""
    return key.seal(zstd.compress(part, _LEVEL), file_id.bytes + number.to_bytes(4, "big"))


async def parts(database: Database, row: FileRow, key: ConnectionKey) -> AsyncIterator[bytes]:
    """Yield the bytes of a file, some megabytes in memory at a time."""
    number = 0
    while True:
        values = {"connection_id": row.connection_id, "id": row.id, "number": number}
        async with database.session() as session:
            found = await fetch_all(session, SQL["parts"], values)
        for place, sealed in found:
            yield zstd.decompress(key.open(sealed, row.id.bytes + place.to_bytes(4, "big")))
            number = place + 1
        if not found:
            return


async def get(session: Session, connection_id: UUID, id_: UUID) -> FileRow | None:
    return await change(session, "get", connection_id, id_)


async def same(session: Session, connection_id: UUID, digest: bytes) -> FileRow | None:
    """Find the file of the same bytes that was received before."""
    return await change(session, "same", connection_id, None, digest=digest)


async def page(
    session: Session, connection_id: UUID, *, before: UUID | None, limit: int
) -> list[FileRow]:
    """List the files of a connection, newest first, from before the given id."""
    values = {"connection_id": connection_id, "before": before, "limit": limit}
    async with session.cursor(row_factory=class_row(FileRow)) as cursor:
        await cursor.execute(SQL["page"].encode(), values)
        return await cursor.fetchall()


async def change(
    session: Session, query: str, connection_id: UUID, id_: UUID | None, **values: Any
) -> FileRow | None:
    """Run one of the queries on a file, and return the row that it gives, if any."""
    async with session.cursor(row_factory=class_row(FileRow)) as cursor:
        await cursor.execute(
            SQL[query].encode(), {"connection_id": connection_id, "id": id_, **values}
        )
        return await cursor.fetchone() if cursor.description else None


async def cancel(session: Session, connection_id: UUID, sync_id: UUID) -> None:
    """Give up what was received for a sync and is not merged."""
    values = {"connection_id": connection_id, "sync_id": sync_id}
    for query in ("cancel_parts", "cancel", "cancel_slices"):
        await session.execute(SQL[query].encode(), values)


async def to_come(session: Session, connection_id: UUID, request_id: UUID) -> bool:
    """Whether a request has files that are not merged yet, or that are announced."""
    values = {"connection_id": connection_id, "id": request_id}
    row = await fetch_one(session, SQL["to_come"], values)
    return row is not None and (row[0] or row[1])


async def known(session: Session, connection_id: UUID, model: str) -> list[Known]:
    """List whom the connection knows already, in one order always."""
    values = {"connection_id": connection_id, "model": model}
    return [Known(*row) for row in await fetch_all(session, SQL["known"], values)]


async def due(session: Session, providers: list[str], limit: int) -> list[tuple[UUID, UUID]]:
    """List the files of these providers that can be merged now, as connection and file."""
    values = {"providers": providers, "limit": limit}
    return [(row[0], row[1]) for row in await fetch_all(session, SQL["due"], values)]


async def sweep(session: Session) -> None:
    """Drop what was cut off together with the process that received it."""
    await session.execute(SQL["sweep"].encode())
