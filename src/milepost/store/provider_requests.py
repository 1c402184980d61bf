"""Provider requests as the database keeps them: what a sync waits for that no call can fetch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from psycopg.rows import class_row

from milepost import clock, ids
from milepost.models.sync import ProviderRequest, ProviderRequestState, ProviderRequestStatus
from milepost.store.pool import Session
from milepost.store.queries import queries

SQL = queries("provider_requests")


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `provider_request`."""

    connection_id: UUID
    id: UUID
    type: ProviderRequest
    status: ProviderRequestStatus
    sync_id: UUID
    sent_at: datetime | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    def published(self) -> ProviderRequestState:
        return ProviderRequestState(
            id=ids.show("provider_request", self.id),
            type=self.type,
            connection_id=ids.show("connection", self.connection_id),
            status=self.status,
            sync_id=ids.show("sync", self.sync_id),
            sent_at=clock.iso(self.sent_at) if self.sent_at else UNSET,
            completed_at=clock.iso(self.completed_at) if self.completed_at else UNSET,
            created_at=clock.iso(self.created_at),
            updated_at=clock.iso(self.updated_at),
        )


async def insert(
    session: Session, connection_id: UUID, sync_id: UUID, kind: str, at: datetime
) -> UUID:
    id_ = ids.new()
    values = {"connection_id": connection_id, "id": id_, "sync_id": sync_id, "type": kind, "at": at}
    await session.execute(SQL["insert"].encode(), values)
    return id_


async def page(
    session: Session, connection_id: UUID, *, before: UUID | None, limit: int
) -> list[RequestRow]:
    """List the requests of a connection, newest first, from before the given id."""
    return await _rows(session, "page", connection_id, before=before, limit=limit)


async def get(session: Session, connection_id: UUID, id_: UUID) -> RequestRow | None:
    return next(iter(await _rows(session, "get", connection_id, id=id_)), None)


async def unanswered(
    session: Session, connection_id: UUID, sync_id: UUID | None = None
) -> list[RequestRow]:
    """List what is still waited for, oldest first; by one sync, or by all."""
    return await _rows(session, "open", connection_id, sync_id=sync_id)


async def end(
    session: Session, connection_id: UUID, id_: UUID, status: ProviderRequestStatus, at: datetime
) -> RequestRow | None:
    """End a request; None when it had ended already."""
    found = await _rows(session, "end", connection_id, id=id_, status=status, at=at)
    return next(iter(found), None)


async def change(session: Session, query: str, connection_id: UUID, sync_id: UUID) -> None:
    """Run one of the queries that change the requests of a sync."""
    values = {"connection_id": connection_id, "sync_id": sync_id, "at": clock.now()}
    await session.execute(SQL[query].encode(), values)


async def _rows(
    session: Session, query: str, connection_id: UUID, **values: Any
) -> list[RequestRow]:
    async with session.cursor(row_factory=class_row(RequestRow)) as cursor:
        await cursor.execute(SQL[query].encode(), {"connection_id": connection_id, **values})
        found: Sequence[RequestRow] = await cursor.fetchall()
    return list(found)
