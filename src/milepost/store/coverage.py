"""What stretches of record time are held for each stream, and where each feed goes on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.types.range import Range

from milepost.kit.slices import Checkpoint, Span
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("coverage")


async def held(session: Session, connection_id: UUID) -> dict[str, list[Span]]:
    """Return, by stream, the stretches that were read to the end, in order."""
    rows = await fetch_all(session, SQL["held"], {"connection_id": connection_id})
    return {row[0]: _spans(row[1]) for row in rows}


async def wanted(session: Session, connection_id: UUID) -> list[Span]:
    """Return the stretches that syncs have asked for, in order."""
    row = await fetch_one(session, SQL["wanted"], {"connection_id": connection_id})
    return _spans(row[0]) if row and row[0] is not None else []


async def hold(session: Session, connection_id: UUID, stream: str, span: Span) -> None:
    """Note that a stretch was read to the end."""
    if span[0] < span[1]:
        values = {"connection_id": connection_id, "stream": stream}
        values |= {"starts_at": span[0], "ends_at": span[1]}
        await session.execute(SQL["hold"].encode(), values)


async def checkpoints(session: Session, connection_id: UUID) -> dict[str, Checkpoint]:
    rows = await fetch_all(session, SQL["checkpoints"], {"connection_id": connection_id})
    return {row[0]: Checkpoint(row[1], row[2]) for row in rows}


async def keep_checkpoint(
    session: Session, connection_id: UUID, stream: str, checkpoint: Checkpoint
) -> None:
    values = {"connection_id": connection_id, "stream": stream}
    await session.execute(
        SQL["keep_checkpoint"].encode(), {**values, **msgspec.structs.asdict(checkpoint)}
    )


async def drop_checkpoint(session: Session, connection_id: UUID, stream: str) -> None:
    values = {"connection_id": connection_id, "stream": stream}
    await session.execute(SQL["drop_checkpoint"].encode(), values)


def _spans(ranges: Iterable[Range[datetime]]) -> list[Span]:
    return [(r.lower, r.upper) for r in ranges if r.lower is not None and r.upper is not None]
