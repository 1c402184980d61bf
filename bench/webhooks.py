"""How soon an event is at its receiver after its commit, and whether events that nobody takes slow syncing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from bench import throughput
from bench.figures import Figure, median, percentile
from bench.installation import Installation
from bench.processes import running
from milepost import clock, ids
from milepost.cli.ports import free_port
from milepost.kit.addresses import allowed
from milepost.models.connection import Account, Company, Options
from milepost.store import connections, events
from milepost.store.pool import Database, fetch_one
from milepost.vault import ConnectionKey
from milepost.webhooks.catalogue import example
from milepost.webhooks.endpoints import Endpoints

RATE = 200
SECONDS = 20
RUNS = 3
FLEETS = 40
BACKLOG = 100_000
LANES = 100
_VEHICLES = 40
_ROWS = 250_000
_WRITERS = 6
_LIMIT_SECONDS = 120.0
_LOOK_SECONDS = 0.05
_HERE = "127.0.0.1"
_DETAIL = msgspec.json.encode(example("issue.reported")["detail"])

_FILL = """
insert into event (connection_id, id, application_id, type, at, detail)
select md5((nth %% %(lanes)s)::text)::uuid, gen_random_uuid(), %(application_id)s, 'issue.reported', now(),
  %(detail)s::jsonb
from generate_series(1, %(count)s) nth
"""


class Taken(msgspec.Struct, frozen=True):
    """A receiver: where it is, and the file in which it writes what came when."""

    url: str
    file: Path


async def measure(site: Installation) -> list[Figure]:
    """Tell of changes at a steady rate; then sync with and without events that wait."""
    site.environ["MILEPOST_WEBHOOKS_ALLOW"] = _HERE
    async with site.database(pool_size=_WRITERS) as database:
        row = await _row(database, "select id from application")
        application_id: UUID = row[0]
        soon = await _latency(site, database, application_id)
        return [*soon, *await _backlog(site, database, application_id)]


async def _latency(site: Installation, database: Database, application_id: UUID) -> list[Figure]:
    runs: list[list[float]] = []
    writers: list[float] = []
    async with _receiver(site, "taker") as receiver, site.worker():
        endpoints = Endpoints(database, allowed([_HERE]))
        endpoint = await endpoints.create(application_id, receiver.url, [], None)
        fleets = [await _connect(database, application_id) for _ in range(FLEETS)]
        for seconds in (2, *[SECONDS] * RUNS):  # The first one wakes everybody.
            told, took = await _tell(database, application_id, fleets, seconds)
            arrived = await _arrivals(receiver, told)
            runs.append([1000 * (arrived[event] - at) for event, at in told.items()])
            writers.append(percentile(took, 0.99))
        await endpoints.delete(application_id, ids.read("webhook_endpoint", endpoint.id))
    note = f"{RATE} events/s of {FLEETS} connections for {SECONDS} s"
    return [
        median(
            "commit → first attempt, p99", [percentile(run, 0.99) for run in runs[1:]], "ms",
            target=500, note=note,
        ),
        median("the same, p50", [percentile(run, 0.5) for run in runs[1:]], "ms"),
        median("the writer's transaction, p99", writers[1:], "ms", note="how busy the machine is"),
    ]  # fmt: skip


async def _tell(
    database: Database, application_id: UUID, fleets: list[UUID], seconds: float
) -> tuple[dict[str, float], list[float]]:
    """Write events at the rate, each in a transaction; return when each was committed, and the milliseconds it took."""
    told: dict[str, float] = {}
    took: list[float] = []
    started = time.perf_counter()

    async def tell(connection_id: UUID) -> None:
        id_ = ids.new()
        begun = time.perf_counter()
        async with database.transaction() as session:
            row = events.EventRow(id_, "issue.reported", clock.now(), _DETAIL)
            await events.insert(session, connection_id, application_id, [row])
        told[ids.show("event", id_)] = time.time()
        took.append(1000 * (time.perf_counter() - begun))

    async with asyncio.TaskGroup() as group:
        for nth in range(round(RATE * seconds)):
            await asyncio.sleep(max(started + nth / RATE - time.perf_counter(), 0))
            group.create_task(tell(fleets[nth % len(fleets)]))
    return told, took


async def _backlog(site: Installation, database: Database, application_id: UUID) -> list[Figure]:
    """Sync in turns without events that wait, and with a hundred thousand of them for two dead endpoints."""
    without: list[float] = []
    beside: list[float] = []
    async with (
        site.simulator(_VEHICLES),
        site.api(),
        _receiver(site, "staller", "stall") as stalled,
    ):
        start = datetime.now(UTC) - throughput.window(_ROWS)
        await site.ask_sandbox("POST", "/prerender", start=clock.iso(start))
        endpoints = Endpoints(database, allowed([_HERE]))
        nobody = f"http://{_HERE}:{free_port()}/"
        await throughput.sync(site, start)  # Everybody's first time.
        for _ in range(RUNS):
            await _empty(database)
            without.append((await throughput.sync(site, start)).rate)
            await _empty(database)
            made = [
                await endpoints.create(application_id, url, [], None)
                for url in (nobody, stalled.url)
            ]
            numbering = await _fill(site, database, application_id)
            beside.append((await throughput.sync(site, start)).rate)
            for each in made:
                await endpoints.delete(application_id, ids.read("webhook_endpoint", each.id))
    ratios = [b / a for a, b in zip(without, beside, strict=True)]
    note = f"{BACKLOG:,} events in {LANES} lanes each; one endpoint refuses, one stalls"
    return [
        median("sync throughput without events that wait", without, "locations/s"),
        median("sync throughput beside events that wait", beside, "locations/s", note=note),
        median("with ÷ without", ratios, "", target=0.9, better="more"),
        Figure(name="events numbered", value=BACKLOG / numbering, unit="events/s"),
    ]


async def _fill(site: Installation, database: Database, application_id: UUID) -> float:
    """Write the events that wait and let a worker number them; return how many seconds that took."""
    async with database.session() as session:
        values = {
            "application_id": application_id, "lanes": LANES, "count": BACKLOG,
            "detail": _DETAIL.decode(),
        }  # fmt: skip
        await session.execute(_FILL.encode(), values)
    started = time.perf_counter()
    async with site.worker(), asyncio.timeout(_LIMIT_SECONDS):
        left = BACKLOG
        while left:
            await asyncio.sleep(_LOOK_SECONDS)
            (left,) = await _row(database, "select count(*) from event where number is null")
    return time.perf_counter() - started


async def _empty(database: Database) -> None:
    async with database.session() as session:
        await session.execute("truncate position, raw, event, webhook_lane, webhook_attempt")


async def _connect(database: Database, application_id: UUID) -> UUID:
    """Write a connected fleet."""
    token = f"con_tkn_{ids.new().hex}"
    values = {
        "id": ids.new(), "application_id": application_id, "provider": "samsara",
        "sync_mode": "manual", "source_id": "1", "company": Company(), "account": Account(),
        "options": Options(), "filters": None, "external_id": None, "tags": [],
        "token_digest": database.pepper.digest(token),
        "sealed_token": database.vault.seal(token.encode()),
        "sealed_key": database.vault.seal(ConnectionKey.new().bytes),
        "sealed_credentials": database.vault.seal(b"{}"), "at": clock.now(), "next_sync_at": None,
    }  # fmt: skip
    async with database.transaction() as session:
        return (await connections.insert(session, values)).id


@contextlib.asynccontextmanager
async def _receiver(site: Installation, name: str, *words: str) -> AsyncIterator[Taken]:
    port, file = free_port(), site.folder / f"{name}.txt"
    file.touch()
    command = ["bench.receiver", str(port), str(file), *words]
    async with running(command, site.environ, site.folder / f"{name}.log") as process:
        async with asyncio.timeout(_LIMIT_SECONDS):
            while not await _listens(port):
                process.require()
                await asyncio.sleep(_LOOK_SECONDS)
        yield Taken(f"http://{_HERE}:{port}/", file)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(_HERE, port)
    except OSError:
        return False
    writer.close()
    return True


async def _arrivals(receiver: Taken, told: dict[str, float]) -> dict[str, float]:
    """Wait until all has arrived; return when each did so first."""
    async with asyncio.timeout(_LIMIT_SECONDS):
        while True:
            found: dict[str, float] = {}
            whole, _, _ = receiver.file.read_text().rpartition("\n")
            for line in whole.splitlines():
                event, _, at = line.partition(" ")
                found.setdefault(event, float(at))
            if told.keys() <= found.keys():
                return found
            await asyncio.sleep(_LOOK_SECONDS)


async def _row(database: Database, query: str) -> tuple[Any, ...]:
    async with database.session() as session:
        row = await fetch_one(session, query)
    assert row is not None
    return row
