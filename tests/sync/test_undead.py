"""Workers that seem dead, and workers that are: the one writes on, the other's sync is soon at work again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.sync.house import House, connect
from tests.sync.test_crashes import assert_whole, until, worker

from milepost import ids
from milepost.kit import registry
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store import applications
from milepost.store.embedded import DATABASE, Server
from milepost.store.migrate import migrate
from milepost.store.pool import Database
from milepost.sync.fence import end_stuck, fenced, is_free
from milepost.vault import Vault

# What a worker uses of which nothing was set.
DEFAULTS: dict[str, Any] = {"GRACE_SECONDS": "5", "SILENCE_SECONDS": "20"}


async def until_free(house: House) -> None:
    """Wait until no session holds the fence of the connection."""
    async with asyncio.timeout(20):
        while True:
            async with house.database.transaction() as session:
                if await is_free(session, house.connection.id):
                    return
            await asyncio.sleep(0.02)


async def last_stamp(house: House) -> object:
    """When anything was last written for the connection: every writer raises it."""
    return await house.rows("select last_stamp from connection")


async def test_a_sync_whose_worker_died_runs_again_at_default_settings_without_an_operator(
    house: House, installation_key: str, record_property: Callable[[str, object], None]
) -> None:
    await house.fault(kind="slow", path="*/stats/*", seconds=0.02)
    sync = await house.request(days=1.5)

    async with worker(house, installation_key, **DEFAULTS) as process:
        await until(house, sync, pages=10)
        process.kill()
        await process.wait()
    died = time.monotonic()
    async with worker(house, installation_key, **DEFAULTS):
        at_death = await house.state(sync)
        async with asyncio.timeout(30):  # What is promised.
            now = await until(house, sync, pages=at_death.pages + 1)
        record_property("figure", f"at work again after {time.monotonic() - died:.1f} s")
        done = await until(house, sync, ended=True)

    assert now.attempts == 2
    assert (done.status, done.attempts) == ("completed", 2)
    await assert_whole(house, done)


async def test_a_worker_that_was_stopped_past_the_limit_and_wakes_commits_nothing(
    house: House, installation_key: str
) -> None:
    await house.fault(kind="slow", path="*/stats/*", seconds=0.02)
    sync = await house.request(days=1.5)

    async with worker(
        house, installation_key, stderr=asyncio.subprocess.PIPE, SILENCE_SECONDS="1"
    ) as undead:
        await until(house, sync, pages=10)
        undead.send_signal(signal.SIGSTOP)
        # Where it stood still in the middle of a COPY, the other's watch ends its session.
        async with worker(house, installation_key, SILENCE_SECONDS="3"):
            await until_free(house)
            done = await until(house, sync, ended=True)
        await until_free(house)
        written = await last_stamp(house)

        undead.send_signal(signal.SIGCONT)
        said = b""
        assert undead.stderr is not None
        async with asyncio.timeout(20):  # It finds that its session is gone.
            while b"sync_turn" not in said or b"ended with status: Error" not in said:
                said += await undead.stderr.readline()

        assert await last_stamp(house) == written
    assert (done.status, done.attempts) == ("completed", 2)
    await assert_whole(house, await house.state(sync))


async def test_a_worker_that_stands_still_in_the_middle_of_a_copy_lets_go_too(house: House) -> None:
    begun = asyncio.Event()

    async def stands_still() -> None:
        async with (
            fenced(house.database, house.connection.id, silence_seconds=1) as fence,
            fence.transaction() if fence else contextlib.nullcontext() as session,
        ):
            assert session is not None
            await session.execute("create temporary table page (line text)")
            async with session.cursor().copy("copy page from stdin") as copy:
                await copy.write("a line\n")
                begun.set()
                await until_free(house)

    holder = asyncio.create_task(stands_still())
    await begun.wait()
    async with house.database.session() as watch, asyncio.timeout(20):
        assert await end_stuck(watch, 3600) == 0
        while not holder.done():
            await end_stuck(watch, 0.2)
            await asyncio.wait([holder], timeout=0.02)
    with pytest.raises(psycopg.OperationalError):
        holder.result()


async def test_a_worker_whose_event_loop_is_blocked_is_not_taken_for_dead(
    house: House, installation_key: str
) -> None:
    await house.fault(kind="slow", path="*/stats/*", seconds=0.02)
    sync = await house.request(days=1.5)

    # It stands still for longer than a watch takes to look, and for less than the limit.
    async with worker(house, installation_key, BLOCKED_SECONDS="3", SILENCE_SECONDS="8") as blocked:
        await until(house, sync, pages=5)
        async with worker(house, installation_key):
            blocked.send_signal(signal.SIGUSR1)
            done = await until(house, sync, ended=True)

    assert (done.status, done.attempts) == ("completed", 1)
    await assert_whole(house, done)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A database server of the test's own, to be killed; what it has committed is on its disk."""
    made = Server(tmp_path / "postgres", {"fsync": "off"})
    await made.start()
    try:
        await made.create(DATABASE)
        yield made
    finally:
        await made.stop()


async def test_a_database_server_that_is_killed_and_started_again_costs_a_sync_nothing(
    server: Server, installation_key: str
) -> None:
    await migrate(server.uri())
    database = Database(server.uri(), Vault([installation_key]))
    await database.open()
    made = await applications.create(database, "Tests")
    simulator = Sandbox(Settings(vehicles=4, page_readings=400), registry.load().simulators())
    async with serving(simulator) as url:
        providers = registry.load({"samsara": f"{url}/samsara"}, {"samsara": 0})
        fleet = await connect(database, ids.read("application", made.application_id))
        house = House(database, fleet, simulator, providers)
        async with house.queue.open_async():
            await house.fault(kind="slow", path="*/stats/*", seconds=0.02)
            sync = await house.request(days=1.5)
            async with worker(house, installation_key, stderr=asyncio.subprocess.DEVNULL) as alive:
                for pages in (10, 25):
                    await until(house, sync, pages=pages)
                    await kill(server)
                    await until_it_answers(server)
                done = await until(house, sync, ended=True)
                assert alive.returncode is None  # The worker outlives its database.

            assert done.status == "completed"
            assert done.attempts <= 3
            await assert_whole(house, done)
    await database.close()


async def kill(server: Server) -> None:
    """Kill the server with all its sessions' processes, and start it again as its supervisor does."""
    assert server.pid is not None
    watch = asyncio.create_task(server.watch())
    old = server.pid
    os.kill(old, signal.SIGKILL)
    async with asyncio.timeout(30):
        while True:
            await asyncio.sleep(0.02)
            if server.pid not in (None, old):
                break
    await until_it_answers(server)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def until_it_answers(server: Server) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                session = await psycopg.AsyncConnection.connect(server.uri(), connect_timeout=5)
            except psycopg.OperationalError:
                await asyncio.sleep(0.05)
            else:
                await session.close()
                return
