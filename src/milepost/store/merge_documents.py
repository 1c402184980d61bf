"""Merges documents: what is new, what changed, what the source no longer names, what filters hide.

Whatever is changed leaves a version of what was known before, written by the same statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from milepost import ids
from milepost.ids import Identity
from milepost.kit.contract import Document
from milepost.kit.slices import Span
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.store.archive import RawCut
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries
from milepost.store.visibility import EVERYONE, Governed, Hidden, Rule

SQL = queries("documents_merge")

# A loss is believed at once up to so many entities, or up to this share of the fleet.
_BELIEVED_COUNT = 5
_BELIEVED_SHARE = 0.2


_STAGED = "id, source_id, body, raw_id, raw_ordinal, vehicle_id, driver_id, starts_at, ends_at"

# The fields that say when a record of each timed model happened: start, and end where it has one.
_TIMELINE: dict[str, tuple[str, str | None]] = {
    "hos_log": ("started_at", "ended_at"),
    "hos_daily_log": ("date", None),
    "trip": ("started_at", "ended_at"),
    "safety_event": ("started_at", "ended_at"),
    "fault_code_event": ("observed_at", None),
    "vehicle_utilization_day": ("date", None),
    "ifta_vehicle_month": ("month", None),
}
# The sum of a period that is told in several records: what a vehicle drove in a month, one a jurisdiction.
_IN_SHARES = "ifta_vehicle_month"


ChangeKind = Literal["added", "modified", "removed"]


class Change(msgspec.Struct, frozen=True):
    """One entity that a merge added, modified or removed; `body` is the model as published, in JSON.

    `hidden` says why a filter hides it, and `was_hidden` why one did before; `was_gone` that it had been removed.
    """

    kind: ChangeKind
    id: UUID
    body: str
    added_at: datetime
    raw_id: int | None
    hidden: Hidden | None
    was_hidden: Hidden | None
    was_gone: bool = False


class Farewell(msgspec.Struct, frozen=True):
    """What a complete listing said by not naming entities, and by naming some again."""

    removed: list[Change]
    held_back: int  # so many look gone at once that one more listing must agree
    returned: list[tuple[UUID, Hidden | None]]  # whom the listing before missed, and who hides them


async def merge(
    session: Session,
    model: str,
    raw_cuts: Iterable[RawCut],
    identity: Identity,
    stamp: datetime,
    *,
    roster: str | None = None,
    named: Sequence[UUID] = (),
    rule: Rule = EVERYONE,
    from_file: bool = False,
) -> list[Change]:
    """Merge the page's entities; return those that were added or modified. `rule` says whom filters hide.

    What is `from_file` is not withdrawn by a window of the provider's that does not name it.

    What the page names is noted in the roster, if one is given: of the model for a listing, or of the
    slice that is being read for timed records. Who is not in it at the end is no longer there. `named` are
    records that the page has and that are not to be merged.
    """
    connection_id = identity.connection_id
    seen: list[UUID] = [*named]
    await session.execute(SQL["staging"].encode())
    async with session.cursor().copy(f"copy staged_document ({_STAGED}) from stdin") as copy:
        for raw in raw_cuts:
            cut = raw.cut
            numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
            for record, ordinal in zip(cut.records, numbers, strict=True):
                assert not isinstance(record, Fix | StatReading)
                key = ids.read(model, record.id)
                body = msgspec.json.encode(record).decode()
                # Some models of the contract have no place for the source's own id.
                source_id = getattr(record, "source_id", None) or record.id
                await copy.write_row(
                    (key, source_id, body, raw.id, ordinal, *_index_columns(model, record))
                )
                seen.append(key)
    values = {"connection_id": connection_id, "model": model, "stamp": stamp, "ids": seen}
    given = {**values, **rule.values(), "from_file": from_file}
    found = await fetch_all(session, _changing("merge"), given)
    if roster is not None:
        if roster != model:  # What is written now tells by its stamp that the window named it.
            written = {row[0] for row in found}
            seen = [key for key in seen if key not in written]
        if seen:
            await session.execute(SQL["see"].encode(), {**values, "ids": seen, "roster": roster})
    return [Change("added" if row[2] == stamp else "modified", *row) for row in found]


def _index_columns(
    model: str, record: Document
) -> tuple[UUID | None, UUID | None, datetime | None, datetime | None]:
    """What reads filter by: vehicle, driver, start and end, of records that happen in time."""
    if model not in _TIMELINE:
        return (None, None, None, None)
    start, end = _TIMELINE[model]
    whose = [
        ids.read(noun, value) if isinstance(value := getattr(record, noun, None), str) else None
        for noun in ("vehicle", "driver")
    ]
    return (whose[0], whose[1], _instant(record, start), _instant(record, end))


def _instant(record: Document, field: str | None) -> datetime | None:
    value = getattr(record, field, None) if field else None
    if not isinstance(value, str):
        return None
    if len(value) == len("2026-01"):
        value += "-01"
    return datetime.fromisoformat(
        value + "T00:00:00Z" if len(value) == len("2026-01-31") else value
    )


async def begin_listing(
    session: Session, connection_id: UUID, roster: str, stamp: datetime
) -> None:
    """Forget what a listing that was broken off had named; `stamp` is its first page's."""
    values = {"connection_id": connection_id, "roster": roster, "stamp": stamp}
    await session.execute(SQL["forget_seen"].encode(), values)


async def end_window(
    session: Session,
    connection_id: UUID,
    model: str,
    roster: str,
    window: Span,
    stamp: datetime,
    *,
    subject: Governed,
    kept_out: str,
) -> list[Change]:
    """Bury the timed records that a window, read to its end, no longer holds.

    `subject` is whom the stream asks about; `kept_out` is the list of those that were not asked about, so that
    their silence says nothing. Of a month that is told by jurisdiction, those are buried that it is told without.
    """
    values = {"connection_id": connection_id, "model": model, "roster": roster, "stamp": stamp}
    values |= {"starts_at": window[0], "ends_at": window[1], "subject": subject}
    values["kept_out"] = kept_out
    gone = "outgrown_changed" if model == _IN_SHARES else "withdrawn_changed"
    found = await fetch_all(session, _changing("remove", gone), values)
    await session.execute(SQL["drop_roster"].encode(), values)
    return [Change("removed", *row) for row in found]


async def withdraw(
    session: Session, connection_id: UUID, model: str, gone: Sequence[UUID], stamp: datetime
) -> list[Change]:
    """Remove documents, so that only who asks for deleted ones meets them; unknown ids change nothing."""
    values = {"connection_id": connection_id, "model": model, "ids": list(gone), "stamp": stamp}
    found = await fetch_all(session, _changing("remove"), values) if gone else []
    return [Change("removed", *row) for row in found]


async def govern(
    session: Session, connection_id: UUID, model: str, rule: Rule, stamp: datetime
) -> list[Change]:
    """Hide and show entities as a rule wants it; return those that the source still lists."""
    values = {"connection_id": connection_id, "model": model, "stamp": stamp, **rule.values()}
    found = await fetch_all(session, _changing("govern"), values)
    return [Change("modified", *row[:-1]) for row in found if row[-1] is None]


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
    leave = [] if hold else gone
    removed = await withdraw(session, connection_id, model, leave, stamp)
    leaving = {change.id for change in removed}
    returned = [(row[0], row[1]) for row in await fetch_all(session, SQL["returned"], values)]
    missing = [row[0] for row in absent if row[0] not in leaving]
    await session.execute(
        SQL["close_listing"].encode(),
        {**values, "missing": missing, "held_back": hold, "held": gone if hold else []},
    )
    return Farewell(removed, len(gone) if hold else 0, returned)


async def let_go(
    session: Session, connection_id: UUID, model: str, stamp: datetime
) -> list[Change]:
    """Remove what was held back as too much to believe, without waiting for another listing."""
    values = {"connection_id": connection_id, "model": model}
    row = await fetch_one(session, SQL["let_go"], values)
    return await withdraw(session, connection_id, model, row[0], stamp) if row else []


def _changing(query: str, changed: str | None = None) -> str:
    """Put a query together that keeps the versions of what it changes."""
    found = SQL[changed or f"{query}_changed"].replace("{hidden}", SQL["hidden"])
    return f"with changed as materialized ({found}), kept as ({SQL['keep']})\n{SQL[query]}"
