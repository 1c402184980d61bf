"""Reads a file through without keeping it: whether it can be read, and what it holds. Pure but for its thread."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime

import msgspec

from milepost.kit.files import (
    BrokenFile,
    FileFormats,
    FileReader,
    NamedDriver,
    NamedVehicle,
    Row,
    Wrapping,
)
from milepost.models.location import Fix

# The formats are told apart by so many bytes; a piece of 64 KB makes some 1,000 rows in 10 ms.
_HEAD = 4096
_PIECE = 65_536


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds: its format and size, the SHA-256 of its bytes, whom it names, how many of what."""

    format: str
    size_bytes: int
    digest: str
    vehicles: dict[str, NamedVehicle]
    drivers: dict[str, NamedDriver]
    rows: int
    positions: int
    readings: int
    hos_logs: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Reading:
    """Reads a file's pieces off the event loop; `reader` is there once enough has come to tell the format."""

    def __init__(self, formats: FileFormats, wrapping: Wrapping) -> None:
        self._formats = formats
        self._wrapping = wrapping
        self._head = b""
        self.reader: FileReader | None = None

    async def feed(self, data: bytes) -> AsyncIterator[list[Row]]:
        """Take the next bytes, however many, and yield the rows that they complete. Raises BrokenFile."""
        if self.reader is None:
            self._head += data
            if len(self._head) < _HEAD:
                return
            data = self._begin()
        assert self.reader is not None
        for at in range(0, len(data), _PIECE):
            yield await asyncio.to_thread(self.reader.feed, data[at : at + _PIECE])

    async def close(self) -> AsyncIterator[list[Row]]:
        if self.reader is None:
            head = self._begin()
            assert self.reader is not None
            yield await asyncio.to_thread(self.reader.feed, head)
        yield await asyncio.to_thread(self.reader.close)

    def _begin(self) -> bytes:
        self.reader = self._formats.open(self._head, self._wrapping)
        head, self._head = self._head, b""
        return head


async def rows(reading: Reading, chunks: AsyncIterable[bytes]) -> AsyncIterator[list[Row]]:
    """Yield the rows of a file, some at a time."""
    async for chunk in chunks:
        async for found in reading.feed(chunk):
            yield found
    async for found in reading.close():
        yield found


async def survey(formats: FileFormats, wrapping: Wrapping, chunks: AsyncIterable[bytes]) -> Survey:
    """Read a file through; raises BrokenFile where it cannot be read or holds nothing."""
    digest, size = hashlib.sha256(), 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal size
        async for chunk in chunks:
            size += len(chunk)
            digest.update(chunk)
            yield chunk

    reading = Reading(formats, wrapping)
    count: Counter[str] = Counter()
    first: datetime | None = None
    last: datetime | None = None
    async for found in rows(reading, counted()):
        for row in found:
            times = _count(row, count)
            if times:
                first = min(first or times[0], *times)
                last = max(last or times[0], *times)
    if not count["positions"] + count["readings"] + count["hos_logs"]:
        raise BrokenFile(1, "there is not one record in the file")
    assert reading.reader is not None
    return Survey(
        format=reading.reader.format,
        size_bytes=size,
        digest=digest.hexdigest(),
        vehicles=reading.reader.vehicles,
        drivers=reading.reader.drivers,
        rows=count["rows"],
        positions=count["positions"],
        readings=count["readings"],
        hos_logs=count["hos_logs"],
        starts_at=first,
        ends_at=last,
    )


def _count(row: Row, count: Counter[str]) -> list[datetime]:
    count["rows"] += 1
    times = []
    for record in row.records:
        if isinstance(record, Fix):
            count["positions"] += 1
            times.append(record.located_at)
        else:
            count["readings"] += 1
            times.append(record.at)
    if row.duty is not None:
        count["hos_logs"] += 1
        times.append(row.duty.started_at)
    return times
