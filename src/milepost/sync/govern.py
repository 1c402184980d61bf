"""Lets a connection's filters govern: hides and shows vehicles and drivers, and tells of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from milepost.store import coverage, merge_documents
from milepost.store.connections import ConnectionRow
from milepost.store.coverage import GapReason
from milepost.store.merge_documents import Change
from milepost.store.pool import Session
from milepost.store.visibility import GOVERNED, Hidden, rule_of
from milepost.sync.telling import Teller

# Why those lack what is held who join a fleet, by whether they are hidden.
_JOINED: tuple[tuple[GapReason, bool], ...] = (("not_yet_fetched", False), ("filtered_out", True))


async def govern(session: Session, row: ConnectionRow, provider_name: str) -> None:
    """Hide and show whom the filters of the row say, under its stamp, in the caller's transaction."""
    teller = Teller(row, provider_name)
    for model in GOVERNED:
        rule = rule_of(row.filters, model)
        changes = await merge_documents.govern(session, row.id, model, rule, row.last_stamp)
        await teller.changes(session, model, changes, row.last_stamp)
        await fill_gaps(session, row.id, changes)


async def fill_gaps(session: Session, connection_id: UUID, changes: Iterable[Change]) -> None:
    """Let the next sync fetch what came while those were hidden who no longer are."""
    let_in = [change.id for change in changes if change.was_hidden and not change.hidden]
    if let_in:
        await coverage.let_in(session, connection_id, let_in)


async def welcome(
    session: Session,
    connection_id: UUID,
    streams: Collection[str],
    who: Collection[tuple[UUID, Hidden | None]],
) -> None:
    """Note that whoever joins the fleet, or is listed again, lacks what streams hold: it was read without them."""
    if not streams:
        return
    for reason, hidden in _JOINED:
        joined = [id_ for id_, why in who if bool(why) is hidden]
        await coverage.appeared(session, connection_id, streams, joined, reason)
