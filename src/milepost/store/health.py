"""Asks the database whether the installation is whole."""

from __future__ import annotations

from milepost.store.pool import Session, fetch_one
from milepost.store.queries import queries

SQL = queries("health")


async def worker_seen(session: Session, within_seconds: float) -> bool:
    """Say whether a worker gave a sign of life lately."""
    row = await fetch_one(session, SQL["worker_seen"], {"seconds": within_seconds})
    return bool(row and row[0])
