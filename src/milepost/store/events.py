"""Events as they are written: in the transaction of the change that they tell of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from milepost.models.event import EventType
from milepost.store.pool import Session
from milepost.store.queries import queries

SQL = queries("events")


class EventRow(msgspec.Struct, frozen=True):
    """An event to write; `detail` is JSON without any secret."""

    id: UUID
    type: EventType
    at: datetime
    detail: bytes


async def insert(
    session: Session, connection_id: UUID, application_id: UUID, events: Iterable[EventRow]
) -> None:
    """Write events in the caller's transaction, in their order.

    What they are about is locked until commit, so that no other writer's events of the same connection
    come in between: their places rise in the order of commits.
    """
    about = "lock_connection" if connection_id != application_id else "lock_application"
    await session.execute(SQL[about].encode(), {"id": connection_id})
    columns = "connection_id, id, application_id, type, at, detail"
    async with session.cursor().copy(f"copy event ({columns}) from stdin") as copy:
        for event in events:
            row = (
                connection_id,
                event.id,
                application_id,
                event.type,
                event.at,
                event.detail.decode(),
            )
            await copy.write_row(row)
