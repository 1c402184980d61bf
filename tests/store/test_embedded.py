from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from milepost.errors import SetupError
from milepost.store import binaries, embedded
from milepost.store.embedded import Server

SUPERVISOR = Path(__file__).parents[1] / "server.py"

Serving = Callable[[Path], Server]


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Makes servers, and stops them and removes their sockets' folders after the test."""
    made: list[Server] = []

    def make(root: Path) -> Server:
        made.append(Server(root, {"fsync": "off"}))
        return made[-1]

    yield make
    for server in made:
        await server.stop()
        assert server.socket_dir.parent == server.root or not server.socket_dir.exists()


async def rows(server: Server) -> list[int]:
    async with await psycopg.AsyncConnection.connect(server.uri("postgres")) as session:
        return [
            row[0]
            for row in await (await session.execute("select n from kept order by n")).fetchall()
        ]


async def keep(server: Server, *numbers: int) -> None:
    async with await psycopg.AsyncConnection.connect(server.uri("postgres")) as session:
        await session.execute("create table if not exists kept (n integer)")
        for number in numbers:
            await session.execute("insert into kept values (%s)", (number,))


async def until_it_answers(server: Server, *, after: int | None = None) -> None:
    async with asyncio.timeout(30):
        while server.pid in {None, after} or not await server._answers():  # noqa: ASYNC110  A server tells nobody that it is up.
            await asyncio.sleep(0.01)


async def test_a_second_process_joins_the_running_server(tmp_path: Path, serving: Serving) -> None:
    first, second = serving(tmp_path / "db"), serving(tmp_path / "db")

    await first.start()
    await keep(first, 1)
    await second.start()

    assert (first.supervised_here, second.supervised_here) == (True, False)
    assert await rows(second) == [1]


async def test_the_database_is_kept_over_a_restart_and_made_only_once(tmp_path: Path) -> None:
    for expected in (1, 2):
        async with (
            embedded.serve(tmp_path / "db") as url,
            await psycopg.AsyncConnection.connect(url) as session,
        ):
            await session.execute("create table if not exists run (at timestamptz default now())")
            await session.execute("insert into run default values")
            count = await (await session.execute("select count(*) from run")).fetchone()
            assert count == (expected,)


async def test_durability_stays_at_the_servers_defaults(tmp_path: Path) -> None:
    names = ("fsync", "full_page_writes", "synchronous_commit")

    async with (
        embedded.serve(tmp_path / "db") as url,
        await psycopg.AsyncConnection.connect(url) as session,
    ):
        for name in names:
            assert await (await session.execute(f"show {name}")).fetchone() == ("on",)


async def test_after_kill_9_the_server_is_back_with_everything_committed(
    tmp_path: Path, serving: Serving
) -> None:
    server = serving(tmp_path / "db")
    await server.start()
    await keep(server, 1, 2, 3)
    watch = asyncio.create_task(server.watch())
    await asyncio.sleep(embedded._HEALTHY_SECONDS + 0.1)
    killed, began = server.pid, time.monotonic()
    assert killed is not None

    os.kill(killed, signal.SIGKILL)
    await until_it_answers(server, after=killed)

    # Measured: 0.13 s. The bound only rules out that it waited as if it had been failing.
    assert time.monotonic() - began < 5
    assert await rows(server) == [1, 2, 3]
    watch.cancel()


async def test_when_the_supervisor_is_killed_another_process_takes_over(
    tmp_path: Path, serving: Serving
) -> None:
    command = [sys.executable, str(SUPERVISOR), str(tmp_path / "db")]
    supervisor = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
    follower = serving(tmp_path / "db")
    async with asyncio.timeout(60):
        while not await follower._answers():  # noqa: ASYNC110  Another process's server tells nobody.
            await asyncio.sleep(0.02)
    await follower.start()
    assert not follower.supervised_here
    await keep(follower, 7)
    watch = asyncio.create_task(follower.watch())

    supervisor.kill()
    await supervisor.wait()
    await until_it_answers(follower)

    assert follower.supervised_here
    assert await rows(follower) == [7]
    watch.cancel()


async def test_a_stale_process_id_that_now_belongs_to_another_is_not_believed(
    tmp_path: Path, serving: Serving
) -> None:
    server = serving(tmp_path / "db")
    await server.start()
    await server.stop()
    stale = server.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{server.data}\n0\n5432\n{server.socket_dir}\n\n")

    await server.start()

    assert server.pid not in {None, os.getpid()}


@pytest.mark.parametrize("name", ["with a space", "x" * 120])
async def test_any_folder_will_do(tmp_path: Path, serving: Serving, name: str) -> None:
    server = serving(tmp_path / name)

    await server.start()
    await keep(server, 1)

    assert await rows(server) == [1]
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700


async def test_a_half_made_database_is_made_anew(tmp_path: Path, serving: Serving) -> None:
    server = serving(tmp_path / "db")
    (tmp_path / "db" / "pgdata.new" / "base").mkdir(parents=True)

    await server.start()

    assert not (tmp_path / "db" / "pgdata.new").exists()


async def test_root_may_keep_the_database_behind_a_closed_folder(
    tmp_path: Path, serving: Serving
) -> None:
    as_root()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = serving(closed / "db")

    await server.start()
    await keep(server, 1)

    assert await rows(server) == [1]


def test_it_runs_as_a_normal_user_too() -> None:
    as_root()
    if not binaries.passable(binaries.folder(for_nobody=False)):
        pytest.skip("this environment is closed to other users")
    user = pwd.getpwnam("nobody")
    # Not under pytest's own folder, which is closed to others.
    home = Path(f"/tmp/milepost-user-{os.getpid()}")
    home.mkdir()
    os.chown(home, user.pw_uid, user.pw_gid)
    try:
        with warnings.catch_warnings():
            # A fork, because the Python that runs here may be closed to other users; its child only
            # does what stands below.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            become_and_serve(user, home / "db")
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert (home / "db/pgdata/PG_VERSION").stat().st_uid == user.pw_uid
    finally:
        shutil.rmtree(home)


def become_and_serve(user: pwd.struct_passwd, root: Path) -> NoReturn:
    async def serve() -> None:
        async with embedded.serve(root) as url:
            await (await psycopg.AsyncConnection.connect(url)).close()

    try:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        asyncio.new_event_loop().run_until_complete(serve())
    except BaseException:  # noqa: BLE001  Nothing of the parent's may run on in this process.
        os._exit(1)
    os._exit(0)


def test_programs_behind_a_closed_folder_are_copied_with_their_libraries() -> None:
    as_root()
    package = binaries.folder(for_nobody=False).parents[1]
    place = Path(f"/tmp/milepost-copies-{os.getpid()}")
    place.mkdir()
    try:
        copy = binaries._copy(package, place)
        command = [str(copy / package.name / "pginstall18/bin/initdb"), "--version"]
        told = subprocess.run(command, user="nobody", check=True, capture_output=True, text=True)
        assert "(PostgreSQL) 18" in told.stdout
        assert binaries.passable(copy)
    finally:
        shutil.rmtree(place)


async def test_what_the_server_says_is_in_the_error_when_it_does_not_start(tmp_path: Path) -> None:
    server = Server(tmp_path / "db", {"shared_buffers": "nonsense"})

    with pytest.raises(SetupError, match="shared_buffers"):
        await server.start()

    await server.stop()


def test_elsewhere_than_on_linux_the_error_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(SetupError, match="MILEPOST_DATABASE_URL"):
        Server(tmp_path)


async def test_a_folder_that_cannot_be_made_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SetupError, match="MILEPOST_DATA_DIR"):
        await Server(tmp_path / "file" / "db").start()


def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
