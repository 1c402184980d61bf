"""Reads documents: vehicles, drivers, groups, devices and trailers as they are, or as they were known before."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries
from milepost.store.visibility import Hidden

SQL = queries("documents")

DocumentModel = Literal["vehicle", "driver", "group", "device", "trailer"]

RecordModel = Literal["hos_log", "hos_daily_log", "trip", "safety_event", "fault_code_event"]
"""Documents that happen in time; see `records`."""

# Beyond any time that is stored, so that one prepared query serves with and without bounds.
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class DocumentRow(msgspec.Struct, frozen=True):
    """A document: `body` is JSON of the model as published, without metadata and raw."""

    id: UUID
    body: str
    added_at: datetime
    modified_at: datetime
    deleted_at: datetime | None
    hidden: Hidden | None
    raw_id: int | None
    raw_ordinal: int | None


async def page(
    session: Session,
    connection_id: UUID,
    model: DocumentModel,
    *,
    after: tuple[datetime, UUID] | None,
    modified_after: datetime | None,
    modified_before: datetime | None,
    deleted: bool,
    hidden: bool,
    known_at: datetime | None,
    limit: int,
) -> list[DocumentRow]:
    """List documents by (modified_at, id) from after the given place; both bounds are inclusive.

    Documents that the provider no longer lists are left out unless `deleted`, those that filters hide
    unless `hidden`. With `known_at`, all is as it was known then.
    """
    after_at, after_id = after or (FIRST, UUID(int=0))
    values = {
        "connection_id": connection_id,
        "model": model,
        "after_at": after_at,
        "after_id": after_id,
        # A bound that says no more than the place does keeps the index scan as short as it can be.
        "modified_after": max(after_at, modified_after or FIRST),
        "modified_before": modified_before or LAST,
        "deleted": deleted,
        "hidden": hidden,
        "known_at": known_at,
        "limit": limit,
    }
    query = as_known(SQL["page"], known_at)
    return [DocumentRow(*row) for row in await fetch_all(session, query, values)]


def as_known(query: str, known_at: datetime | None) -> str:
    """Let a query that reads the table `document` read it as it was known at an instant, %(known_at)s."""
    return query if known_at is None else f"{SQL['known']}\n{query}"


async def by_ids(
    session: Session,
    connection_id: UUID,
    model: DocumentModel | RecordModel,
    ids: Collection[UUID],
    known_at: datetime | None = None,
) -> dict[UUID, DocumentRow]:
    """Read those of the named documents that are known, or were at `known_at`; removed and hidden ones too."""
    if not ids:
        return {}
    values: dict[str, Any] = {"connection_id": connection_id, "model": model, "ids": list(ids)}
    values |= {"known_at": known_at}
    rows = await fetch_all(session, as_known(SQL["by_ids"], known_at), values)
    return {row[0]: DocumentRow(*row) for row in rows}
