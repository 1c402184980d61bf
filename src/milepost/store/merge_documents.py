"""Merges listed entities: what is new, what changed, and what complete listings no longer name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from milepost import ids
from milepost.ids import Identity
from milepost.models.driver import Driver
from milepost.models.group import Group
from milepost.models.vehicle import Vehicle
from milepost.store.archive import RawCut
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("documents_merge")

# A loss is believed at once up to so many entities, or up to this share of the fleet.
_BELIEVED_COUNT = 5
_BELIEVED_SHARE = 0.2


class Change(msgspec.Struct, frozen=True):
    """One entity that a merge added, modified or removed; `body` is the model as published."""

    id: UUID
    body: dict[str, Any]
    added_at: datetime
    raw_id: int | None
    kind: str


class Farewell(msgspec.Struct, frozen=True):
    """What a complete listing said by not naming entities."""

    removed: list[Change]
    held_back: int  # so many look gone at once that one more listing must agree


async def merge(
    session: Session, model: str, raw_cuts: Iterable[RawCut], identity: Identity, stamp: datetime
) -> list[Change]:
    """Merge the page's entities; return those that were added or modified."""
    connection_id = identity.connection_id
    seen: list[UUID] = []
    await session.execute(SQL["staging"].encode())
    columns = "id, source_id, body, raw_id, raw_ordinal"
    async with session.cursor().copy(f"copy staged_document ({columns}) from stdin") as copy:
        for raw in raw_cuts:
            cut = raw.cut
            numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
            for record, ordinal in zip(cut.records, numbers, strict=True):
                assert isinstance(record, Vehicle | Driver | Group)
                key = ids.read(model, record.id)
                body = msgspec.json.encode(record).decode()
                await copy.write_row((key, record.source_id, body, raw.id, ordinal))
                seen.append(key)
    values = {"connection_id": connection_id, "model": model, "stamp": stamp, "ids": seen}
    found = await fetch_all(session, SQL["merge"], values)
    await session.execute(SQL["see"].encode(), values)
    return [
        Change(row[0], row[1], row[2], row[3], "added" if row[2] == stamp else "modified")
        for row in found
    ]


async def begin_listing(session: Session, connection_id: UUID, model: str) -> None:
    """Forget what a listing that was broken off had named."""
    values = {"connection_id": connection_id, "model": model}
    await session.execute(SQL["forget_seen"].encode(), values)


async def end_listing(
    session: Session, connection_id: UUID, model: str, stamp: datetime
) -> Farewell:
    """Remove what two complete listings in a row did not name, unless that is too much to believe."""
    values: dict[str, Any] = {"connection_id": connection_id, "model": model, "stamp": stamp}
    absent = await fetch_all(session, SQL["absent"], values)
    gone = [row[0] for row in absent if row[1]]
    waited = any(row[2] for row in absent)
    live = absent[0][3] if absent else 0
    unbelievable = len(gone) > _BELIEVED_COUNT and len(gone) > live * _BELIEVED_SHARE
    hold = unbelievable and not waited
    removed: list[Change] = []
    if gone and not hold:
        found = await fetch_all(session, SQL["remove"], {**values, "ids": gone})
        removed = [Change(row[0], row[1], row[2], row[3], "removed") for row in found]
    leaving = {change.id for change in removed}
    missing = [row[0] for row in absent if row[0] not in leaving]
    await session.execute(
        SQL["close_listing"].encode(), {**values, "missing": missing, "held_back": hold}
    )
    return Farewell(removed, len(gone) if hold else 0)
