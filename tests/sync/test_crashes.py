"""Workers that die: the sync goes on from its last page, and nothing is lost, doubled or told twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.sync.house import House

from milepost.store import syncs
from milepost.store.syncs import SyncRow

SCRIPT = Path(__file__).with_name("worker_process.py")


@contextlib.asynccontextmanager
async def worker(
    house: House,
    installation_key: str,
    *,
    turn_seconds: float = 60,
    stderr: int | None = None,
    **environ: str,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker process beside the test; it is gone at the end."""
    environment = {
        **os.environ,
        "DATABASE_URL": house.database.url,
        "SECRET_KEY": installation_key,
        "SAMSARA_URL": house.registry.base_url("samsara"),
        "TURN_SECONDS": str(turn_seconds),
        **environ,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), env=environment, stderr=stderr
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until(
    house: House, sync: SyncRow, *, pages: int = 0, ended: bool = False, seconds: float = 90
) -> SyncRow:
    """Wait until a sync has so many pages, or has ended."""
    async with asyncio.timeout(seconds):
        while True:
            state = await house.state(sync)
            over = state.status in ("completed", "failed")
            if over or (pages and state.pages >= pages and not ended):
                return state
            await asyncio.sleep(0.005)


async def appeared(house: House) -> list[SyncRow]:
    """Wait until somebody has asked for a sync of the connection."""
    async with asyncio.timeout(30):
        while True:
            async with house.database.session() as session:
                found = await syncs.page(
                    session, house.connection.id, status=None, before=None, limit=9
                )
            if found:
                return found
            await asyncio.sleep(0.02)


async def assert_whole(house: House, sync: SyncRow) -> None:
    """What is stored is what the world holds, each record and each event once."""
    world, start, end = house.sandbox.world, sync.start_from, sync.requested_at
    truth = {
        (vehicle.id, fix.located_at)
        for vehicle in world.vehicles
        for window in world.held(vehicle.id, start, end, end)
        for fix in world.fixes(vehicle.id, *window)
    }
    found = await house.rows(
        "select d.source_id, p.located_at from position p"
        " join document d on d.connection_id = p.connection_id and d.id = p.vehicle_id"
        " where p.located_at >= %s and p.located_at < %s",
        start,
        end,
    )
    assert set(found) == truth
    events = await house.events()
    once = {"vehicle.added": len(world.vehicles), "driver.added": len(world.drivers)}
    once |= {"sync.requested": 1, "sync.started": 1, "sync.completed": 1}
    assert {kind: events.count(kind) for kind in once} == once
    assert (
        await house.count("position p where not exists (select from raw r where r.id = p.raw_id)")
        == 0
    )


@pytest.mark.parametrize("seed", range(3))
async def test_a_sync_whose_workers_are_killed_at_random_completes_and_is_whole(
    house: House, installation_key: str, seed: int
) -> None:
    chance = random.Random(seed)
    await house.fault(kind="slow", path="*/stats/*", seconds=0.01)
    sync = await house.request(days=1.5)

    kills = 3
    for kill in range(1, kills + 1):
        async with worker(house, installation_key) as process:
            await until(house, sync, pages=kill * 12)
            await asyncio.sleep(chance.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    interrupted = await house.state(sync)
    assert interrupted.status == "in_progress"
    async with worker(house, installation_key):
        done = await until(house, sync, ended=True)

    assert (done.status, float(done.progress)) == ("completed", 100.0)
    assert done.attempts == 1 + kills
    await assert_whole(house, done)
    # The pages in flight when a worker died are asked for again, at most one for each of four hands; one of
    # positions or readings is an answer for each of four parts of its window.
    log = house.sandbox.log.show(each=True)["each"]
    history = [each["query"] for each in log if each["path"].endswith("/stats/history")]
    assert len(history) - len(set(history)) <= kills * 4 * 4


async def test_a_worker_that_is_told_to_go_gives_its_sync_to_the_next_without_an_attempt(
    house: House, installation_key: str
) -> None:
    await house.fault(kind="slow", path="*/stats/*", seconds=0.01)
    sync = await house.request(days=1)

    async with worker(house, installation_key) as process:
        await until(house, sync, pages=15)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    async with worker(house, installation_key):
        done = await until(house, sync, ended=True)

    assert (done.status, done.attempts) == ("completed", 1)
    await assert_whole(house, done)


async def test_a_sync_longer_than_a_turn_is_worked_off_in_many(
    house: House, installation_key: str
) -> None:
    sync = await house.request(days=1)

    async with worker(house, installation_key, turn_seconds=0.2):
        done = await until(house, sync, ended=True)

    assert (done.status, done.attempts) == ("completed", 1)
    await assert_whole(house, done)
    [(turns,)] = await house.rows("select last_value from procrastinate_jobs_id_seq")
    assert turns > 2


async def test_a_sync_that_is_cancelled_while_its_worker_is_dead_ends_at_once(
    house: House, installation_key: str
) -> None:
    await house.fault(kind="slow", path="*/stats/*", seconds=0.02)
    sync = await house.request(days=2)
    async with worker(house, installation_key) as process:
        await until(house, sync, pages=10)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async with asyncio.timeout(10):
        while (await house.state(sync)).status == "in_progress":
            async with house.database.transaction() as session:
                await house.desk.cancel(session, house.connection, sync.id)

    assert (await house.state(sync)).failure_reason == "The sync was cancelled."


async def test_an_automatic_connection_is_synced_when_its_time_has_come(
    house: House, installation_key: str
) -> None:
    """Milepost will sync all connections where syncMode = automatic on a regular cadence."""
    async with house.database.session() as session:
        await session.execute(
            "update connection set sync_mode = 'automatic', next_sync_at = now() - interval '1 s'"
        )

    async with worker(house, installation_key):
        [sync] = await appeared(house)
        await until(house, sync, ended=True)

    [(reason, wait)] = await house.rows(
        "select s.reason, c.next_sync_at - s.requested_at from sync s join connection c on c.id = s.connection_id"
    )
    assert reason == "schedule"
    assert timedelta(0) < wait <= timedelta(hours=2)


async def test_a_worker_polls_on_its_beat(house: House, installation_key: str) -> None:
    async with house.database.session() as session:
        await session.execute("update connection set sync_mode = 'automatic'")
    seen: set[object] = set()

    async with worker(house, installation_key, POLL_SECONDS="0.5"), asyncio.timeout(30):
        while len(seen) < 3:
            seen |= {
                row[0] for row in await house.rows("select asked_at from live_answer") if row[0]
            }
            await asyncio.sleep(0.02)
