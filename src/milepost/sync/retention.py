"""For how long each kind of data is kept, and what that means for a sync's plan. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from milepost.kit.contract import Manifest, StreamSpec
from milepost.kit.slices import SliceRow
from milepost.sync import planner

Kind = Literal["raw", "positions", "stats", "documents", "versions", "events", "deliveries"]

_KINDS: dict[str, Kind] = {"vehicle_location": "positions", "vehicle_stat": "stats"}
# What is dropped lies a little before what is still claimed and asked for, so that clocks may differ.
_SPARE = timedelta(hours=1)


class Retention(msgspec.Struct, frozen=True):
    """Days for which a kind is kept; what is not named is kept for good."""

    days: Mapping[str, float] = {}

    def since(self, kind: Kind, now: datetime) -> datetime | None:
        """From when on a kind is kept; None for ever."""
        days = self.days.get(kind)
        return None if days is None else now - timedelta(days=days)

    def stream_since(self, spec: StreamSpec, now: datetime) -> datetime | None:
        """From when on what a stream brings is kept."""
        if spec.kind == "listing":
            return None
        since = self.since(_KINDS.get(spec.model, "documents"), now)
        if spec.with_stats and since is not None:
            # What brings two kinds is fetched for the one that is kept longer.
            stats = self.since("stats", now)
            return None if stats is None else min(since, stats)
        return since

    def cutoffs(self, now: datetime) -> dict[str, datetime]:
        """Before which instant a kind is dropped: whole days (UTC), so that a connection is looked at once a day."""
        return {
            kind: (now - timedelta(days=days) - _SPARE).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            for kind, days in self.days.items()
        }

    def clamped(
        self, manifest: Manifest, planned: Sequence[SliceRow], now: datetime, first: int = 0
    ) -> list[SliceRow]:
        """Return the plan without history that would be dropped again, numbered from `first` on."""
        kept: list[SliceRow] = []
        for row in planned:
            since = self.stream_since(manifest.stream(row.stream), now)
            if (
                row.mode != "history"
                or since is None
                or row.starts_at is None
                or row.starts_at >= since
            ):
                kept.append(row)
            elif row.ends_at is None or row.ends_at > since:
                whole = (row.ends_at or now) - row.starts_at
                left = (row.ends_at or now) - since
                kept.append(
                    msgspec.structs.replace(
                        row, starts_at=since, weight=row.weight * (left / whole)
                    )
                )
        return planner.number_from(first, kept)


UNLIMITED = Retention()
