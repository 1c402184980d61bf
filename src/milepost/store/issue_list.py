"""Lists the issues of an application, over all its connections."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("issues_read")

IssueColumns = tuple[Any, ...]
"""The columns that `issues.published` shows: the issue's id first, its connection's last."""


class IssueSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of issues is narrowed to; None does not narrow. Times are inclusive."""

    connection_id: UUID | None = None
    code: str | None = None
    status: str | None = None
    reported_after: datetime | None = None
    reported_before: datetime | None = None


async def page(
    session: Session, application_id: UUID, search: IssueSearch, *, before: UUID | None, limit: int
) -> list[IssueColumns]:
    """List issues, newest first, from before the given id."""
    values = {
        "application_id": application_id,
        "before": before,
        "limit": limit,
        **msgspec.structs.asdict(search),
    }
    return await fetch_all(session, SQL["page"], values)


async def find(session: Session, application_id: UUID, issue_id: UUID) -> IssueColumns | None:
    """Read one issue of the application."""
    return await fetch_one(session, SQL["find"], {"application_id": application_id, "id": issue_id})
