"""What each provider's dialect costs: mapping positions, and a day of a large fleet in all models."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
from msgspec import Raw

from bench import bound
from bench.figures import Figure, median
from bench.installation import Installation
from bench.played import LOGINS, Fleet, played
from bench.replay import NOW
from milepost import clock
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.contract import Cut, Slice
from milepost.kit.login import Pocket
from milepost.kit.salvage import Window
from milepost.models.location import Fix
from milepost.store.pool import Database, Session, fetch_one

CODES = ("samsara", "motive", "geotab")
VEHICLES = 600
DAY = timedelta(days=1)
RUNS = 3
_MAPPED = 40  # Vehicles whose day is mapped: some 100,000 positions.
_PASSES = 5

Map = Callable[[bytes, str | None, Window], list[Cut]]


async def measure(site: Installation) -> list[Figure]:
    found: list[Figure] = []
    for code in CODES:
        async with played(site, code, _MAPPED) as url:
            found += _mapping(code, await _positions(code, url))
    for code in CODES:
        async with played(site, code, VEHICLES) as url, site.database() as database:
            found += await _day(site, database, code, url)
    return found


async def _positions(code: str, url: str) -> list[Cut]:
    """Read a day of positions as the connector does, for what it reads them of."""
    connector = registry.load({code: url}, {code: 0}).connect(
        code, Pocket(LOGINS[code]), Identity(UUID(int=1))
    )
    slice_ = Slice(stream="locations", mode="history", starts_at=NOW - DAY, ends_at=NOW)
    try:
        with clock.held_at(NOW):
            return [cut async for page in connector.pages(slice_) for cut in page.cuts]
    finally:
        await connector.aclose()


def _mapper(code: str) -> Map:
    """Return how a dialect makes positions of what came; of Motive's answers readings too."""
    readings = importlib.import_module(f"{registry.load().package(code)}.readings")
    rows = msgspec.json.Decoder(dict[str, Raw])
    match code:
        case "samsara":
            return lambda body, _, window: readings.positions(Raw(body), window)
        case "motive":
            return lambda body, vehicle, window: [
                readings.history_cut(body, vehicle, window, metric=True)
            ]
        case _:
            return lambda body, _, window: readings.positions(rows.decode(body)["data"], window, {})


def _mapping(code: str, cuts: Sequence[Cut]) -> list[Figure]:
    """Time the mapping of positions, and beside it a bare decoding of the same bytes into objects."""
    mapper, window = _mapper(code), Window(NOW, NOW - DAY, NOW)
    count = sum(isinstance(record, Fix) for cut in cuts for record in cut.records)
    rates: list[float] = []
    ratios: list[float] = []
    for _ in range(_PASSES):
        started = time.process_time()
        for cut in cuts:
            mapper(cut.body, cut.subject, window)
        mapped = time.process_time()
        for cut in cuts:
            msgspec.json.decode(cut.body)
        bare = time.process_time()
        rates.append(count / (mapped - started))
        ratios.append((bare - mapped) / (mapped - started))
    note = f"{count:,} positions" + (" with their readings" if code == "motive" else "")
    return [
        median(f"{code}: mapping", rates, "positions/s", target=250_000, better="more", note=note),
        median(f"{code}: mapping ÷ bare decoding", ratios, "", better="more"),
    ]


async def _day(site: Installation, database: Database, code: str, url: str) -> list[Figure]:
    """Sync a day once to hear the provider, and then several times without waiting for it."""
    providers = registry.load({code: url}, {code: 0})
    fleet = Fleet(database, providers)
    seconds: list[float] = []
    processor: list[float] = []
    ratios: list[float] = []
    async with fleet.queue.open_async(), site.session() as session:
        await fleet.sync(code, 1)
        for _ in range(RUNS):
            await session.execute("truncate position, stat, raw, row_count")
            await session.execute("checkpoint")
            before = time.process_time()
            connection_id, took = await fleet.sync(code, 1)
            processor.append(time.process_time() - before)
            seconds.append(took)
            rows = await _counted(session, connection_id)
            bare = await bound.copy_bare(session, connection_id, site.folder / "rows.copy")
            ratios.append(rows[0] / took / bare)
        await session.execute("truncate position, stat, raw, row_count")
    note = f"{VEHICLES} vehicles: {rows[1]:,} positions, {rows[2]:,} readings, {rows[3]:,} records"
    return [
        median(f"{code}: a fleet's day of all models", seconds, "s", target=20, note=note),
        median(f"{code}: the worker's processor time of it", processor, "s"),
        median(f"{code}: its rows a second ÷ bare COPY of positions", ratios, "", better="more"),
    ]  # fmt: skip


async def _counted(session: Session, connection_id: UUID) -> tuple[int, int, int, int]:
    """Count what a connection has: all rows, positions, readings, documents."""
    found = [
        await fetch_one(
            session,
            f"select count(*) from {table} where connection_id = %s",  # noqa: S608  Our own names.
            [connection_id],
        )
        for table in ("position", "stat", "document")
    ]
    positions, stats, documents = (int(row[0]) for row in found if row is not None)
    return positions + stats + documents, positions, stats, documents
