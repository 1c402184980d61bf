"""Runs PostgreSQL 18 from an installed package, for whoever has no database server of their own.

Several processes share one server: whoever
holds the lock file of its folder is the supervisor, everybody else joins, and takes over when the
supervisor is gone. The server never outlives its supervisor: the kernel then asks it to stop (PDEATHSIG).

The server is started *inside* its folder and knows it as `/proc/self/cwd`, so that neither spaces nor
long paths nor closed parent folders stand in its way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import functools
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import structlog

from milepost.errors import SetupError
from milepost.store import binaries

log = structlog.get_logger()

DATABASE = "milepost"

# Durability (fsync, full_page_writes, synchronous_commit) stays at the server's defaults.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 107  # sun_path of Linux, without its closing zero.
_LOG_LIMIT_BYTES = 8 << 20
_LOOK_SECONDS = 0.02
# Recovery of 1.8 GB of write-ahead log took 20 s; ten minutes are far beyond any crash of ours.
_START_LIMIT_SECONDS = 600.0
_STOP_LIMIT_SECONDS = 60.0
# After kill -9 the dead server's sessions hold its memory for a moment; a new one refuses until then.
_TRIES, _TRY_AGAIN_SECONDS = 100, 0.05
# A server that dies sooner than this after its start is not simply started again.
_HEALTHY_SECONDS = 0.5


@contextlib.asynccontextmanager
async def serve(root: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Yield the address of the database in `root`, kept running for as long as the block lasts."""
    server = Server(root, settings)
    try:
        await server.start()
        await server.create(DATABASE)
        watch = asyncio.create_task(server.watch())
        watch.add_done_callback(_tell_failure)
        try:
            yield server.uri()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
    finally:
        await server.stop()


def _tell_failure(watch: asyncio.Task[None]) -> None:
    if not watch.cancelled() and (error := watch.exception()):
        log.error("the embedded database cannot be kept up", reason=str(error))


class Server:
    """The server of one folder: supervised by this process, or joined where another supervises it."""

    def __init__(self, root: Path, settings: Mapping[str, str] | None = None) -> None:
        binaries.require()
        self.root = root.absolute()
        self.data = self.root / "pgdata"
        self.log_file = self.root / "postgres.log"
        self._settings = {**_SETTINGS, **(settings or {})}
        # PostgreSQL refuses to run as root, so root's server runs as nobody.
        self._uid, self._gid = os.geteuid(), os.getegid()
        if self._uid == 0:
            self._uid, self._gid = pwd.getpwnam("nobody")[2:4]
        self._process: asyncio.subprocess.Process | None = None
        self._lock: int | None = None

    @property
    def supervised_here(self) -> bool:
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """The process id of the server, where this process supervises it."""
        return self._process.pid if self._process else None

    @functools.cached_property
    def socket_dir(self) -> Path:
        """A folder that the server can reach, by a path that fits into a socket's address.

        Every process must come to the same one, whatever its TMPDIR says.
        """
        inside = self.root / "run"
        if len(os.fsencode(inside / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH and (
            self._uid == os.geteuid() or binaries.passable(self.root)
        ):
            return inside
        digest = hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:12]
        return Path("/tmp") / f"milepost-{os.geteuid()}-{digest}"  # noqa: S108  Ownership is checked when it is made.

    def uri(self, database: str = DATABASE) -> str:
        return (
            f"postgresql://postgres@/{quote(database)}?host={quote(str(self.socket_dir), safe='/')}"
        )

    async def start(self) -> None:
        """Start the server, or join the one that another process supervises; return when it answers."""
        self._make_dir(self.root, 0o711)
        async with asyncio.timeout(_START_LIMIT_SECONDS):
            while not self._take_lock():
                if await self._answers():
                    return
                await asyncio.sleep(_LOOK_SECONDS)
            await self._launch()

    async def watch(self) -> None:
        """Keep the server up: start it again when it dies, take over when its supervisor is gone.

        Raises SetupError when the server cannot be kept up.
        """
        while True:
            if self._process is None:
                # The kernel tells nobody when a lock is freed; a try costs 2 µs.
                await asyncio.sleep(_LOOK_SECONDS * 5)
                if self._take_lock():
                    await self._launch()
                    log.info("took over the embedded database", folder=str(self.root))
                continue
            began = asyncio.get_running_loop().time()
            status = await self._process.wait()
            log.warning("the embedded database died and is started again", exit_status=status)
            if asyncio.get_running_loop().time() - began < _HEALTHY_SECONDS:
                await asyncio.sleep(_HEALTHY_SECONDS)
            await self._launch()

    async def create(self, database: str) -> None:
        """Create a database unless it is there."""
        async with await psycopg.AsyncConnection.connect(
            self.uri("postgres"), autocommit=True
        ) as session:
            row = await session.execute("select 1 from pg_database where datname = %s", (database,))
            if await row.fetchone() is None:
                with contextlib.suppress(
                    psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation
                ):
                    name = psycopg.sql.Identifier(database)
                    await session.execute(psycopg.sql.SQL("create database {}").format(name))

    async def stop(self) -> None:
        """Stop the server if this process supervises it, and let others take it over."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            # "Fast": sessions are ended, what is committed is kept, the log needs no recovery.
            process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(_STOP_LIMIT_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.send_signal(signal.SIGQUIT)
                await process.wait()
        if self._lock is not None:
            if self.socket_dir.parent != self.root:
                with contextlib.suppress(OSError):
                    self.socket_dir.rmdir()
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> bool:
        # The kernel frees the lock when its holder dies, however it dies.
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    async def _launch(self) -> None:
        """Start the server of this folder and wait until it answers, recovery included."""
        self._make_dir(self.socket_dir, 0o700, owned=True)
        programs = await asyncio.to_thread(binaries.folder, for_nobody=os.geteuid() == 0)
        if not self.data.exists():
            await self._init(programs)
        await self._await_predecessor()
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_LIMIT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        for _ in range(_TRIES):
            with self.log_file.open("ab") as out:
                out.seek(0, os.SEEK_END)
                told = out.tell()
                self._process = await self._spawn(
                    programs / "postgres", *self._arguments(), output=out
                )
            if await self._comes_up(self._process):
                return
            reason = self.log_file.read_bytes()[told:].decode(errors="replace")
            if "pre-existing shared memory" not in reason and "already exists" not in reason:
                break
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
        self._process = None
        raise SetupError(
            f"The embedded database did not start; {self.log_file} says:\n{reason.strip()}"
        )

    def _arguments(self) -> list[str]:
        settings = {**self._settings, "unix_socket_directories": str(self.socket_dir)}
        pairs = [("-c", f"{name}={value}") for name, value in settings.items()]
        return ["-D", "/proc/self/cwd", *(word for pair in pairs for word in pair)]

    async def _comes_up(self, process: asyncio.subprocess.Process) -> bool:
        async with asyncio.timeout(_START_LIMIT_SECONDS):
            while process.returncode is None:
                if await self._answers():
                    return True
                await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def _answers(self) -> bool:
        if not (self.socket_dir / _SOCKET_NAME).exists():
            return False
        try:
            await (await psycopg.AsyncConnection.connect(self.uri("postgres"))).close()
        except (
            psycopg.OperationalError
        ):  # Also while it recovers: "the database system is starting up".
            return False
        return True

    async def _init(self, programs: Path) -> None:
        """Make the database's folder under another name first: one that has the name is whole."""
        draft = self.root / "pgdata.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._make_dir(draft, 0o700, owned=True)
        options = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-instructions"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        process = await self._spawn(
            programs / "initdb", "-D", "/proc/self/cwd", *options, *locale, folder=draft
        )
        told, _ = await process.communicate()
        if process.returncode != 0:
            raise SetupError(
                f"The embedded database could not be made:\n{told.decode(errors='replace')}"
            )
        draft.rename(self.data)

    async def _await_predecessor(self) -> None:
        """Wait for a server of this folder whose supervisor died, and clear away what a dead one left.

        PostgreSQL's own check trusts the process id in its file, which in a container soon belongs to
        another process; the working folder of that process tells whether it is the server.
        """
        pid_file = self.data / "postmaster.pid"
        while pid_file.exists():
            pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
            if not self._is_server(pid):
                pid_file.unlink(missing_ok=True)
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            await asyncio.sleep(_LOOK_SECONDS)
        for leftover in self.socket_dir.glob(f"{_SOCKET_NAME}*"):
            leftover.unlink(missing_ok=True)

    def _is_server(self, pid: int) -> bool:
        process = Path("/proc") / str(pid)
        try:
            state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
            return state != "Z" and (process / "cwd").readlink() == self.data.resolve()
        except OSError:
            return False

    async def _spawn(
        self,
        program: Path,
        *arguments: str,
        folder: Path | None = None,
        output: Any = subprocess.PIPE,
    ) -> asyncio.subprocess.Process:
        parent, libc = os.getpid(), ctypes.CDLL(None)

        def die_with_parent() -> None:
            libc.prctl(
                1, signal.SIGINT
            )  # PR_SET_PDEATHSIG; postgres reads SIGINT as a fast shutdown.
            if os.getppid() != parent:
                os._exit(1)

        owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = {"user": self._uid, "group": self._gid, "extra_groups": []}
        return await asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=folder or self.data,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C at a terminal is for the supervisor, who stops it in order.
            preexec_fn=die_with_parent,
            **owner,
        )

    def _make_dir(self, path: Path, mode: int, *, owned: bool = False) -> None:
        """Make a folder, by default ours, else the server's; refuse one that somebody else put there."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {
                os.geteuid(),
                self._uid,
            }:
                raise SetupError(
                    f"{path} belongs to another user: set MILEPOST_DATA_DIR to a folder of yours."
                )
            path.chmod(mode)
            if owned and found.st_uid != self._uid:
                os.chown(path, self._uid, self._gid)
        except OSError as error:
            raise SetupError(
                f"{path} cannot be used ({error.strerror}): set MILEPOST_DATA_DIR to a folder of yours."
            ) from None
