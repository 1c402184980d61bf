"""Reads what the last syncs of a connection took, by which the next one is estimated."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("estimates")

# Enough for a mean, and read in a few milliseconds.
_SYNCS = 20


async def measured(session: Session, connection_id: UUID) -> list[dict[str, Any]]:
    """Return sums of what was read, a row a stream and mode."""
    async with session.cursor(row_factory=dict_row) as cursor:
        values = {"connection_id": connection_id, "syncs": _SYNCS}
        await cursor.execute(SQL["measured"].encode(), values)
        return await cursor.fetchall()


async def fleet(session: Session, connection_id: UUID, models: Collection[str]) -> dict[str, int]:
    """Count what is listed, by model."""
    values = {"connection_id": connection_id, "models": list(models)}
    return dict(await fetch_all(session, SQL["fleet"], values))
