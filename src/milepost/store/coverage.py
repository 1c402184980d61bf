"""What stretches of record time are held for each stream, what single vehicles lack, and where feeds go on.

`coverage` says what was read to the end for everybody; `coverage_gap` says for whom that is not so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.types.range import Range

from milepost.kit.slices import Checkpoint, Span
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("coverage")

GapReason = Literal["not_yet_fetched", "filtered_out"]


async def held(session: Session, connection_id: UUID) -> dict[str, list[Span]]:
    """Return, by stream, the stretches that were read to the end, in order."""
    rows = await fetch_all(session, SQL["held"], {"connection_id": connection_id})
    return {row[0]: _spans(row[1]) for row in rows}


async def wanted(session: Session, connection_id: UUID) -> list[Span]:
    """Return the stretches that syncs have asked for, in order."""
    row = await fetch_one(session, SQL["wanted"], {"connection_id": connection_id})
    return _spans(row[0]) if row and row[0] is not None else []


async def hold(session: Session, connection_id: UUID, stream: str, span: Span) -> None:
    """Note that a stretch was read to the end for everybody; what a filter kept out stays a gap."""
    if span[0] < span[1]:
        values = {"connection_id": connection_id, "stream": stream}
        values |= {"starts_at": span[0], "ends_at": span[1]}
        await session.execute(SQL["hold"].encode(), values)
        await fill(session, connection_id, stream, None, span)


async def gaps(session: Session, connection_id: UUID) -> dict[str, dict[str, list[Span]]]:
    """Return by stream and by source id what single vehicles and drivers lack that may be fetched."""
    found: dict[str, dict[str, list[Span]]] = {}
    for row in await fetch_all(session, SQL["gaps"], {"connection_id": connection_id}):
        found.setdefault(row[0], {})[row[1]] = _spans(row[2])
    return found


async def miss(
    session: Session,
    connection_id: UUID,
    stream: str,
    subjects: Collection[UUID],
    span: Span,
    reason: GapReason,
) -> None:
    """Note that a stretch is not held for these vehicles or drivers, although the stream was read."""
    if subjects and span[0] < span[1]:
        values = {"connection_id": connection_id, "stream": stream, "subjects": list(subjects)}
        values |= {"starts_at": span[0], "ends_at": span[1], "reason": reason}
        await session.execute(SQL["miss"].encode(), values)


async def appeared(
    session: Session,
    connection_id: UUID,
    streams: Collection[str],
    subjects: Collection[UUID],
    reason: GapReason,
) -> None:
    """Note who joined: what the streams hold so far was read without these vehicles or drivers."""
    if subjects:
        values = {"connection_id": connection_id, "streams": list(streams), "reason": reason}
        await session.execute(SQL["appeared"].encode(), {**values, "subjects": list(subjects)})


async def fill(
    session: Session,
    connection_id: UUID,
    stream: str,
    subjects: Collection[UUID] | None,
    span: Span,
) -> None:
    """Note that a stretch was read to the end for these vehicles or drivers; None: for all of them."""
    if span[0] >= span[1]:
        return
    values: dict[str, Any] = {"connection_id": connection_id, "stream": stream}
    values |= {"subjects": None if subjects is None else list(subjects)}
    values |= {"starts_at": span[0], "ends_at": span[1]}
    await session.execute(SQL["fill"].encode(), values)
    await session.execute(SQL["forget_filled"].encode(), values)


async def let_in(session: Session, connection_id: UUID, subjects: Collection[UUID]) -> None:
    """Have fetched what a filter kept out of these vehicles or drivers."""
    values = {"connection_id": connection_id, "subjects": list(subjects)}
    await session.execute(SQL["let_in"].encode(), values)


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
