"""What a planned sync will cost, by what the connection's earlier slices cost. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from milepost.kit.slices import Cost, Measured, SliceRow


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What one stream will take; `records` is None where nothing was ever read to go by."""

    stream: str
    slices: int
    calls: int
    records: int | None


def expect(planned: Sequence[SliceRow], measured: Measured) -> list[Expected]:
    """Estimate a plan stream by stream, in its order.

    A slice takes one call at least. What was never read before is counted as that one call, and its
    records are left open rather than guessed.
    """
    found = []
    for stream in dict.fromkeys(row.stream for row in planned):
        rows = [row for row in planned if row.stream == stream]
        calls = sum(_calls(row, measured) for row in rows)
        records = [_records(row, measured) for row in rows]
        known = [each for each in records if each is not None]
        found.append(
            Expected(
                stream=stream,
                slices=len(rows),
                calls=math.ceil(calls),
                records=round(sum(known)) if len(known) == len(records) else None,
            )
        )
    return found


def lasts(expected: Iterable[Expected], measured: Measured) -> float | None:
    """Return the seconds that a sync will take; None where no call was ever timed."""
    calls = sum(each.calls for each in expected)
    return None if measured.seconds_a_call is None else calls * measured.seconds_a_call


def stores(expected: Sequence[Expected], measured: Measured) -> int | None:
    """Return the bytes that will be stored; None where a stream's records are not known."""
    records = [each.records for each in expected]
    if measured.bytes_a_record is None or None in records:
        return None
    return round(sum(each for each in records if each is not None) * measured.bytes_a_record)


def _calls(row: SliceRow, measured: Measured) -> float:
    cost = measured.costs.get((row.stream, row.mode))
    if cost is None:
        return 1.0
    return max(1.0, cost.calls * _share(row, cost))


def _records(row: SliceRow, measured: Measured) -> float | None:
    cost = measured.costs.get((row.stream, row.mode))
    return None if cost is None else cost.records * _share(row, cost)


def _share(row: SliceRow, cost: Cost) -> float:
    """How much a slice is of those that were measured: by its window, or where it has none, one of them."""
    if row.mode == "history" and cost.seconds > 0:
        return row.weight / cost.seconds
    return 1 / cost.slices
