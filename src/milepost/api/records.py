"""Lists what happens in time: by record time, or by time of modification where a bound of that is given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from milepost import clock
from milepost.api import documents
from milepost.api.operations import Call
from milepost.api.paging import Page, cut, from_micros, micros
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    HIDDEN,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    TOMBSTONES,
    VEHICLE_IDS,
    Parameter,
)
from milepost.models.fault import FaultCodeEvent
from milepost.models.hos import HOSDailyLog, HOSLog
from milepost.models.meta import RecordMetadata
from milepost.models.safety import SafetyEvent
from milepost.models.trip import Trip
from milepost.store import connections, records
from milepost.store import documents as stored
from milepost.store.documents import DocumentRow, RecordModel
from milepost.store.records import Order, Subject, Visible, Wanted
from milepost.store.visibility import EVERYONE, rule_of

Record = HOSLog | HOSDailyLog | Trip | SafetyEvent | FaultCodeEvent

_DECODERS: dict[RecordModel, msgspec.json.Decoder[Record]] = {
    "hos_log": msgspec.json.Decoder(HOSLog),
    "hos_daily_log": msgspec.json.Decoder(HOSDailyLog),
    "trip": msgspec.json.Decoder(Trip),
    "safety_event": msgspec.json.Decoder(SafetyEvent),
    "fault_code_event": msgspec.json.Decoder(FaultCodeEvent),
}
# With whom a record is hidden: a trip of a shown vehicle shows, whoever drove.
_SUBJECTS: dict[RecordModel, Subject] = {
    "hos_log": "driver",
    "hos_daily_log": "driver",
    "trip": "vehicle",
    "safety_event": "vehicle",
    "fault_code_event": "vehicle",
}

ORDER_NOTE = (
    "In order of record time, oldest first; in order of modification where `modifiedAfter` or "
    "`modifiedBefore` is given, which is how to keep up: what is late or edited comes at the end. Both "
    "kinds of bounds narrow the list. A cursor goes on in the order in which it was given."
)


async def listing(
    call: Call,
    model: RecordModel,
    expand: Parameter[frozenset[str]],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    ended_since: datetime | None = None,
    ended_until: datetime | None = None,
) -> Page:
    """Answer a list of records; the bounds of record time are [since, until)."""
    values, limit = call.values, call.values[LIMIT]
    bookmarks = call.bookmarks()
    place = call.place(bookmarks, CURSOR)
    order: Order = place[0] if place else order_asked(call)
    wanted = Wanted(
        visible=await visible(call, _SUBJECTS[model]),
        modified_after=values[MODIFIED_AFTER],
        modified_before=values[MODIFIED_BEFORE],
        since=since,
        until=until,
        ended_since=ended_since,
        ended_until=ended_until,
        vehicles=values[VEHICLE_IDS],
        drivers=values[DRIVER_IDS],
        deleted=values[TOMBSTONES],
    )
    rows = await records.page(
        call.session,
        call.connection.id,
        model,
        wanted,
        order=order,
        after=(from_micros(place[1]), UUID(bytes=place[2])) if place else None,
        limit=limit + 1,
    )
    page, last = cut(rows, limit)
    next_: Any = UNSET
    if last:
        at = last.starts_at if order == "recorded" else last.modified_at
        next_ = bookmarks.write(order, micros(at), last.id.bytes)
    return Page(await _shown(call, model, page, expand), next_)


async def one(
    call: Call, model: RecordModel, which: Parameter[UUID], expand: Parameter[frozenset[str]]
) -> Record:
    """Answer one record of the connection, withdrawn and hidden ones too; raise NotFound."""
    wanted = call.values[which]
    found = await stored.by_ids(call.session, call.connection.id, model, [wanted], call.known_at)
    if wanted not in found:
        raise documents.missing(model, wanted)
    (shown,) = await _shown(call, model, [found[wanted]], expand)
    return shown


def order_asked(call: Call) -> Order:
    by_modification = call.values[MODIFIED_AFTER] or call.values[MODIFIED_BEFORE]
    return "modified" if by_modification else "recorded"


async def visible(call: Call, subject: Subject) -> Visible:
    """Say of which subjects records show; what nobody is filtered out of need not be looked through."""
    filters, known_at = call.connection.filters, call.known_at
    if known_at is not None:
        filters = await connections.filters_known(call.session, call.connection.id, known_at)
    rule = rule_of(filters, subject)
    # What filters hid before their versions were kept, the versions of the documents still say.
    shows_all = rule == EVERYONE and known_at is None
    return Visible(
        subject,
        hidden=shows_all or call.values[HIDDEN],
        include=rule.include,
        exclude=rule.exclude,
        known_at=known_at,
    )


def day_after(day: datetime | None) -> datetime | None:
    """The first instant after a calendar day; None stands for any."""
    return day + timedelta(days=1) if day else None


async def _shown(
    call: Call,
    model: RecordModel,
    rows: Any,
    expand: Parameter[frozenset[str]],
) -> list[Record]:
    found = [_published(model, row) for row in rows]
    if call.values[RAW]:
        archive = await documents.archive_of(call, [row.raw_id for row in rows])
        places = [[(row.raw_id, row.raw_ordinal)] for row in rows]
        found = documents.with_raw(found, places, archive)
    return await documents.expanded(call, found, call.values[expand])


def _published(model: RecordModel, row: DocumentRow) -> Record:
    metadata = RecordMetadata(
        added_at=clock.iso(row.added_at),
        modified_at=clock.iso(row.modified_at),
        deleted_at=clock.iso(row.deleted_at) if row.deleted_at else UNSET,
    )
    return msgspec.structs.replace(_DECODERS[model].decode(row.body), metadata=metadata)
