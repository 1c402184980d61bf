"""Writes events, in the caller's transaction: no change without its event, no event without its change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from milepost import ids
from milepost.models.connection import BasicConnection, Connection, DeletedConnection
from milepost.models.event import SWITCHABLE, EventType
from milepost.models.meta import Model
from milepost.store import applications, events
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Session


async def about_connection(
    session: Session,
    row: ConnectionRow,
    type_: EventType,
    connection: Connection | DeletedConnection,
    at: datetime,
    **detail: Model,
) -> None:
    """Tell of a change of the connection itself; its token is left out and never stored."""
    shown = msgspec.structs.replace(connection, token=UNSET)
    await _write(session, row, [(type_, {"connection": shown, **detail})], at)


async def about(
    session: Session,
    row: ConnectionRow,
    basic: BasicConnection,
    type_: EventType,
    at: datetime,
    **detail: Model,
) -> None:
    """Tell of something that belongs to the connection: a sync, an issue."""
    await _write(session, row, [(type_, {"connection": basic, **detail})], at)


async def about_entities(
    session: Session,
    row: ConnectionRow,
    basic: BasicConnection,
    told: Iterable[tuple[EventType, Mapping[str, Any]]],
    at: datetime,
) -> None:
    """Tell of many entities at once: each with its event type and what stands beside the connection."""
    await _write(session, row, ((t, {"connection": basic, **detail}) for t, detail in told), at)


async def about_application(
    session: Session, application_id: UUID, type_: EventType, at: datetime, detail: Model
) -> None:
    """Tell of something that belongs to no connection."""
    event = events.EventRow(ids.new(), type_, at, msgspec.json.encode(detail))
    await events.insert(session, application_id, application_id, [event])


async def _write(
    session: Session,
    row: ConnectionRow,
    told: Iterable[tuple[EventType, Mapping[str, Any]]],
    at: datetime,
) -> None:
    rows = [events.EventRow(ids.new(), t, at, msgspec.json.encode(detail)) for t, detail in told]
    if any(event.type in SWITCHABLE for event in rows):
        off = await applications.events_off(session, row.application_id)
        rows = [event for event in rows if event.type not in off]
    if rows:
        await events.insert(session, row.id, row.application_id, rows)
