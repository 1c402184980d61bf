"""What US rules leave a driver, counted from duty statuses (49 CFR 395.3, property-carrying vehicles)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from milepost.kit.world import DutyLog, HoursLeft

_DRIVE = timedelta(hours=11)
_SHIFT = timedelta(hours=14)
_CYCLE = timedelta(hours=70)  # in eight days
_CYCLE_DAYS = 8
_RESET = timedelta(hours=10)  # rest that begins a new shift
_UNTIL_BREAK = timedelta(hours=8)  # of driving
_BREAK = timedelta(minutes=30)
_NONE = timedelta()
_AT_WHEEL = frozenset({"driving"})
_AT_WORK = frozenset({"driving", "on_duty", "yard_move"})
_RESTING = frozenset({"off_duty", "sleeper_bed", "personal_conveyance"})


def count_hours_left(
    logs: Sequence[DutyLog], at: datetime, zone: ZoneInfo, *, reachable: bool
) -> HoursLeft:
    """Count what is left at `at` from the statuses of ten days or more, by time."""
    spans = [(log.status, log.starts_at, min(log.ends_at or at, at)) for log in logs]
    shift_began, rest_began, driven, since_break, pause = None, None, _NONE, _NONE, _NONE
    for status, begins, ends in spans:
        length = ends - begins
        if status in _RESTING:
            rest_began = rest_began or begins
            if ends - rest_began >= _RESET:
                shift_began, driven = None, _NONE
        else:
            rest_began, shift_began = None, shift_began or begins
        if status in _AT_WHEEL:
            driven, since_break, pause = driven + length, since_break + length, _NONE
        else:
            pause += length
            since_break = _NONE if pause >= _BREAK else since_break
    today = datetime.combine(at.astimezone(zone).date(), time(), zone)
    cycle_began = today - timedelta(days=_CYCLE_DAYS - 1)
    worked = _worked(spans, cycle_began)
    tomorrow = _worked(spans, cycle_began + timedelta(days=1))
    shift = at - shift_began if shift_began else _NONE
    current = logs[-1] if logs else None
    return HoursLeft(
        drive_ms=_left(min(_DRIVE - driven, _SHIFT - shift)),
        shift_ms=_left(_SHIFT - shift),
        cycle_ms=_left(_CYCLE - worked),
        cycle_tomorrow_ms=_left(_CYCLE - tomorrow),
        break_ms=_left(_UNTIL_BREAK - since_break),
        cycle_started_at=cycle_began.astimezone(at.tzinfo),
        status=current.status if current and reachable else None,
        vehicle_id=current.vehicle_id if current and reachable else None,
    )


def _worked(spans: Sequence[tuple[str, datetime, datetime]], since: datetime) -> timedelta:
    work = (
        ends - max(begins, since)
        for status, begins, ends in spans
        if status in _AT_WORK and ends > since
    )
    return sum(work, _NONE)


def _left(remaining: timedelta) -> int:
    return max(0, round(remaining / timedelta(milliseconds=1)))
