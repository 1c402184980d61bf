"""How each stream of a sync fares: sums of its slices, kept with every page."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from milepost.store.pool import Session
from milepost.store.queries import queries

SQL = queries("streams")

StreamStatus = Literal["waiting", "in_progress", "completed", "refused", "failed"]


class StreamRow(msgspec.Struct, frozen=True):
    """One stream of a sync; `progress` is the finished share of its planned window, in percent.

    `error` is the last refusal or failure in words. `answered` says that the provider gave an answer, which
    proves that the stream may be read.
    """

    stream: str
    rank: int  # of the stage that the first of its slices belong to
    slices: int
    done: int
    refused: int
    failed: int
    pages: int
    records: int
    answered: bool
    error: str | None
    progress: float

    @property
    def ended(self) -> bool:
        return self.done + self.refused + self.failed >= self.slices

    @property
    def status(self) -> StreamStatus:
        if self.ended:
            return "failed" if self.failed else "refused" if self.refused else "completed"
        return "in_progress" if self.pages or self.done else "waiting"


async def of_sync(session: Session, connection_id: UUID, sync_id: UUID) -> list[StreamRow]:
    """List the streams of a sync in the order in which they are taken; none before it is planned."""
    async with session.cursor(row_factory=class_row(StreamRow)) as cursor:
        values = {"connection_id": connection_id, "sync_id": sync_id}
        await cursor.execute(SQL["of_sync"].encode(), values)
        return await cursor.fetchall()
