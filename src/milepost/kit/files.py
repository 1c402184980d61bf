"""What a file of exported data is made of: rows with records, and the vehicles and drivers that it names.

A reader is pushed the file's bytes piece by piece and never holds more than a bounded part of it. What it
cannot read it refuses with the line and the reason; a file is read whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from milepost import clock
from milepost.errors import MilepostError
from milepost.ids import Identity
from milepost.models.driver import Driver
from milepost.models.hos import HOSLog, HOSStatus
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.models.vehicle import Vehicle

MOST_NAMED = 10_000
"""More vehicles or drivers than this are in no fleet's export; their names are held in memory (some 5 MB)."""

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)


class BrokenFile(MilepostError):
    """A file cannot be read: `line` says where, and the message why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class NamedVehicle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a file says of a vehicle. One of `source_id`, `vin` and `name` is there at least."""

    source_id: str | None = None
    vin: str | None = None
    name: str | None = None


class NamedDriver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a file says of a driver; `source_id` is the driver's id or user name, else the name."""

    source_id: str
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    license_state: str | None = None
    license_number: str | None = None


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """A change of duty status. `driver` and `vehicle` are keys of the file's own."""

    driver: str
    status: HOSStatus
    started_at: datetime  # aware UTC
    ended_at: datetime | None = None
    vehicle: str | None = None
    place: tuple[float, float] | None = None  # latitude and longitude in degrees
    notes: list[str] = []


class Row(msgspec.Struct, frozen=True, gc=False):
    """One line of a file: its fields as they stand there, and what was read from them.

    `vehicle`, and the driver of a fix, are keys of the reader's `vehicles` and `drivers`.
    """

    line: int
    fields: dict[str, str]
    vehicle: str | None
    records: list[Fix | StatReading]
    duty: Duty | None = None


class Wrapping(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file from outside of it.

    `name` is the file's own; `vehicle` is whom a file is about that names none; `time_zone` holds for times
    that have none.
    """

    name: str
    vehicle: str | None = None
    time_zone: ZoneInfo | None = None


class FileReader(Protocol):
    """Reads one file. After `close`, `vehicles` and `drivers` hold whoever it names, by the file's own keys."""

    format: str
    vehicles: dict[str, NamedVehicle]
    drivers: dict[str, NamedDriver]

    def feed(self, data: bytes) -> list[Row]:
        """Take the next bytes; return the rows that they complete. Raises BrokenFile."""
        ...

    def close(self) -> list[Row]:
        """Take the end of the file; return the rows that were left. Raises BrokenFile."""
        ...


class FileFormats(Protocol):
    """What a provider's package exports as `files`, whose manifest has `file_formats`."""

    def open(self, head: bytes, wrapping: Wrapping) -> FileReader:
        """Make the reader that fits the first bytes of a file; raise BrokenFile where none does."""
        ...

    def vehicle(
        self, named: NamedVehicle, source_id: str, provider: str, identity: Identity
    ) -> Vehicle: ...

    def driver(
        self, named: NamedDriver, source_id: str, provider: str, identity: Identity
    ) -> Driver: ...

    def hos_log(
        self,
        duty: Duty,
        vehicles: Mapping[str, str],
        drivers: Mapping[str, str],
        provider: str,
        identity: Identity,
    ) -> HOSLog:
        """Build a log; the mappings turn keys of the file into ids at the source."""
        ...


def plausible(at: datetime, line: int) -> datetime:
    """Return the instant, in UTC and whole milliseconds; raise BrokenFile for one that cannot be meant."""
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise BrokenFile(line, "the time lies outside of the years 1 to 9999") from None
    if not _EARLIEST <= at <= clock.now() + _AHEAD:
        raise BrokenFile(line, f"the time {at.isoformat()} lies before 1990 or in the future")
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def in_zone(at: datetime, zone: ZoneInfo | None, line: int) -> datetime:
    """Return a time with its zone; raise BrokenFile where neither the time nor the file says which.

    Of an hour that the clocks strike twice, the first is meant.
    """
    if at.tzinfo is not None:
        return at
    if zone is None:
        raise BrokenFile(
            line,
            f"the time {at.isoformat(' ')} has no time zone: write it with an offset, or say the file's "
            "zone (timeZone)",
        )
    return at.replace(tzinfo=zone)
