"""Merges pages of positions and readings: straight in where the range is new, through staging elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.models.location import Fix
from milepost.models.stats import STAT_TYPES, StatReading
from milepost.store.archive import RawCut
from milepost.store.partitions import Month, Series, months_between
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("series")

_STAT_NUMBERS = {name: number for number, name in enumerate(STAT_TYPES)}

_STAGED = {
    "position": "vehicle_id, located_at, raw_id, latitude, longitude, raw_ordinal, heading, speed,"
    " driver_id, address, source_id",
    "stat": "vehicle_id, at, raw_id, value, raw_ordinal, type, source_id",
}
_TYPES = {
    "position": ["uuid", "timestamptz", "int8", "float8", "float8", "int4", "float4", "float4",
                 "uuid", "text", "text"],
    "stat": ["uuid", "timestamptz", "int8", "float8", "int4", "int2", "text"],
}  # fmt: skip


_MODELS = {"position": "vehicle_location", "stat": "vehicle_stat"}


class Merged(msgspec.Struct, frozen=True):
    """What a merge changed: how many rows, and in which cuts."""

    rows: int
    raw_ids: frozenset[int]


def months(cuts: Iterable[Cut]) -> set[Month]:
    """List the months that the cuts' records reach into."""
    found: set[Month] = set()
    for cut in cuts:
        if cut.records:
            times = [
                record.located_at if type(record) is Fix else record.at  # type: ignore[union-attr]
                for record in cut.records
            ]
            found.update(months_between(min(times), max(times)))
    return found


def share(series: Series, cuts: Iterable[RawCut]) -> list[RawCut]:
    """Return the part of cuts that belongs to a series, where positions and readings are mixed in them."""
    kind: type = Fix if series == "position" else StatReading
    return [RawCut(raw.id, _share(raw.cut, kind)) for raw in cuts]


def _share(cut: Cut, kind: type) -> Cut:
    numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
    kept = [pair for pair in zip(cut.records, numbers, strict=True) if type(pair[0]) is kind]
    return replace(
        cut, records=[record for record, _ in kept], ordinals=[number for _, number in kept]
    )


def rows(
    series: Series, raw_cuts: Iterable[RawCut], identity: Identity
) -> Iterator[tuple[Any, ...]]:
    """Turn cuts into rows of the staging table, in the order of its columns."""
    for raw in raw_cuts:
        cut = raw.cut
        assert cut.subject is not None, "a series record belongs to a vehicle"
        vehicle = identity.uuid("vehicle", cut.subject)
        numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
        pairs = zip(cut.records, numbers, strict=True)
        if series == "position":
            yield from _positions(pairs, vehicle, raw.id, identity)
        else:
            for record, ordinal in pairs:
                assert isinstance(record, StatReading)
                kind = _STAT_NUMBERS[record.type]
                yield (vehicle, record.at, raw.id, record.value, ordinal, kind, record.source_id)


def rows_a_day(raw_cuts: Iterable[RawCut], identity: Identity) -> Counter[tuple[UUID, int]]:
    """Count the cuts' records by vehicle and UTC day, a day as its ordinal.

    Most cuts lie within one day, which their first and last record tell: 0.04 µs a record.
    """
    counts: Counter[tuple[UUID, int]] = Counter()
    for raw in raw_cuts:
        records = raw.cut.records
        if not records:
            continue
        assert raw.cut.subject is not None, "a series record belongs to a vehicle"
        vehicle = identity.uuid("vehicle", raw.cut.subject)
        times = [
            record.located_at if type(record) is Fix else record.at  # type: ignore[union-attr]
            for record in records
        ]
        first, last = min(times).toordinal(), max(times).toordinal()
        if first == last:
            counts[vehicle, first] += len(times)
        else:
            for day, count in Counter(time.toordinal() for time in times).items():
                counts[vehicle, day] += count
    return counts


def _positions(
    pairs: Iterable[tuple[Any, int]], vehicle: Any, raw_id: int, identity: Identity
) -> Iterator[tuple[Any, ...]]:
    for fix, ordinal in pairs:
        driver = identity.uuid("driver", fix.driver) if fix.driver is not None else None
        yield (
            vehicle, fix.located_at, raw_id, fix.latitude, fix.longitude, ordinal, fix.heading,
            fix.speed, driver, fix.address, fix.source_id,
        )  # fmt: skip


async def copy_straight(
    session: Session, series: Series, raw_cuts: list[RawCut], identity: Identity, stamp: datetime
) -> Merged:
    """Copy rows into the table itself; raises UniqueViolation where one is there already.

    Half the cost of staging, and right because the key refuses what the caller's hope missed.
    """
    columns = f"connection_id, modified_at, {_STAGED[series]}"
    count = 0
    async with session.cursor().copy(
        f"copy {series} ({columns}) from stdin (format binary)"
    ) as copy:
        copy.set_types(["uuid", "timestamptz", *_TYPES[series]])
        lead = (identity.connection_id, stamp)
        for row in rows(series, raw_cuts, identity):
            await copy.write_row(lead + row)
            count += 1
    days = rows_a_day(raw_cuts, identity)
    values = {
        "connection_id": identity.connection_id,
        "model": _MODELS[series],
        "vehicles": [vehicle for vehicle, _ in days],
        "days": [date.fromordinal(day) for _, day in days],
        "counts": [*days.values()],
    }
    await session.execute(SQL["count_rows"].encode(), values)
    return Merged(count, frozenset(raw.id for raw in raw_cuts if raw.cut.records))


async def merge_staged(
    session: Session, series: Series, raw_cuts: list[RawCut], identity: Identity, stamp: datetime
) -> Merged:
    """Copy rows to staging and merge: new ones in, changed ones over, unchanged ones left alone."""
    await session.execute(SQL[f"{series}_staging"].encode())
    target = f"copy staged_{series} ({_STAGED[series]}) from stdin (format binary)"
    async with session.cursor().copy(target) as copy:
        copy.set_types(_TYPES[series])
        for row in rows(series, raw_cuts, identity):
            await copy.write_row(row)
    values = {"connection_id": identity.connection_id, "stamp": stamp}
    found = await fetch_all(session, SQL[f"{series}_merge"], values)
    return Merged(sum(row[1] for row in found), frozenset(row[0] for row in found))
