"""Logins that are renewed: once however many workers ask, stored before they are used, not lost by a crash."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.sync.house import House

from milepost import clock
from milepost.errors import LoginLost, TryAgain
from milepost.kit.grants import Grants
from milepost.kit.login import Credentials, Session
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.store.wallet import StoredWallet
from milepost.sync.lines import Lines

SCRIPT = Path(__file__).parent / "login_process.py"
DAY = timedelta(days=1)


@pytest.fixture
async def granted(house: House) -> House:
    """A fleet that connected by consent, with a refresh token from elsewhere."""
    await store(house, {"refresh_token": "from-elsewhere"})
    return house


async def store(house: House, login: Credentials) -> None:
    sealed = house.database.vault.seal(msgspec.json.encode(login))
    async with house.database.session() as session:
        await session.execute(b"update connection set sealed_credentials = %s", (sealed,))


async def stored(house: House) -> dict[str, str]:
    ((sealed,),) = await house.rows("select sealed_credentials from connection")
    return msgspec.json.decode(house.database.vault.open(sealed), type=dict[str, str])


def grants(house: House) -> Grants:
    return house.sandbox.grants["samsara"]


async def ask(house: House) -> None:
    connector = await Lines(house.database, house.registry).open(house.connection)
    try:
        await connector.account()
    finally:
        await connector.aclose()


@contextlib.asynccontextmanager
async def processes(house: House, key: str, count: int, times: int) -> AsyncIterator[list[Process]]:
    environment = {
        **os.environ,
        "DATABASE_URL": house.database.url,
        "INSTALLATION_KEY": key,
        "SAMSARA_URL": house.registry.base_url("samsara"),
    }
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), str(house.connection.id), str(times),
            stdin=PIPE, stdout=PIPE, env=environment,
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        for process in started:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        yield started
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
            await process.wait()


def go(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")


async def said(process: Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"{"):  # The rest is its log.
            return line.decode().strip()
    raise AssertionError


async def test_fifty_workers_in_several_processes_renew_a_login_exactly_once(
    granted: House, installation_key: str, record_property: Callable[[str, object], None]
) -> None:
    await granted.fault(kind="no_grace")  # A second renewal with one token would end it all.
    await ask(granted)
    before = await stored(granted)
    grants(granted).expire(before["access_token"])

    async with processes(granted, installation_key, 3, 17) as started:
        for process in started:
            go(process)
        assert [await said(process) for process in started] == ["{'ok': 17}"] * 3

    record_property("figure", f"{grants(granted).renewals} renewal for 51 workers")
    assert (grants(granted).renewals, grants(granted).reuses) == (1, 0)
    assert (await stored(granted))["refresh_token"] != before["refresh_token"]


async def test_an_access_token_near_its_end_is_renewed_before_it_ends(granted: House) -> None:
    await ask(granted)
    now = clock.now()

    with clock.held_at(now + timedelta(minutes=50)):
        await asyncio.gather(*(ask(granted) for _ in range(20)))
        assert grants(granted).renewals == 0
    with clock.held_at(now + timedelta(minutes=56)):
        await asyncio.gather(*(ask(granted) for _ in range(20)))

    assert grants(granted).renewals == 1


async def test_a_renewed_login_is_stored_before_it_is_used(granted: House) -> None:
    await ask(granted)
    grants(granted).expire((await stored(granted))["access_token"])

    async with granted.database.transaction() as session:
        await session.execute("select from connection for update")
        asking = asyncio.ensure_future(ask(granted))
        await until(lambda: waiting_to_store(granted))
        assert grants(granted).renewals == 1
        seen = granted.sandbox.log.show(each=True)["each"]
        assert seen[-1]["path"] == "/samsara/oauth2/token"
    await asking


async def test_a_worker_killed_between_the_answer_and_its_storing_loses_no_connection(
    granted: House, installation_key: str
) -> None:
    await kill_in_mid_renewal(granted, installation_key)

    await ask(granted)

    assert (grants(granted).renewals, grants(granted).reuses) == (2, 0)
    assert (await granted.sync(days=0)).status == "completed"


async def test_a_token_that_its_provider_never_takes_twice_ends_in_a_clear_disconnect(
    granted: House, installation_key: str
) -> None:
    await granted.fault(kind="no_grace")
    await kill_in_mid_renewal(granted, installation_key)

    failed = await granted.sync(days=0)

    assert failed.status == "failed"
    assert "ended the access" in str(failed.failure_reason)
    assert await granted.rows("select status from connection") == [("disconnected",)]


async def kill_in_mid_renewal(house: House, key: str) -> None:
    """Kill -9 a worker that has a renewed token in its hands, and no answer yet from the database."""
    await ask(house)
    grants(house).expire((await stored(house))["access_token"])
    async with house.database.transaction() as session, processes(house, key, 1, 1) as (worker,):
        await session.execute("select from connection for update")
        go(worker)
        await until(lambda: waiting_to_store(house))
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        # The server would carry out the statement of the dead, were it not told in time.
        await house.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where query like '%%update connection set sealed_credentials%%' and pid <> pg_backend_pid()"
        )
    assert grants(house).renewals == 1


async def waiting_to_store(house: House) -> bool:
    found = await house.rows(
        "select from pg_stat_activity where wait_event_type = 'Lock'"
        " and datname = current_database() and query like '%%update connection set sealed_credentials%%'"
    )
    return bool(found)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110  Another process's waiting is seen only by looking.
            await asyncio.sleep(0.02)


async def test_a_caller_that_gives_up_does_not_cut_a_renewal_short(
    database: Database, connection: ConnectionRow
) -> None:
    wallet, asked, answered = StoredWallet(database, connection), asyncio.Event(), asyncio.Event()

    async def renewal(_: Credentials) -> Credentials:
        asked.set()
        await answered.wait()
        return {"apiKey": "new"}

    worn = await wallet.credentials()
    caller = asyncio.ensure_future(wallet.renew(worn, renewal))
    await asked.wait()
    caller.cancel()
    other = asyncio.ensure_future(StoredWallet(database, connection).renew(worn, renewal))
    answered.set()

    assert await other == {"apiKey": "new"}
    assert await wallet.credentials() == {"apiKey": "new"}


async def test_all_who_wait_for_a_refused_renewal_are_told_of_one_refusal(
    database: Database, connection: ConnectionRow
) -> None:
    attempts = 0

    async def renewal(_: Credentials) -> Credentials:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        raise LoginLost

    wallets = [StoredWallet(database, connection) for _ in range(20)]
    worn = await wallets[0].credentials()
    told = await asyncio.gather(
        *(wallet.renew(worn, renewal) for wallet in wallets), return_exceptions=True
    )

    assert all(isinstance(each, LoginLost) for each in told)
    assert attempts == 1


async def test_who_links_a_connection_again_wins_over_a_renewal_under_way(
    house: House, database: Database
) -> None:
    wallet = StoredWallet(house.database, house.connection)

    async def renewal(_: Credentials) -> Credentials:
        await store(house, {"apiKey": "linked"})
        return {"apiKey": "renewed"}

    assert await wallet.renew(await wallet.credentials(), renewal) == {"apiKey": "linked"}
    assert await stored(house) == {"apiKey": "linked"}


async def test_a_session_is_opened_once_and_again_only_when_it_is_worn_or_over(
    database: Database, connection: ConnectionRow
) -> None:
    opened = 0

    async def login() -> Session:
        nonlocal opened
        opened += 1
        return Session(values={"id": f"session {opened}"}, expires_at=clock.now() + DAY)

    async def session(worn: Credentials | None = None) -> Credentials:
        return await StoredWallet(database, connection).session("feed", worn, login)

    assert await asyncio.gather(*(session() for _ in range(20))) == [{"id": "session 1"}] * 20
    again = await asyncio.gather(*(session({"id": "session 1"}) for _ in range(20)))
    assert again == [{"id": "session 2"}] * 20
    with clock.held_at(clock.now() + 2 * DAY):
        assert await session() == {"id": "session 3"}
    async with database.session() as found:
        row = await (await found.execute("select sealed from login_session")).fetchone()
    assert row is not None
    assert b"session" not in row[0]


async def test_without_the_operators_app_a_connection_waits_and_is_not_lost(house: House) -> None:
    house.registry._apps.clear()
    await store(house, {"refresh_token": "from-elsewhere"})

    with pytest.raises(TryAgain, match="MILEPOST_OAUTH_APPS"):
        await ask(house)
    await house.request(days=0)
    await house.work()

    assert await house.rows("select status from connection") == [("connected",)]
