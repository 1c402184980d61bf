"""What all processes of the API may admit together: leased from one row a subject, some at a time."""

from __future__ import annotations

from uuid import UUID

from milepost.store.pool import Session, fetch_one
from milepost.store.queries import queries

SQL = queries("allowances")


async def lease(
    session: Session,
    subject: UUID,
    *,
    rate: float,
    wish: int,
    least: int,
    at: float | None = None,
) -> tuple[int, float]:
    """Take up to `wish` requests of a subject that has `rate` a second; return how many, and seconds.

    Nothing or at least `least` is taken; after so many seconds there will be at least `least` again.
    `at` is the second since 1970 that counts as now: the database's own unless told otherwise.
    """
    values = {"subject": subject, "rate": rate, "wish": wish, "least": least, "at": at}
    row = await fetch_one(session, SQL["lease"], {**values, "most": max(1.0, rate)})
    assert row is not None
    return int(row[0]), float(row[1])


async def sweep(session: Session) -> None:
    """Forget the subjects whose allowance is whole."""
    await session.execute(SQL["sweep"].encode())
