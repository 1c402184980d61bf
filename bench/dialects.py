"""What each provider's dialect costs: mapping positions, and a day of a large fleet in all models."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
from msgspec import Raw

from bench import bound
from bench.figures import Figure, median
from bench.installation import Installation
from bench.processes import running
from bench.replay import NOW
from milepost import clock, ids
from milepost.ids import Identity
from milepost.jobs import queue as jobs
from milepost.kit import registry
from milepost.kit.contract import Cut, Slice
from milepost.kit.login import Pocket
from milepost.kit.registry import Registry
from milepost.kit.salvage import Window
from milepost.models.connection import Account, Company, Options
from milepost.models.location import Fix
from milepost.store import connections, syncs
from milepost.store.pool import Database, Session, fetch_one
from milepost.store.syncs import SyncRow
from milepost.sync.request import Desk
from milepost.sync.run import Runner
from milepost.sync.worker import tasks
from milepost.vault import ConnectionKey, new_token

CODES = ("samsara", "motive", "geotab")
LOGINS = {
    "samsara": {"apiKey": "bench"},
    "motive": {"apiKey": "bench"},
    "geotab": {"username": "bench@fleet.example", "password": "any", "database": "fleet"},
}
VEHICLES = 600
DAY = timedelta(days=1)
RUNS = 3
_MAPPED = 40  # Vehicles whose day is mapped: some 100,000 positions.
_PASSES = 5
_START_SECONDS, _LOOK_SECONDS = 60.0, 0.05
_MOST_TURNS = 60

Map = Callable[[bytes, str | None, Window], list[Cut]]


async def measure(site: Installation) -> list[Figure]:
    found: list[Figure] = []
    for code in CODES:
        async with _played(site, code, _MAPPED) as url:
            found += _mapping(code, await _positions(code, url))
    for code in CODES:
        async with _played(site, code, VEHICLES) as url, site.database() as database:
            found += await _day(site, database, code, url)
    return found


@contextlib.asynccontextmanager
async def _played(site: Installation, code: str, vehicles: int) -> AsyncIterator[str]:
    place = site.folder / f"{code}-{vehicles}.url"
    command = ["bench.replay", code, str(vehicles), str(place)]
    async with running(command, site.environ, site.folder / "replay.log") as process:
        async with asyncio.timeout(_START_SECONDS):
            while not (place.is_file() and place.read_text()):
                process.require()
                await asyncio.sleep(_LOOK_SECONDS)
        yield place.read_text()


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


class _Days:
    """Syncs of one provider's fleet, a new connection each."""

    def __init__(self, database: Database, providers: Registry, application_id: UUID) -> None:
        self._database = database
        self._application_id = application_id
        self.queue = jobs.app(database.url, min_size=1, max_size=3)
        self._desk = Desk(providers, self.queue)
        self._runner = Runner(
            database, providers, self.queue, turn_seconds=30, public_url="http://127.0.0.1"
        )
        tasks(self.queue, self._runner)

    async def sync(self, code: str) -> tuple[UUID, float]:
        """Connect the fleet anew and sync its last day; return the connection and the seconds."""
        with clock.held_at(NOW):
            row = await _connection(self._database, self._application_id, code)
            started = time.perf_counter()
            async with self._database.transaction() as session:
                asked = await self._desk.request(session, row, reason="request", days=1)
            for _ in range(_MOST_TURNS):
                await self._runner.wake_due()
                await self.queue.run_worker_async(
                    queues=[jobs.SYNC_QUEUE], wait=False, install_signal_handlers=False
                )
                found = await self._state(asked)
                if found.status in ("completed", "failed"):
                    break
            if found.status != "completed":
                raise RuntimeError(f"The sync of {code} is {found.status}: {found.failure_reason}")
            return row.id, time.perf_counter() - started

    async def _state(self, sync: SyncRow) -> SyncRow:
        async with self._database.session() as session:
            found = await syncs.get(session, sync.connection_id, sync.id)
        assert found is not None
        return found


async def _connection(
    database: Database, application_id: UUID, code: str
) -> connections.ConnectionRow:
    """Write a connected fleet without asking its provider."""
    token = new_token("con_tkn_")
    values = {
        "id": ids.new(), "application_id": application_id, "provider": code, "sync_mode": "manual",
        "source_id": None, "company": Company(), "account": Account(), "options": Options(),
        "filters": None, "external_id": None, "tags": [],
        "token_digest": database.pepper.digest(token),
        "sealed_token": database.vault.seal(token.encode()),
        "sealed_key": database.vault.seal(ConnectionKey.new().bytes),
        "sealed_credentials": database.vault.seal(msgspec.json.encode(LOGINS[code])),
        "at": clock.now(), "next_sync_at": None,
    }  # fmt: skip
    async with database.transaction() as session:
        return await connections.insert(session, values)


async def _day(site: Installation, database: Database, code: str, url: str) -> list[Figure]:
    """Sync a day once to hear the provider, and then several times without waiting for it."""
    providers = registry.load({code: url}, {code: 0})
    async with database.session() as session:
        row = await fetch_one(session, "select id from application limit 1")
    assert row is not None
    days = _Days(database, providers, row[0])
    seconds: list[float] = []
    processor: list[float] = []
    ratios: list[float] = []
    async with days.queue.open_async(), site.session() as session:
        await days.sync(code)
        for _ in range(RUNS):
            await session.execute("truncate position, stat, raw, row_count")
            await session.execute("checkpoint")
            before = time.process_time()
            connection_id, took = await days.sync(code)
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
