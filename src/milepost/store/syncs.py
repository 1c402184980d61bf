"""Syncs as the database keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET
from psycopg.rows import class_row, dict_row

from milepost import clock, ids
from milepost.models.issue import Issue
from milepost.models.sync import ProviderRequest, Sync, SyncStatus
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("syncs")
STATUSES: tuple[SyncStatus, ...] = get_args(SyncStatus)

# So many waiting syncs are woken in one go; the next look takes the next ones.
_AT_ONCE = 100


class SyncRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `sync`; the migration says what each column means."""

    connection_id: UUID
    id: UUID
    status: SyncStatus
    reason: str
    start_from: datetime
    requested_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    failure_reason: str | None
    provider_requests: list[ProviderRequest]
    attempts: int
    stalls: int
    progress: float
    pages: int
    records: int
    cancel_reason: str | None
    resume_at: datetime
    job_id: int | None
    waiting: bool
    asked_from: datetime | None
    fed_at: datetime | None
    refetch: bool

    def published(self, issues: Sequence[str | Issue]) -> Sync:
        """Show the sync as the contract does."""
        return Sync(
            id=ids.show("sync", self.id),
            status=self.status,
            requested_at=clock.iso(self.requested_at),
            start_from=clock.iso(self.start_from),
            progress=float(self.progress),
            attempts=self.attempts,
            issues=list(issues),
            failure_reason=self.failure_reason or UNSET,
            completed_at=clock.iso(self.completed_at) if self.completed_at else UNSET,
            provider_requests=self.provider_requests or UNSET,
        )


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """An active sync that nobody is going on with."""

    connection_id: UUID
    id: UUID
    job_id: int | None
    job_status: str | None


async def insert(
    session: Session,
    connection_id: UUID,
    *,
    reason: str,
    start_from: datetime,
    asked_from: datetime | None = None,
    refetch: bool = False,
    now: datetime,
    provider_requests: Sequence[str],
) -> UUID | None:
    """Write a requested sync; None when another of the connection is active."""
    values = {
        "connection_id": connection_id,
        "id": ids.new(),
        "reason": reason,
        "start_from": start_from,
        "asked_from": asked_from,
        "refetch": refetch,
        "now": now,
        "provider_requests": list(provider_requests),
    }
    row = await fetch_one(session, SQL["insert"], values)
    return row[0] if row else None


async def insert_waiting(
    session: Session, connection_id: UUID, *, start_from: datetime, now: datetime
) -> UUID:
    """Write a sync that has nothing to call for, and waits for files from its beginning."""
    values = {"connection_id": connection_id, "id": ids.new(), "start_from": start_from, "now": now}
    await session.execute(SQL["insert_waiting"].encode(), values)
    return values["id"]  # type: ignore[return-value]


async def waiting(session: Session, connection_id: UUID) -> list[UUID]:
    """List the syncs that wait for nothing but files."""
    rows = await fetch_all(session, SQL["waiting"], {"connection_id": connection_id})
    return [row[0] for row in rows]


async def active(session: Session, connection_id: UUID) -> UUID | None:
    row = await fetch_one(session, SQL["active"], {"connection_id": connection_id})
    return row[0] if row else None


async def last_requested_at(session: Session, connection_id: UUID) -> datetime | None:
    row = await fetch_one(session, SQL["last_requested_at"], {"connection_id": connection_id})
    assert row is not None
    requested_at: datetime | None = row[0]
    return requested_at


async def get(
    session: Session, connection_id: UUID, sync_id: UUID, *, lock: bool = False
) -> SyncRow | None:
    """Read one sync of the connection; with `lock`, keep others from changing it until commit."""
    query = SQL["get_for_update" if lock else "get"]
    return await _one(session, query, {"connection_id": connection_id, "id": sync_id})


async def page(
    session: Session,
    connection_id: UUID,
    *,
    status: SyncStatus | None,
    before: UUID | None,
    limit: int,
) -> list[SyncRow]:
    """List syncs of the connection, newest first, from before the given id."""
    values = {"connection_id": connection_id, "status": status, "before": before, "limit": limit}
    async with session.cursor(row_factory=class_row(SyncRow)) as cursor:
        await cursor.execute(SQL["page"].encode(), values)
        return await cursor.fetchall()


async def set_job(
    session: Session, connection_id: UUID, sync_id: UUID, *, job_id: int | None, resume_at: datetime
) -> None:
    """Note which job runs the next turn, and when; without a job, the watch makes one in time."""
    values = {
        "connection_id": connection_id,
        "id": sync_id,
        "job_id": job_id,
        "resume_at": resume_at,
    }
    await session.execute(SQL["set_job"].encode(), values)


async def change(session: Session, query: str, row: SyncRow, **values: Any) -> SyncRow | None:
    """Run one of the queries that change a sync; None when it was not in the state for that."""
    return await _one(
        session, SQL[query], {"connection_id": row.connection_id, "id": row.id, **values}
    )


async def run(session: Session, query: str, row: SyncRow, **values: Any) -> tuple[Any, ...] | None:
    """Run one of the queries that touch a sync, and return the columns that it gives, if any."""
    cursor = await session.execute(
        SQL[query].encode(), {"connection_id": row.connection_id, "id": row.id, **values}
    )
    return await cursor.fetchone() if cursor.description else None


async def due(session: Session) -> list[SyncRow]:
    """Find the active syncs that waited for their time, which has come; locked until commit."""
    async with session.cursor(row_factory=class_row(SyncRow)) as cursor:
        await cursor.execute(SQL["due"].encode(), {"now": clock.now(), "limit": _AT_ONCE})
        return await cursor.fetchall()


async def orphans(session: Session, grace_seconds: float) -> list[Orphan]:
    """Find the active syncs whose worker is gone."""
    rows = await fetch_all(session, SQL["orphans"], {"grace": f"{grace_seconds} seconds"})
    return [Orphan(connection_id=r[0], id=r[1], job_id=r[2], job_status=r[3]) for r in rows]


async def _one(session: Session, query: str, values: dict[str, Any]) -> SyncRow | None:
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        row = await cursor.fetchone()
    return SyncRow(**row) if row else None
