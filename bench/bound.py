"""The bound of a sync's throughput: one bare binary COPY of the rows that it brought into a table like theirs."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import UUID

from milepost.store.pool import Session, fetch_all

_CHUNK = 1 << 18


async def copy_bare(session: Session, connection_id: UUID, file: Path) -> float:
    """Return the rows a second of a COPY with the bytes made beforehand, in the order of the merge.

    The table has the partitions and the key of the real one, is logged, and is dropped afterwards. The
    bytes wait in `file`.
    """
    rows = await _write_out(session, connection_id, file)
    await _make_table(session)
    await session.execute("checkpoint")
    try:
        started = time.perf_counter()
        async with session.cursor().copy("copy bare from stdin (format binary)") as copy:
            with file.open("rb") as stored:
                while chunk := stored.read(_CHUNK):
                    await copy.write(chunk)
        return rows / (time.perf_counter() - started)
    finally:
        await session.execute("drop table bare")


async def _write_out(session: Session, connection_id: UUID, file: Path) -> int:
    query = (
        f"copy (select * from position where connection_id = '{connection_id}'"  # noqa: S608  A UUID.
        " order by modified_at, vehicle_id, located_at) to stdout (format binary)"
    )
    cursor = session.cursor()
    async with cursor.copy(query.encode()) as copy:
        with file.open("wb") as stored:
            async for chunk in copy:
                stored.write(chunk)
    return cursor.rowcount


async def _make_table(session: Session) -> None:
    like = "(like position including constraints including indexes)"
    await session.execute(f"create table bare {like} partition by range (located_at)".encode())
    parts = await fetch_all(
        session,
        "select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i"
        " join pg_class c on c.oid = i.inhrelid where i.inhparent = 'position'::regclass",
    )
    for name, bound in parts:
        await session.execute(f"create table bare_{name} partition of bare {bound}".encode())
