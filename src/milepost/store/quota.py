"""Request budgets in the database, shared by all processes: one small statement leases calls for all that wait."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from milepost.errors import TryAgain
from milepost.kit.limits import Line
from milepost.kit.quota import (
    BATCH,
    CUT,
    FLOOR,
    FULL,
    GROWTH,
    JITTER,
    LATE,
    LATELY,
    REGAIN,
    SHARE,
    WHOLE,
    Leased,
    Rule,
    leased,
)
from milepost.store.pool import Database, Session, fetch_one
from milepost.store.queries import queries

SQL = queries("quota")
_CONSTANTS = {
    "batch": BATCH, "cut": CUT, "floor": FLOOR, "full": FULL, "growth": GROWTH, "lately": LATELY,
    "regain": REGAIN, "share": SHARE, "whole": WHOLE,
}  # fmt: skip


class StoredLender:
    """Lends out of the table `quota`; see `kit.limits.Lender`. The arithmetic is that of `kit.quota`."""

    def __init__(self, database: Database) -> None:
        self.lines: dict[tuple[bytes, bool], Line] = {}
        self._database = database

    def key(self, text: str) -> bytes:
        return self._database.pepper.digest(text)

    async def lease(
        self, rules: Sequence[Rule], want: int, *, live: bool, late: float = LATE
    ) -> Leased:
        try:
            async with self._database.session() as session:
                return await lease(session, rules, want, live=live, late=late)
        except psycopg.OperationalError:
            raise TryAgain(
                "The database, which keeps the request budgets, does not answer."
            ) from None

    async def refuse(self, rule: Rule, seconds: float) -> None:
        async with self._database.session() as session:
            await refuse(session, rule, seconds)


async def lease(
    session: Session,
    rules: Sequence[Rule],
    want: int,
    *,
    live: bool,
    late: float = LATE,
    at: float | None = None,
) -> Leased:
    """Lease calls at an instant of the server's clock, or at `at` (seconds since 1970)."""
    values = {
        "keys": [rule.key for rule in rules],
        "rates": [float(rule.rate) for rule in rules],
        "tops": [float(rule.top) for rule in rules],
        "want": want,
        "live": live,
        "late": late + JITTER,
        "at": at,
        **_CONSTANTS,
    }
    row = await fetch_one(session, SQL["lease"], values)
    if row is None or row[0] < len(rules):
        await session.execute(SQL["begin"].encode(), values)
        row = await fetch_one(session, SQL["lease"], values)
    assert row is not None
    _, granted, wait, held = row
    return leased(granted, wait, held=held)


async def refuse(session: Session, rule: Rule, seconds: float, *, at: float | None = None) -> None:
    """Hold a budget and slow it down, as the provider asked at that instant."""
    values = {
        "keys": [rule.key],
        "rates": [float(rule.rate)],
        "tops": [float(rule.top)],
        "at": at,
        **_CONSTANTS,
    }
    await session.execute(SQL["begin"].encode(), values)
    await session.execute(SQL["refuse"].encode(), {**values, "seconds": seconds})
