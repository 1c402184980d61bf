"""What is held of a stream, what of it is empty, and what is missing for which reason. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec

from milepost.kit.slices import Span
from milepost.models.coverage import LackReason
from milepost.sync.planner import common, gaps, union

_DAY = timedelta(days=1)
Missing = tuple[datetime, datetime, LackReason]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds a stream: where its provider's history begins, and before when retention dropped it.

    `outcome` is how the last sync that finished with the stream left it.
    """

    history: datetime
    kept: datetime | None = None
    outcome: LackReason = "not_yet_fetched"


def missing(wanted: Sequence[Span], held: Sequence[Span], bounds: Bounds) -> list[Missing]:
    """Return what was asked for and is not held, in order, each stretch with its reason."""
    found: list[Missing] = []
    for start, end in gaps(union(wanted), held):
        inner = {edge for edge in (bounds.history, bounds.kept) if edge and start < edge < end}
        for begin, finish in pairwise(sorted({start, end, *inner})):
            found.append((begin, finish, _reason(begin, bounds)))
    return found


def _reason(begin: datetime, bounds: Bounds) -> LackReason:
    if begin < bounds.history:
        return "beyond_history"
    if bounds.kept is not None and begin < bounds.kept:
        return "past_retention"
    return bounds.outcome


def of_subject(
    held: Sequence[Span], lacking: Mapping[LackReason, Sequence[Span]]
) -> tuple[list[Span], list[Missing]]:
    """Return what of `held` is held of one vehicle or driver, and what of it is not."""
    out = [(*span, reason) for reason, spans in lacking.items() for span in common(spans, held)]
    return gaps(held, union([(start, end) for start, end, _ in out])), sorted(out)


def empty(held: Sequence[Span], days: Collection[date], within: Span) -> list[Span]:
    """Return the whole days (UTC) of `held`, within a window, that have no records; neighbours joined."""
    found: list[Span] = []
    for start, end in common(held, [within]):
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
        day = midnight if midnight == start else midnight + _DAY
        while day + _DAY <= end:
            if day.date() not in days:
                found.append((day, day + _DAY))
            day += _DAY
    return union(found)
