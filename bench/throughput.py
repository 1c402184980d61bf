"""How many locations a second a sync brings, from the provider's HTTP answers to committed rows."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from bench import bound
from bench.figures import Figure, median
from bench.installation import Installation
from bench.processes import Process
from milepost import clock, ids
from milepost.store.pool import Session, fetch_one

VEHICLES = 40
RUNS = 3
# What a simulated truck reports: each 10 s of 7 h on the road, each 5 min at rest.
_POSITIONS_A_DAY = 2_700
_SILENT = 0.1  # The share of listed vehicles that may have no gateway.
_LOOK_SECONDS = 0.05
_LIMIT_SECONDS = 600.0


class Run(msgspec.Struct, frozen=True):
    """One sync: the rows that it brought, in which time, and what its worker needed."""

    connection_id: UUID
    rows: int
    seconds: float
    megabytes: float
    processor_seconds: float

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


async def measure(site: Installation, rows: int) -> list[Figure]:
    """Sync a quarter of the rows once and all of them several times, each with a new worker."""
    async with site.simulator(VEHICLES), site.api():
        start = datetime.now(UTC) - window(rows)
        await site.ask_sandbox("POST", "/prerender", start=clock.iso(start))
        quarter = datetime.now(UTC) - window(rows // 4)
        small = await sync(site, quarter)
        runs: list[Run] = []
        bare: list[float] = []
        async with site.session() as session:
            for _ in range(RUNS):
                await session.execute("truncate position, raw")
                runs.append(await sync(site, start))
                file = site.folder / "rows.copy"
                bare.append(await bound.copy_bare(session, runs[-1].connection_id, file))
            sizes = await _sizes(session)
    return [*_figures(small, runs, bare), *sizes]


def window(rows: int) -> timedelta:
    """Return a window that surely holds so many positions."""
    days = rows / (_POSITIONS_A_DAY * VEHICLES * (1 - _SILENT))
    return timedelta(hours=math.ceil(days * 24) + 1)


async def sync(site: Installation, start: datetime) -> Run:
    """Connect the fleet anew and sync it from `start` on, with a worker that has done nothing else."""
    async with site.worker("bench.worker", "locations") as worker, site.connected() as fleet:
        async with site.session() as session:
            await session.execute("checkpoint")
            before = worker.processor_seconds()
            asked = await fleet.caller.post("/syncs", {"startFrom": clock.iso(start)})
            sync_id = ids.read("sync", asked["id"])
            row = await _completed(session, sync_id, worker)
        return Run(
            connection_id=row[0],
            rows=row[1],
            seconds=row[2],
            megabytes=worker.peak_megabytes(),
            processor_seconds=worker.processor_seconds() - before,
        )


async def _completed(session: Session, sync_id: UUID, worker: Process) -> tuple[UUID, int, float]:
    """Wait for the end of a sync; return its connection, the locations of its slices, and its seconds."""
    until = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < until:
        worker.require()
        row = await fetch_one(
            session,
            "select s.status, s.failure_reason, s.connection_id,"
            " extract(epoch from s.completed_at - s.started_at)::float8,"
            " (select sum(records)::int8 from slice l where l.sync_id = s.id and l.stream = 'locations')"
            " from sync s where s.id = %s",
            [sync_id],
        )
        assert row is not None
        if row[0] == "failed":
            raise RuntimeError(f"The sync failed: {row[1]}")
        if row[0] == "completed":
            return row[2], row[4], row[3]
        await asyncio.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"The sync {sync_id} did not end within {_LIMIT_SECONDS:g} seconds.")


def _figures(small: Run, runs: list[Run], bare: list[float]) -> list[Figure]:
    rates = [run.rate for run in runs]
    ratios = [rate / bound for rate, bound in zip(rates, bare, strict=True)]
    note = f"{runs[0].rows:,} locations a run, in_progress to completed"
    processor = [1e6 * run.processor_seconds / run.rows for run in runs]
    return [
        median("sync throughput", rates, "locations/s", target=60_000, better="more", note=note),
        median("bare binary COPY of the same rows", bare, "rows/s", note="bytes made beforehand"),
        median("sync ÷ bare COPY", ratios, "", target=0.25, better="more"),
        median("worker's processor time a location", processor, "µs"),
        median(
            "worker's peak memory", [run.megabytes for run in runs], "MB", target=200,
            note=f"VmHWM, {runs[0].rows:,} locations",
        ),
        Figure(
            name="worker's peak memory", value=small.megabytes, unit="MB", target=200,
            note=f"VmHWM, {small.rows:,} locations",
        ),
    ]  # fmt: skip


async def _sizes(session: Session) -> list[Figure]:
    """Weigh what one stored position takes, once nothing is waiting to be cleared away."""
    await session.execute("vacuum position, raw")
    row = await fetch_one(
        session,
        "select sum(pg_table_size(relid))::int8, sum(pg_indexes_size(relid))::int8,"
        " pg_total_relation_size('raw'), (select count(*) from position)"
        " from pg_partition_tree('position') where isleaf",
    )
    assert row is not None
    heap, index, raw, stored = row
    note = f"{stored:,} positions stored"
    return [
        Figure(name="heap a position", value=heap / stored, unit="B", note=note),
        Figure(name="index a position", value=index / stored, unit="B", note="the primary key"),
        Figure(name="raw a position", value=raw / stored, unit="B", note="zstd 1, sealed"),
    ]
