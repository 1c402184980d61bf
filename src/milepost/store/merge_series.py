"""Merges pages of positions and readings: straight in what is new, through staging what is there already."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import compress
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


# An instant is hashed in 0.4 µs and compared with one to four others in 0.05 to 0.1: most cuts meet one that is there.
_FEW = 4

# So few rows go along with the statement that merges them: staging asks the server three times more. Most pages of a
# history meet one row that is there, a feed's first.
_HANDFUL = 100

_Span = tuple[datetime, datetime]
"""The first and the last instant of a cut's records."""

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
            times = _times(cut)
            found.update(months_between(min(times), max(times)))
    return found


def share(series: Series, cuts: Iterable[RawCut]) -> list[RawCut]:
    """Return the part of cuts that belongs to a series, where positions and readings are mixed in them."""
    kind: type = Fix if series == "position" else StatReading
    return [RawCut(raw.id, _share(raw.cut, kind)) for raw in cuts]


def _share(cut: Cut, kind: type) -> Cut:
    return _picked(cut, [type(record) is kind for record in cut.records])


def _picked(cut: Cut, wanted: list[bool]) -> Cut:
    """Return a cut with some of its records, each under the number that it had."""
    numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
    return replace(
        cut, records=[*compress(cut.records, wanted)], ordinals=[*compress(numbers, wanted)]
    )


def _times(cut: Cut) -> list[datetime]:
    return [
        record.located_at if type(record) is Fix else record.at  # type: ignore[union-attr]
        for record in cut.records
    ]


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


def _rows_a_day(
    raw_cuts: Iterable[RawCut], spans: Mapping[int, _Span], identity: Identity
) -> Counter[tuple[UUID, int]]:
    """Count the cuts' records by vehicle and UTC day, a day as its ordinal.

    `spans` says by raw id between which instants a cut's records lie; most do within one day.
    """
    counts: Counter[tuple[UUID, int]] = Counter()
    for raw in raw_cuts:
        if not raw.cut.records:
            continue
        assert raw.cut.subject is not None, "a series record belongs to a vehicle"
        vehicle = identity.uuid("vehicle", raw.cut.subject)
        first, last = (instant.toordinal() for instant in spans[raw.id])
        if first == last:
            counts[vehicle, first] += len(raw.cut.records)
        else:
            for day, count in Counter(map(datetime.toordinal, _times(raw.cut))).items():
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


async def merge(
    session: Session, series: Series, raw_cuts: list[RawCut], identity: Identity, stamp: datetime
) -> Merged:
    """Copy straight in what is new and merge the rest; raises UniqueViolation where a page names one twice.

    The caller has taken the connection's stamp, so that nobody else writes what was not there a moment ago.
    """
    spans = {raw.id: (min(times), max(times)) for raw in raw_cuts if (times := _times(raw.cut))}
    taken = await _taken(session, series, raw_cuts, spans, identity)
    new, known = _parted(series, raw_cuts, taken, identity)
    merged = await _copy_straight(session, series, new, spans, identity, stamp)
    if not known:
        return merged
    rest = await merge_known(session, series, known, identity, stamp)
    return Merged(merged.rows + rest.rows, merged.raw_ids | rest.raw_ids)


_Taken = dict[UUID, set[Any]]
"""What is stored already by vehicle: instants of positions, or instants and types of readings."""


async def _taken(
    session: Session,
    series: Series,
    raw_cuts: list[RawCut],
    spans: Mapping[int, _Span],
    identity: Identity,
) -> _Taken:
    """Look up what is stored in the time that each cut spans, and a little more than its records at most."""
    asked = [
        (identity.uuid("vehicle", raw.cut.subject or ""), *spans[raw.id], len(raw.cut.records))
        for raw in raw_cuts
        if raw.cut.records
    ]
    vehicles, since, until, most = zip(*asked, strict=True) if asked else ((), (), (), ())
    values = {
        "connection_id": identity.connection_id,
        "vehicles": [*vehicles],
        "since": [*since],
        "until": [*until],
        "most": [each + 1 for each in most],
    }
    if series == "stat":  # Other streams tell of other types in the same time.
        values["types"] = sorted({kind for raw in raw_cuts for _, kind in _keys("stat", raw.cut)})
    taken: _Taken = {}
    for vehicle, *key in await fetch_all(session, SQL[f"{series}_taken"], values):
        taken.setdefault(vehicle, set()).add(key[0] if series == "position" else tuple(key))
    return taken


def _parted(
    series: Series, raw_cuts: Iterable[RawCut], taken: _Taken, identity: Identity
) -> tuple[list[RawCut], list[RawCut]]:
    """Part cuts into what is surely new and what may be there; where much is there, a cut is not parted."""
    new: list[RawCut] = []
    known: list[RawCut] = []
    for raw in raw_cuts:
        there = taken.get(identity.uuid("vehicle", raw.cut.subject or ""))
        if not there:
            new.append(raw)
        elif len(there) > len(raw.cut.records):
            known.append(raw)
        else:
            few = [*there] if len(there) <= _FEW else there
            held = [key in few for key in _keys(series, raw.cut)]
            if not any(held):
                new.append(raw)
                continue
            new.append(RawCut(raw.id, _picked(raw.cut, [not each for each in held])))
            known.append(RawCut(raw.id, _picked(raw.cut, held)))
    return new, known


def _keys(series: Series, cut: Cut) -> list[Any]:
    if series == "position":
        return _times(cut)
    return [
        (record.at, _STAT_NUMBERS[record.type])
        for record in cut.records
        if isinstance(record, StatReading)
    ]


async def _copy_straight(
    session: Session,
    series: Series,
    raw_cuts: list[RawCut],
    spans: Mapping[int, _Span],
    identity: Identity,
    stamp: datetime,
) -> Merged:
    """Copy rows into the table itself; raises UniqueViolation where one is there already.

    Half the cost of staging, and right because the key refuses what the caller's hope missed. `spans` as of
    `_rows_a_day`.
    """
    if not any(raw.cut.records for raw in raw_cuts):
        return Merged(0, frozenset())
    columns = f"connection_id, modified_at, {_STAGED[series]}"
    count = 0
    async with session.cursor().copy(
        f"copy {series} ({columns}) from stdin (format binary)"
    ) as copy:
        copy.set_types(["uuid", "timestamptz", *_TYPES[series]])
        lead = (identity.connection_id, stamp)
        # What `copy.write_row` does, less a coroutine a row: 0.2 of its 1.6 µs.
        pack, send = copy.formatter.write_row, copy.writer.write
        for row in rows(series, raw_cuts, identity):
            if part := pack(lead + row):
                await send(part)
            count += 1
        # Counted before COPY is ended, while the server works through what it was sent.
        days = _rows_a_day(raw_cuts, spans, identity)
    values = {
        "connection_id": identity.connection_id,
        "model": _MODELS[series],
        "vehicles": [vehicle for vehicle, _ in days],
        "days": [date.fromordinal(day) for _, day in days],
        "counts": [*days.values()],
    }
    await session.execute(SQL["count_rows"].encode(), values)
    return Merged(count, frozenset(raw.id for raw in raw_cuts if raw.cut.records))


async def merge_known(
    session: Session, series: Series, raw_cuts: list[RawCut], identity: Identity, stamp: datetime
) -> Merged:
    """Merge rows: new ones in, changed ones over, unchanged ones left alone; many are copied to staging first."""
    values: dict[str, Any] = {"connection_id": identity.connection_id, "stamp": stamp}
    count = sum(len(raw.cut.records) for raw in raw_cuts)
    if count == 0:
        return Merged(0, frozenset())
    if count <= _HANDFUL:
        query = _handed(series)
        columns = zip(
            _TYPES[series], zip(*rows(series, raw_cuts, identity), strict=True), strict=True
        )
        values |= {f"column_{n}": _array(*column) for n, column in enumerate(columns)}
    else:
        query = SQL[f"{series}_merge"]
        await _stage(session, series, raw_cuts, identity)
    found = await fetch_all(session, query, values)
    return Merged(sum(row[1] for row in found), frozenset(row[0] for row in found))


@functools.cache
def _handed(series: Series) -> str:
    """Write the merge of rows that come with the statement, as arrays `column_0` and so on."""
    arrays = ", ".join(f"%(column_{n})s::{each}[]" for n, each in enumerate(_TYPES[series]))
    staged = f"staged_{series}"
    return SQL[f"{series}_merge"].replace(
        f"from {staged}", f"from unnest({arrays}) as {staged} ({_STAGED[series]})"
    )


def _array(kind: str, column: Sequence[Any]) -> list[Any]:
    """Make a column an array of one type: the dialects' whole numbers are ints among floats."""
    if kind.startswith("float"):
        return [None if each is None else float(each) for each in column]
    return [*column]


async def _stage(
    session: Session, series: Series, raw_cuts: list[RawCut], identity: Identity
) -> None:
    await session.execute(SQL[f"{series}_staging"].encode())
    target = f"copy staged_{series} ({_STAGED[series]}) from stdin (format binary)"
    async with session.cursor().copy(target) as copy:
        copy.set_types(_TYPES[series])
        for row in rows(series, raw_cuts, identity):
            await copy.write_row(row)
