"""Issues: reported when something is missing, resolved when it works again or somebody says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET

from milepost import clock, ids
from milepost.models.issue import RESOLUTIONS, Issue, IssueCode, IssueError
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("issues")


async def report(
    session: Session,
    connection_id: UUID,
    *,
    code: IssueCode,
    subject: str,
    message: str,
    at: datetime,
    sync_id: UUID | None,
) -> tuple[Issue, bool]:
    """Report an issue, link it to the sync that met it, and say whether it is news."""
    values = {"connection_id": connection_id, "id": ids.new(), "code": code, "subject": subject}
    known = await fetch_one(session, SQL["ongoing"], values)
    row = await fetch_one(session, SQL["report"], {**values, "message": message, "at": at})
    assert row is not None
    if sync_id is not None:
        link = {"connection_id": connection_id, "sync_id": sync_id, "issue_id": row[0]}
        await session.execute(SQL["link"].encode(), link)
    return published(row), known is None


async def resolve(
    session: Session, connection_id: UUID, issue_id: UUID, at: datetime
) -> Issue | None:
    """Resolve one issue of the connection; None when it is not ongoing."""
    values = {"connection_id": connection_id, "id": issue_id, "at": at}
    row = await fetch_one(session, SQL["resolve"], values)
    return published(row) if row else None


async def subject(session: Session, connection_id: UUID, issue_id: UUID) -> str | None:
    """Say what an issue of the connection is about, as whoever reported it spelled it."""
    row = await fetch_one(session, SQL["subject"], {"connection_id": connection_id, "id": issue_id})
    return row[0] if row else None


async def resolve_subject(
    session: Session, connection_id: UUID, *, code: IssueCode, subject: str, at: datetime
) -> Issue | None:
    """Resolve the issue about a subject, because it works again; None when there was none ongoing."""
    values = {"connection_id": connection_id, "code": code, "subject": subject, "at": at}
    row = await fetch_one(session, SQL["resolve_subject"], values)
    return published(row) if row else None


async def of_syncs(
    session: Session, connection_id: UUID, sync_ids: Sequence[UUID]
) -> dict[UUID, list[Issue]]:
    """Return, by sync, the issues that it met."""
    values = {"connection_id": connection_id, "sync_ids": list(sync_ids)}
    found: dict[UUID, list[Issue]] = {sync_id: [] for sync_id in sync_ids}
    for row in await fetch_all(session, SQL["of_syncs"], values):
        found[row[0]].append(published(row[1:]))
    return found


def published(row: Sequence[Any]) -> Issue:
    """Show an issue as the contract does; the row's columns stand as the queries return them."""
    return Issue(
        id=ids.show("issue", row[0]),
        connection=ids.show("connection", row[6]),
        status=row[3],
        error=IssueError(code=row[1], message=row[2]),
        first_reported_at=clock.iso(row[4]),
        last_reported_at=clock.iso(row[5]),
        resolution_type=RESOLUTIONS.get(row[1], UNSET),
    )
