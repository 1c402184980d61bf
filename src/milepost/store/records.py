"""Reads what happens in time, trips and duty statuses and the like, by record time or by time of modification."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from milepost.store.documents import FIRST, LAST, DocumentRow, RecordModel, as_known
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("records")

Order = Literal["recorded", "modified"]
Subject = Literal["vehicle", "driver"]


class RecordRow(DocumentRow, frozen=True):
    """A record: a document that happened, from `starts_at` on."""

    starts_at: datetime


class Visible(msgspec.Struct, frozen=True):
    """Of which subjects records show: of those that the connection's filters do not hide, or of `hidden` ones too.

    With `known_at`, records and filters are as they were known then. `include` and `exclude` are the filters' lists
    for those who are not known yet.
    """

    subject: Subject
    hidden: bool = False
    include: list[UUID] | None = None
    exclude: list[UUID] = []
    known_at: datetime | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which records to read. Bounds of modification are both inclusive, the others are [since, until)."""

    visible: Visible
    modified_after: datetime | None = None
    modified_before: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    ended_since: datetime | None = None
    ended_until: datetime | None = None
    vehicles: frozenset[UUID] = frozenset()
    drivers: frozenset[UUID] = frozenset()
    deleted: bool = False

    def values(self) -> dict[str, Any]:
        """What the queries take; no list of ids means all of them."""
        return {
            **msgspec.structs.asdict(self.visible),
            "modified_after": self.modified_after or FIRST,
            "modified_before": self.modified_before or LAST,
            "since": self.since or FIRST,
            "until": self.until or LAST,
            "ended_since": self.ended_since,
            "ended_until": self.ended_until,
            "vehicles": list(self.vehicles) or None,
            "drivers": list(self.drivers) or None,
            "deleted": self.deleted,
        }


async def page(
    session: Session,
    connection_id: UUID,
    model: RecordModel,
    wanted: Wanted,
    *,
    order: Order,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[RecordRow]:
    """List records by (starts_at, id) or by (modified_at, id), from after the given place."""
    values = {**wanted.values(), "connection_id": connection_id, "model": model, "limit": limit}
    # The place and the bound are the same instant, the later of the two, since the index is entered by
    # either: otherwise a page deep in the list is looked for from the list's beginning.
    bound = "since" if order == "recorded" else "modified_after"
    after_at, after_id = max(after or (FIRST, UUID(int=0)), (values[bound], UUID(int=0)))
    values |= {bound: after_at, "after_at": after_at, "after_id": after_id}
    query = "\n".join([SQL["page"], SQL["visible"], SQL[order]])
    query = as_known(query, wanted.visible.known_at)
    return [RecordRow(*row) for row in await fetch_all(session, query, values)]
