"""What a planned sync will cost: calls, rows, bytes and time, before anything is asked of the provider. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from milepost.kit.contract import Manifest, StreamSpec
from milepost.kit.limits import ANSWER_SECONDS, Limits
from milepost.kit.slices import SliceRow

_DAY = 86_400.0

# What a vehicle (of hours of service: a driver) has on an ordinary day, and the bytes of one as JSON: means of
# the simulated fleets, whose trucks drive 7 hours. They stand in until a connection has a measure of its own.
_TYPICAL: dict[str, tuple[float, float]] = {
    "vehicle_location": (2_700, 160),
    "vehicle_stat": (500, 70),
    "hos_log": (12, 450),
    "hos_daily_log": (1, 900),
    "trip": (8, 480),
    "safety_event": (0.3, 1_500),
    "fault_code_event": (0.5, 600),
    "vehicle_utilization_day": (1, 350),
    "ifta_vehicle_month": (0.1, 250),
}
_LISTED_BYTES = 700.0

# A tenth of what a quiet machine merges in a second: 147,000 locations (docs/reference/benchmarks.md).
_MERGED_A_SECOND = 15_000.0
# Below so much of a stream's time, what a day holds is not judged by it.
_LEAST_SECONDS = 6 * 3600.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the last syncs of a connection read of one stream in one mode.

    `seconds` is the record time that the slices covered; `bytes` that of all modes together, with
    `bytes_records` as the records that they belong to.
    """

    slices: int
    pages: int
    records: int
    seconds: float
    bytes: int = 0
    bytes_records: int = 0


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each listed model are known."""

    counts: Mapping[str, int]

    def of(self, spec: StreamSpec) -> int:
        return self.counts.get(spec.model if spec.kind == "listing" else spec.subject, 0)


Basis = Literal["measured", "typical"]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one stream will take; `basis` says whether its own past or an ordinary fleet was the measure."""

    slices: int = 0
    calls: int = 0
    records: int = 0
    bytes: int = 0
    basis: Basis = "typical"


Past = Mapping[tuple[str, str], Measured]
"""What was measured, by stream and mode."""


def costs(
    manifest: Manifest, planned: Sequence[SliceRow], past: Past, fleet: Fleet, now: datetime
) -> dict[str, Cost]:
    """Return the cost of a plan by stream, in the order of the plan."""
    found: dict[str, Cost] = {}
    for row in planned:
        spec = manifest.stream(row.stream)
        rows, basis = _rows(spec, row, past, fleet, now)
        calls = _calls(spec, row, rows, past, fleet, now)
        size = _row_bytes(spec, past)
        before = found.get(row.stream, Cost(basis=basis))
        found[row.stream] = Cost(
            slices=before.slices + 1,
            calls=before.calls + calls,
            records=before.records + round(rows),
            bytes=before.bytes + round(rows * size),
            basis=basis,
        )
    return found


def seconds(manifest: Manifest, found: Mapping[str, Cost]) -> float:
    """Return how long that takes at the documented limits, or as fast as it is merged if that is slower."""
    calls: Counter[str] = Counter()
    for stream, cost in found.items():
        calls[manifest.stream(stream).spends] += cost.calls
    # What a stream spends of is not said by every manifest: the slowest class, then.
    slowest = min((rate for rate in manifest.limits.values() if rate), default=0.0)
    rates = {name: manifest.limits.get(name, slowest) for name in calls}
    waits = [calls[name] / rate for name, rate in rates.items() if rate]
    whole = calls.total()
    waits += [whole / rate for rate in (manifest.organization_limit, manifest.login_limit) if rate]
    limits = Limits(
        classes=manifest.limits,
        organization=manifest.organization_limit,
        login=manifest.login_limit,
        learned=manifest.learned_limits,
    )
    waits.append(whole * ANSWER_SECONDS / limits.at_once)
    waits.append(sum(cost.records for cost in found.values()) / _MERGED_A_SECOND)
    return max(waits)


def _rows(
    spec: StreamSpec, row: SliceRow, past: Past, fleet: Fleet, now: datetime
) -> tuple[float, Basis]:
    subjects = len(row.subjects) if row.subjects is not None else fleet.of(spec)
    if spec.kind == "listing":
        return float(fleet.of(spec)), "measured"
    if row.mode == "feed" and row.starts_at is None:
        return float(subjects), "typical"  # A feed opens with the last known value of each.
    days = _seconds(row, now) / _DAY
    read = past.get((spec.name, "history"))
    if read is None or read.seconds < _LEAST_SECONDS:
        return days * subjects * _TYPICAL[spec.model][0], "typical"
    share = subjects / fleet.of(spec) if row.subjects is not None and fleet.of(spec) else 1
    return days * share * read.records * _DAY / read.seconds, "measured"


def _calls(
    spec: StreamSpec, row: SliceRow, rows: float, past: Past, fleet: Fleet, now: datetime
) -> int:
    measured = past.get((spec.name, row.mode))
    if spec.kind == "listing" and measured is not None:
        return max(1, round(measured.pages / measured.slices))
    call_rows = float(spec.call_rows)
    pieces = 1
    if row.mode == "history":
        pieces = math.ceil(spec.page_calls)
        subjects = len(row.subjects) if row.subjects is not None else fleet.of(spec)
        if spec.call_subjects:
            pieces *= max(1, math.ceil(subjects / spec.call_subjects))
        if spec.call_days:
            pieces *= max(1, math.ceil(_seconds(row, now) / _DAY / spec.call_days))
    # A stream that is cut into calls by subjects or days has pages as full as its windows were long: the past
    # says nothing about them, and a longer window would seem to cost less.
    cut = spec.call_subjects or spec.call_days
    if measured is not None and not cut and measured.pages > 2 * measured.slices:
        calls = measured.pages * (spec.page_calls if row.mode == "history" else 1)
        call_rows = measured.records / calls or call_rows
    return max(pieces, math.ceil(rows / call_rows))


def _row_bytes(spec: StreamSpec, past: Past) -> float:
    read = [m for mode in ("listing", "feed", "history") if (m := past.get((spec.name, mode)))]
    for each in read:
        if each.bytes and each.bytes_records:
            return each.bytes / each.bytes_records
    return _LISTED_BYTES if spec.kind == "listing" else _TYPICAL[spec.model][1]


def _seconds(row: SliceRow, now: datetime) -> float:
    """How much record time a slice covers; the newest is planned past the present."""
    if row.starts_at is None:
        return 0.0
    return max(0.0, (min(row.ends_at or now, now) - row.starts_at).total_seconds())
