"""What a sync plans and keeps of its work: slices, the stretches of time held, and where feeds go on. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from milepost.kit.contract import Mode, Slice

Span = tuple[datetime, datetime]
"""A half-open stretch of record time."""

SliceStatus = Literal["todo", "done", "refused", "failed"]


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a feed goes on, and the instant before which it has shown everything."""

    cursor: str
    caught_up_to: datetime | None


class SliceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One planned slice of a sync; `weight` is the seconds of window that it counts for in the progress."""

    number: int
    stream: str
    mode: Mode
    rank: int
    starts_at: datetime | None
    ends_at: datetime | None
    weight: float
    cursor: str | None = None
    status: SliceStatus = "todo"
    pages: int = 0
    records: int = 0
    error: str | None = None
    subjects: list[str] | None = None  # only these vehicles or drivers, by their ids at the source

    def task(self, without: frozenset[str] = frozenset()) -> Slice:
        """What a connector is asked to do; records of those in `without` are wanted by nobody."""
        return Slice(
            stream=self.stream,
            mode=self.mode,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            cursor=self.cursor,
            subjects=None if self.subjects is None else tuple(self.subjects),
            without=without,
        )
