"""The log of the application's events, to be read again: in order, without a gap."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import UNSET

from milepost import clock, ids
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import (
    CURSOR,
    LIMIT,
    Parameter,
    choice,
    choices,
    identifier_filter,
    number,
)
from milepost.models.event import EVENT_TYPES, WITH_TOKEN, LoggedEvent
from milepost.store import event_log
from milepost.store.event_log import BEYOND, EventSearch, Logged
from milepost.webhooks.rendering import with_token

TYPES: Parameter[frozenset[str]] = choices(
    "types", EVENT_TYPES, "Only events of these types, with commas"
)
CONNECTION_ID = identifier_filter("connectionId", "connection", "Only events of this connection")
AFTER_NUMBER: Parameter[int] = number(
    "afterNumber", "Only events after the one with this number, as the log's readers remember it"
)
ORDER = choice("order", ["asc", "desc"], "Oldest first, or newest first", default="asc")


async def list_events(call: Call) -> Page:
    values, application_id = call.values, call.caller.application_id
    newest_first = values[ORDER] == "desc"
    bookmarks = call.bookmarks("desc" if newest_first else "asc")
    place = bookmarks.read(values[CURSOR])
    types = values[TYPES]
    rows = await event_log.page(
        call.session,
        application_id,
        EventSearch(connection_id=values[CONNECTION_ID], types=list(types) or None),
        place=place[0] if place else BEYOND if newest_first else values[AFTER_NUMBER],
        limit=values[LIMIT] + 1,
        newest_first=newest_first,
    )
    page, last = cut(rows, values[LIMIT])
    if newest_first:
        page = [row for row in page if row.number > values[AFTER_NUMBER]]
    tokens = await _tokens(call, page)
    shown = [_shown(row, tokens.get(row.connection_id)) for row in page]
    return Page(shown, bookmarks.write(last.number) if last and page else UNSET)


async def _tokens(call: Call, rows: Any) -> dict[UUID, str]:
    """Open the tokens of the connections that are shown whole."""
    named = {row.connection_id for row in rows if row.type in WITH_TOKEN}
    if not named:
        return {}
    sealed = await event_log.sealed_tokens(call.session, call.caller.application_id, list(named))
    vault = call.house.database.vault
    return {connection_id: vault.open(each).decode() for connection_id, each in sealed.items()}


def _shown(row: Logged, token: str | None) -> LoggedEvent:
    return LoggedEvent(
        number=row.number,
        id=ids.show("event", row.id),
        type=row.type,
        timestamp=clock.iso(row.at),
        detail=with_token(row.type, row.detail, token),
    )


OPERATIONS = [
    Operation(
        id="listEvents",
        method="GET",
        path="/events",
        tag="Events",
        summary="List Events",
        description="The events that webhooks deliver, in order. `number` rises by one from event to event "
        "of the application; within a connection it follows the order of its changes. A reader who "
        "remembers the last number and asks for what is `afterNumber` misses nothing.",
        answer=list[LoggedEvent],
        handler=list_events,
        needs="application",
        reads=True,
        parameters=[LIMIT, CURSOR, AFTER_NUMBER, TYPES, CONNECTION_ID, ORDER],
        extension=True,
    ),
]
