"""Shows documents as the contract does: with metadata, and with references expanded and raw data on request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET

from milepost import clock, ids
from milepost.api.operations import Call
from milepost.api.paging import Page, cut, from_micros, micros
from milepost.api.parameters import (
    CURSOR,
    DELETED,
    HIDDEN,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    Parameter,
)
from milepost.errors import NotFound
from milepost.models.device import Device
from milepost.models.driver import Driver
from milepost.models.group import Group
from milepost.models.meta import EntityMetadata, Model
from milepost.models.trailer import Trailer
from milepost.models.vehicle import Vehicle
from milepost.store import documents
from milepost.store.connections import ConnectionRow
from milepost.store.documents import DocumentModel, DocumentRow
from milepost.store.raw import Archive, RawPlace, opened
from milepost.store.visibility import EVERYONE, rule_of
from milepost.vault import ConnectionKey, Vault

Document = Vehicle | Driver | Group | Device | Trailer
M = TypeVar("M", bound=Model)

_DECODERS: dict[DocumentModel, msgspec.json.Decoder[Document]] = {
    "vehicle": msgspec.json.Decoder(Vehicle),
    "driver": msgspec.json.Decoder(Driver),
    "group": msgspec.json.Decoder(Group),
    "device": msgspec.json.Decoder(Device),
    "trailer": msgspec.json.Decoder(Trailer),
}
# What the fields refer to that can be expanded: one id, or a list of them.
_REFERS: dict[str, DocumentModel] = {
    "groups": "group",
    "parent": "group",
    "devices": "device",
    "vehicle": "vehicle",
    "driver": "driver",
    "trailer": "trailer",
    "codrivers": "driver",
}


async def listing(call: Call, model: DocumentModel, expand: Parameter[frozenset[str]]) -> Page:
    """Answer a list of documents in order of modification."""
    values = call.values
    bookmarks = call.bookmarks()
    place = call.place(bookmarks, CURSOR)
    limit = values[LIMIT]
    rows = await documents.page(
        call.session,
        call.connection.id,
        model,
        after=(from_micros(place[0]), UUID(bytes=place[1])) if place else None,
        modified_after=values[MODIFIED_AFTER],
        modified_before=values[MODIFIED_BEFORE],
        deleted=values[DELETED],
        hidden=values[HIDDEN],
        known_at=call.known_at,
        limit=limit + 1,
    )
    page, last = cut(rows, limit)
    shown = await show(call, model, page, expand=values[expand], raw=values[RAW])
    return Page(shown, bookmarks.write(micros(last.modified_at), last.id.bytes) if last else UNSET)


async def one(
    call: Call, model: DocumentModel, which: Parameter[UUID], expand: Parameter[frozenset[str]]
) -> Document:
    """Answer one document of the connection, removed and hidden ones too; raise NotFound."""
    wanted = call.values[which]
    found = await documents.by_ids(call.session, call.connection.id, model, [wanted], call.known_at)
    if wanted not in found:
        raise missing(model, wanted)
    (shown,) = await show(
        call, model, [found[wanted]], expand=call.values[expand], raw=call.values[RAW]
    )
    return shown


def missing(model: str, wanted: UUID) -> NotFound:
    return NotFound(detail=f"Could not find resource with ID: {ids.show(model, wanted)}")


async def show(
    call: Call,
    model: DocumentModel,
    rows: Sequence[DocumentRow],
    *,
    expand: frozenset[str] = frozenset(),
    raw: bool = False,
) -> list[Document]:
    found = [_published(model, row) for row in rows]
    if raw:
        archive = await archive_of(call, [row.raw_id for row in rows])
        found = with_raw(found, [[(row.raw_id, row.raw_ordinal)] for row in rows], archive)
    return await expanded(call, found, expand)


async def expanded(call: Call, found: Sequence[M], expand: frozenset[str]) -> list[M]:
    """Show references whole; one to what is unknown, or hidden and not asked for, stays an id."""
    if not expand:
        return list(found)
    named: dict[DocumentModel, set[str]] = {}
    for word in expand:
        ids_there = named.setdefault(_REFERS[word], set())
        ids_there.update(each for record in found for each in _ids(getattr(record, word, UNSET)))
    known: dict[str, Document] = {}
    for model, public_ids in named.items():
        known |= await by_public_id(call, model, public_ids, hidden=call.values[HIDDEN])
    return [
        msgspec.structs.replace(
            record, **{word: _whole(getattr(record, word, UNSET), known) for word in expand}
        )
        for record in found
    ]


async def by_public_id(
    call: Call, model: DocumentModel, public_ids: Iterable[str], *, hidden: bool = True
) -> dict[str, Document]:
    """Read the known ones of some documents, by their public ids, for whoever expands references."""
    wanted = {ids.read(model, each) for each in public_ids}
    rows = await documents.by_ids(call.session, call.connection.id, model, wanted, call.known_at)
    return {
        ids.show(model, row.id): _published(model, row)
        for row in rows.values()
        if hidden or row.hidden is None
    }


async def hidden(call: Call, model: DocumentModel, public_ids: Collection[str]) -> set[str]:
    """Say which of some documents the connection's filters hide, known or not yet known."""
    rule = rule_of(call.connection.filters, model)
    if rule == EVERYONE:
        return set()
    known = await documents.by_ids(
        call.session, call.connection.id, model, [ids.read(model, each) for each in public_ids]
    )
    hidden = {ids.show(model, row.id) for row in known.values() if row.hidden is not None}
    unknown = {each for each in public_ids if ids.read(model, each) not in known}
    return hidden | {each for each in unknown if rule.hides_unknown(ids.read(model, each))}


def with_raw(found: Sequence[M], places: Iterable[Sequence[RawPlace]], archive: Archive) -> list[M]:
    """Show each record with all the payloads that it was built from, as far as they are still kept."""
    return [
        msgspec.structs.replace(
            each, raw=[raw for place in where for raw in archive.data(*place)] or UNSET
        )
        for each, where in zip(found, places, strict=True)
    ]


async def archive_of(call: Call, raw_ids: Collection[int | None]) -> Archive:
    """Open the raw payloads that some records of the call's connection point to."""
    connection = call.connection
    key = connection_key(call.house.database.vault, connection)
    return await opened(call.session, connection.id, key, connection.provider, raw_ids)


def connection_key(vault: Vault, connection: ConnectionRow) -> ConnectionKey:
    return ConnectionKey(vault.open(connection.sealed_key))


def _published(model: DocumentModel, row: DocumentRow) -> Document:
    document = _DECODERS[model].decode(row.body)
    metadata = EntityMetadata(
        added_at=clock.iso(row.added_at),
        modified_at=clock.iso(row.modified_at),
        deleted_at=clock.iso(row.deleted_at) if row.deleted_at else UNSET,
        visibility="deleted" if row.deleted_at else row.hidden or "visible",
    )
    return msgspec.structs.replace(document, metadata=metadata)


def _ids(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if type(each) is str]


def _whole(value: Any, known: dict[str, Document]) -> Any:
    if isinstance(value, list):
        return [_whole(each, known) for each in value]
    return known.get(value, value) if isinstance(value, str) else value
