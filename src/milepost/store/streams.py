"""Sums up the slices of a sync by stream: how far each stream is."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("streams")

StreamStatus = Literal["waiting", "in_progress", "completed", "refused", "failed"]


class StreamRow(msgspec.Struct, frozen=True):
    """One stream of a sync; `progress` is the finished share of its planned window, in percent."""

    stream: str
    status: StreamStatus
    progress: float
    records: int
    pages: int


async def of_sync(session: Session, connection_id: UUID, sync_id: UUID) -> list[StreamRow]:
    """List the streams of a sync in the order in which they are taken; none before it is planned."""
    values = {"connection_id": connection_id, "sync_id": sync_id}
    found = []
    for row in await fetch_all(session, SQL["of_sync"], values):
        stream, pages, records, progress, failed, refused, ended, begun = row
        status: StreamStatus = "in_progress" if begun else "waiting"
        if ended:
            status = "failed" if failed else "refused" if refused else "completed"
        found.append(StreamRow(stream, status, progress, records, pages))
    return found
