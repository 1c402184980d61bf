"""Endpoints that webhooks go to, and what became of their deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("endpoints")


class EndpointRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `webhook_endpoint`; the migration says what each column means."""

    application_id: UUID
    id: UUID
    url: str
    description: str | None
    types: list[str]
    status: Literal["enabled", "disabled"]
    disabled_because: str | None
    sealed_secret: bytes
    sealed_old_secret: bytes | None
    old_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


class Letter(msgspec.Struct, frozen=True):
    """An event that was given up; its type and number are unknown once the log has dropped it."""

    event_id: UUID
    type: str | None
    number: int | None
    connection_id: UUID
    at: datetime
    attempts: int
    error: str


class AttemptRow(msgspec.Struct, frozen=True):
    id: UUID
    event_id: UUID
    connection_id: UUID
    at: datetime
    replay: bool
    status: int | None
    error: str | None
    latency_ms: int
    answer: str | None


async def insert(
    session: Session, application_id: UUID, values: dict[str, Any], *, most: int
) -> EndpointRow | None:
    """Write an endpoint; None where there is no such application, or it has `most` already."""
    values = {**values, "application_id": application_id, "most": most}
    return await _one(session, "insert", values)


async def get(session: Session, application_id: UUID, endpoint_id: UUID) -> EndpointRow | None:
    return await _one(session, "get", {"application_id": application_id, "id": endpoint_id})


async def lock(session: Session, application_id: UUID, endpoint_id: UUID) -> EndpointRow | None:
    """Read an endpoint that is about to be changed; another change waits for the end of the transaction."""
    return await _one(session, "lock", {"application_id": application_id, "id": endpoint_id})


async def page(
    session: Session, application_id: UUID, *, after: UUID | None, limit: int
) -> list[EndpointRow]:
    """List the application's endpoints in order of their creation."""
    values = {"application_id": application_id, "after": after, "limit": limit}
    return await _all(session, "page", values)


async def update(
    session: Session, row: EndpointRow, at: datetime, *, types_changed: bool, enabled_again: bool
) -> EndpointRow | None:
    """Write what may change of an endpoint."""
    values = {**msgspec.structs.asdict(row), "at": at}
    updated = await _one(session, "update", values)
    if types_changed:
        await session.execute(SQL["begin_anew"].encode(), values)
    if enabled_again:
        await session.execute(SQL["hurry"].encode(), values)
    return updated


async def rotate(
    session: Session,
    application_id: UUID,
    endpoint_id: UUID,
    sealed: bytes,
    until: datetime,
    at: datetime,
) -> EndpointRow | None:
    """Give an endpoint a new secret; the old one signs too, until then."""
    values = {"application_id": application_id, "id": endpoint_id, "sealed_secret": sealed}
    return await _one(session, "rotate", {**values, "until": until, "at": at})


async def disable(
    session: Session,
    application_id: UUID,
    endpoint_id: UUID,
    why: str,
    failing_before: datetime | None,
) -> bool:
    """Disable an endpoint, if it fails since before an instant; False where it does not, or is not enabled."""
    values = {
        "application_id": application_id,
        "id": endpoint_id,
        "why": why,
        "failing_before": failing_before,
    }
    return await fetch_one(session, SQL["disable"], values) is not None


async def delete(session: Session, application_id: UUID, endpoint_id: UUID) -> bool:
    """Delete an endpoint with all that is to be delivered to it; False where there is none."""
    values = {"application_id": application_id, "id": endpoint_id}
    return await fetch_one(session, SQL["delete"], values) is not None


async def replay(
    session: Session,
    application_id: UUID,
    endpoint_id: UUID,
    *,
    event_ids: Sequence[UUID] | None,
    connection_id: UUID | None,
    span: tuple[datetime | None, datetime | None],
    dead: bool,
) -> int:
    """Let events of the log be delivered again, or all dead letters; return how many are new to it."""
    values = {
        "application_id": application_id,
        "id": endpoint_id,
        "event_ids": None if event_ids is None else list(event_ids),
        "connection_id": connection_id,
        "from": span[0],
        "until": span[1],
    }
    cursor = await session.execute(SQL["replay_dead" if dead else "replay"].encode(), values)
    return cursor.rowcount


async def dead_letters(
    session: Session, application_id: UUID, endpoint_id: UUID, *, after: UUID | None, limit: int
) -> list[Letter]:
    """List what was given up, in the order of events."""
    values = {"application_id": application_id, "id": endpoint_id, "after": after, "limit": limit}
    return [Letter(*row) for row in await fetch_all(session, SQL["dead_letters"], values)]


async def attempts(
    session: Session, application_id: UUID, endpoint_id: UUID, *, before: UUID | None, limit: int
) -> list[AttemptRow]:
    """List attempts, newest first."""
    values = {"application_id": application_id, "id": endpoint_id, "before": before, "limit": limit}
    return [AttemptRow(*row) for row in await fetch_all(session, SQL["attempts"], values)]


async def switch(
    session: Session, application_id: UUID, *, on: Iterable[str], off: Iterable[str]
) -> frozenset[str]:
    """Tell the application of some types of events and not of others; return all that are off then."""
    values = {"application_id": application_id, "on": [*on], "off": [*off]}
    row = await fetch_one(session, SQL["switch"], values)
    return frozenset(row[0]) if row else frozenset()


async def _one(session: Session, query: str, values: dict[str, Any]) -> EndpointRow | None:
    rows = await _all(session, query, values)
    return rows[0] if rows else None


async def _all(session: Session, query: str, values: dict[str, Any]) -> list[EndpointRow]:
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL[query].encode(), values)
        return [EndpointRow(**columns) for columns in await cursor.fetchall()]
