"""The log of an application's events: numbered after their commit, read in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from milepost.models.event import EventType
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("event_log")

# Greater than any number that an event may have.
BEYOND = 2**63 - 1


class Logged(msgspec.Struct, frozen=True):
    """An event of the log; `detail` is JSON without any secret."""

    number: int
    id: UUID
    type: EventType
    at: datetime
    detail: dict[str, object]
    connection_id: UUID


class EventSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What the log is narrowed to; None does not narrow."""

    connection_id: UUID | None = None
    types: Sequence[str] | None = None


async def number(session: Session, most: int) -> tuple[int, int]:
    """Number up to so many events, of all applications; return how many, and how many lanes they woke.

    Only one session may do so at a time, so that numbers are gapless and rise with commits.
    """
    row = await fetch_one(session, SQL["number"], {"most": most})
    assert row is not None
    return row[0], row[1]


async def page(
    session: Session,
    application_id: UUID,
    search: EventSearch,
    *,
    place: int,
    limit: int,
    newest_first: bool,
) -> list[Logged]:
    """Read the events after the number `place`, or before it where the newest come first."""
    name = "page" if search.connection_id is None else "page_of_connection"
    values = {
        "application_id": application_id,
        "after": place,
        "before": place,
        "limit": limit,
        "connection_id": search.connection_id,
        "types": None if search.types is None else list(search.types),
    }
    rows = await fetch_all(session, SQL[name + "_newest_first" * newest_first], values)
    return [Logged(*row) for row in rows]


async def sealed_tokens(
    session: Session, application_id: UUID, connection_ids: Sequence[UUID]
) -> dict[UUID, bytes]:
    """Return the sealed tokens of those of the connections that are the application's."""
    values = {"application_id": application_id, "ids": list(connection_ids)}
    return {row[0]: bytes(row[1]) for row in await fetch_all(session, SQL["tokens"], values)}
