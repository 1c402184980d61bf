"""Whom the filters of a connection hide: the rule, as the queries take it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal
from uuid import UUID

import msgspec

from milepost import ids
from milepost.models.connection import Filters
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("visibility")

Hidden = Literal["hidden_by_exclude_list", "hidden_by_include_list", "hidden_by_status"]
Governed = Literal["vehicle", "driver"]
GOVERNED: tuple[Governed, ...] = ("vehicle", "driver")


class Rule(msgspec.Struct, frozen=True):
    """Included ids win over everything, else exclusion, else status. None of all hides nobody."""

    include: list[UUID] | None = None
    exclude: list[UUID] = []
    status: str | None = None

    def hides_unknown(self, subject_id: UUID) -> bool:
        """Say whether one is hidden who is not known yet, and so has no status to be hidden by."""
        if self.include is not None:
            return subject_id not in self.include
        return subject_id in self.exclude

    def values(self) -> dict[str, Any]:
        """What the queries take."""
        return msgspec.structs.asdict(self)


EVERYONE = Rule()


def rule_of(filters: Filters | None, model: str) -> Rule:
    """Return the rule that filters make for a model; what is neither vehicle nor driver is never hidden."""
    if filters is None or model not in GOVERNED:
        return EVERYONE
    filter_ = filters.vehicles if model == "vehicle" else filters.drivers
    if not filter_:
        return EVERYONE
    return Rule(
        include=[ids.read(model, each) for each in filter_.include_ids or []] or None,
        exclude=[ids.read(model, each) for each in filter_.exclude_ids or []],
        status=filter_.status or None,
    )


async def hidden(session: Session, connection_id: UUID, model: Governed) -> frozenset[UUID]:
    """Return who is hidden."""
    values = {"connection_id": connection_id, "model": model}
    return frozenset(row[0] for row in await fetch_all(session, SQL["hidden"], values))


async def hidden_at_source(
    session: Session, connection_id: UUID, model: Governed
) -> dict[UUID, str]:
    """Return who is hidden, with the ids that they have at the source."""
    values = {"connection_id": connection_id, "model": model}
    return dict(await fetch_all(session, SQL["hidden_at_source"], values))


async def keep_out(
    session: Session, connection_id: UUID, slice_: str, subjects: Collection[UUID]
) -> None:
    """Note whose data was kept out of a page of a slice, until the slice has ended."""
    values = {"connection_id": connection_id, "slice": slice_, "subjects": list(subjects)}
    await session.execute(SQL["keep_out"].encode(), values)


class KeptOut(msgspec.Struct, frozen=True):
    """Whose data a slice lacks: those who are hidden, and those who were let in while it was read."""

    hidden: list[UUID]
    let_in: list[UUID]


async def end_slice(session: Session, connection_id: UUID, slice_: str, model: Governed) -> KeptOut:
    """End a slice: return whose data it lacks.

    All who are hidden count, whether or not the provider had anything of them: it may have it later.
    """
    values = {"connection_id": connection_id, "slice": slice_, "model": model}
    rows = await fetch_all(session, SQL["end_slice"], values)
    return KeptOut([row[0] for row in rows if row[1]], [row[0] for row in rows if not row[1]])
