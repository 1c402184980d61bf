"""Days, months and time zones: which of them a stretch of time touches, when each begins, what it adds up to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

DAY = timedelta(days=1)


def zone_named(name: str | None) -> ZoneInfo | None:
    """Return an IANA time zone; None where the name is none."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):  # Unknown, malformed, or the name of a folder.
        return None


def days_of(starts_at: datetime, ends_at: datetime) -> tuple[date, date]:
    """Return the first and the last UTC day that [starts_at, ends_at) touches."""
    return starts_at.date(), (ends_at - timedelta(microseconds=1)).date()


def each_day(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def each_month(first: date, last: date) -> Iterator[date]:
    """Yield the first day of every month that the days touch."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = next_month(month)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the beginning of a day in a zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def less(whole: int | UnsetType, *parts: int | UnsetType) -> int | UnsetType:
    """Take out of a duration what is told by itself too, so that no instant counts twice; never below nothing."""
    if whole is UNSET:
        return UNSET
    return max(0, whole - sum(part for part in parts if part is not UNSET))
