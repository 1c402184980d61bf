"""Monthly partitions of the dense series, made before a merge needs them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from milepost.store.pool import Database

Series = Literal["position", "stat"]
Month = tuple[int, int]

# A number of ours for pg_advisory_xact_lock: one process makes partitions at a time.
_LOCK = 7_306_532


def months_between(first: datetime, last: datetime) -> list[Month]:
    """List the UTC months from the first instant's to the last one's."""
    start, end = first.astimezone(UTC), last.astimezone(UTC)
    count = (end.year - start.year) * 12 + end.month - start.month
    return [_later((start.year, start.month), step) for step in range(count + 1)]


class Partitions:
    """Knows which months exist, so that only a new month costs a look at the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[tuple[Series, Month]] = set()

    async def ensure(self, series: Series, months: Iterable[Month]) -> None:
        """Make the missing months, each in a transaction of its own, apart from any merge.

        The table is made alone and attached afterwards: attaching lets readers and writers go on,
        where `create table … partition of` would stop them all.
        """
        for month in months:
            if (series, month) not in self._known:
                await self._make(series, month)
                self._known.add((series, month))

    async def _make(self, series: Series, month: Month) -> None:
        name = f"{series}_y{month[0]:04}m{month[1]:02}"
        start, end = (_first_day(m) for m in (month, _later(month, 1)))
        async with self._database.transaction() as session:
            await session.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            cursor = await session.execute("select to_regclass(%s)", (name,))
            row = await cursor.fetchone()
            if row is not None and row[0] is not None:
                return
            for statement in (
                f"create table {name} (like {series} including constraints including indexes)",
                f"alter table {series} attach partition {name} for values from ('{start}') to ('{end}')",
            ):
                await session.execute(statement.encode())


def _later(month: Month, count: int) -> Month:
    year, zero_based = divmod(month[0] * 12 + month[1] - 1 + count, 12)
    return (year, zero_based + 1)


def _first_day(month: Month) -> str:
    return f"{month[0]:04}-{month[1]:02}-01 00:00:00+00"
