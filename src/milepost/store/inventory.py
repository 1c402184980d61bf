"""Reads what is told of a connection's coverage: what was asked for, how streams fared, gaps and rows a day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from psycopg import sql

from milepost.kit.slices import Span
from milepost.models.coverage import LackReason
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("inventory")

Subject = Literal["vehicle", "driver"]
Counts = dict[tuple[str, UUID | None], dict[date, int]]
"""Rows by day, by model and by whose they are."""

_SERIES = ("vehicle_location", "vehicle_stat")


async def asked(session: Session, connection_id: UUID) -> list[Span]:
    """Return the stretches that syncs have asked for, in order, whether or not the provider reaches so far."""
    row = await fetch_one(session, SQL["asked"], {"connection_id": connection_id})
    return [(r.lower, r.upper) for r in row[0]] if row and row[0] is not None else []


async def outcomes(session: Session, connection_id: UUID) -> dict[str, LackReason]:
    """Say by stream why what is missing is missing, as far as the last sync shows."""
    rows = await fetch_all(session, SQL["outcomes"], {"connection_id": connection_id})
    return {
        stream: "not_permitted" if refused else "failed"
        for stream, refused, failed in rows
        if refused or failed
    }


async def lacking(
    session: Session, connection_id: UUID, subjects: Collection[UUID]
) -> dict[tuple[str, UUID], dict[LackReason, list[Span]]]:
    """Return by stream and vehicle or driver what these lack of what is held of the others."""
    found: dict[tuple[str, UUID], dict[LackReason, list[Span]]] = {}
    values = {"connection_id": connection_id, "subjects": list(subjects)}
    for stream, subject, reason, ranges in await fetch_all(session, SQL["lacking"], values):
        found.setdefault((stream, subject), {})[reason] = [(r.lower, r.upper) for r in ranges]
    return found


async def subjects(
    session: Session,
    connection_id: UUID,
    model: Subject,
    ids: Collection[UUID],
    after: UUID | None,
    limit: int,
) -> list[UUID]:
    """List vehicles or drivers of the connection, those of `ids` or all, by id."""
    values: dict[str, object] = {"connection_id": connection_id, "model": model}
    values |= {"after": after or UUID(int=0), "ids": list(ids) or None, "limit": limit}
    return [row[0] for row in await fetch_all(session, SQL["subjects"], values)]


async def rows_a_day(
    session: Session,
    connection_id: UUID,
    models: Sequence[str],
    within: Span,
    by: Subject | None = None,
    subjects: Collection[UUID] | None = None,
) -> Counts:
    """Count records by model and day (UTC): of the connection, or by vehicle or driver for the given ones."""
    found: Counts = {}
    values: dict[str, object] = {
        "connection_id": connection_id,
        "since": within[0],
        "until": within[1],
    }
    values |= {"subjects": None if subjects is None else list(subjects), "models": list(models)}
    column = sql.Identifier(f"{by or 'vehicle'}_id")
    for name in ("rows_of_series", "rows_of_documents"):
        if name == "rows_of_series" and (by == "driver" or not set(models) & set(_SERIES)):
            continue
        query = sql.SQL(SQL[name]).format(
            subject=sql.SQL("null::uuid") if by is None else column, column=column
        )
        cursor = await session.execute(query, values)
        for model, subject, day, rows in await cursor.fetchall():
            if model in models:
                found.setdefault((model, subject), {})[day] = rows
    return found
