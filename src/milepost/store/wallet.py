"""A connection's login in the database: read by everybody, replaced by one, sealed at rest.

A renewal holds a database lock of the login, on a session of its own and outside any transaction: the
server frees it when the process dies. It is not the sync's fence, so that live calls renew as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg.errors import LockNotAvailable

from milepost import clock
from milepost.errors import LoginLost, TryAgain
from milepost.kit.login import Credentials, Renewal
from milepost.kit.login import Session as Opened
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database, Session, fetch_one
from milepost.store.queries import queries

SQL = queries("login")
log = structlog.get_logger()
T = TypeVar("T")

# A renewal is one or two calls of the provider, each with a time-out of its own below this.
_LOCK_MILLISECONDS = "45000"
_LOOK_MILLISECONDS = "500"
# A process that was stopped in mid-renewal has lost the lock after this.
_IDLE_MILLISECONDS = "180000"
# What the provider gave exists nowhere else: a database that is away is waited for so long.
_STORE_TRIES = 40
_STORE_PAUSE_SECONDS = 0.5

# One attempt at a time in this process: whoever comes meanwhile gets its outcome, a refusal included,
# so that fifty workers with a lost login ask the provider once.
_under_way: weakref.WeakValueDictionary[tuple[UUID, str, bytes], asyncio.Task[Credentials]] = (
    weakref.WeakValueDictionary()
)
# The loop keeps only weak references to tasks.
_kept: set[asyncio.Task[Credentials]] = set()


class StoredWallet:
    """The login of one connection; see `kit.login.Wallet`."""

    def __init__(self, database: Database, connection: ConnectionRow) -> None:
        self._database = database
        self._id = connection.id
        self._sealed = connection.sealed_credentials

    @property
    def owner(self) -> str:
        return msgspec.json.encode(self._opened(self._sealed), order="sorted").decode()

    async def credentials(self) -> Credentials:
        return self._opened(await self._stored())

    async def renew(self, worn: Credentials, renewal: Renewal) -> Credentials:
        if (now := await self.credentials()) != worn:
            return now
        return await self._once("renew", worn, lambda: self._renew(worn, renewal))

    async def session(
        self, name: str, worn: Credentials | None, login: Callable[[], Awaitable[Opened]]
    ) -> Credentials:
        held = await self._held(name)
        if held is not None and held != worn:
            return held
        return await self._once(
            f"session {name}", worn or {}, lambda: self._open(name, worn, login)
        )

    async def _renew(self, worn: Credentials, renewal: Renewal) -> Credentials:
        async with self._alone():
            sealed = await self._stored()
            if (now := self._opened(sealed)) != worn:
                return now
            made = await renewal(now)
            await self._keep(SQL["replace"], made, {"before": sealed})
            log.info("login renewed", connection=str(self._id))
        return await self.credentials()

    async def _open(
        self, name: str, worn: Credentials | None, login: Callable[[], Awaitable[Opened]]
    ) -> Credentials:
        async with self._alone():
            held = await self._held(name)
            if held is not None and held != worn:
                return held
            # Read before the login is used: a session of credentials replaced meanwhile is not kept.
            before = await self._stored()
            opened = await login()
            values = {"name": name, "expires_at": opened.expires_at, "before": before}
            await self._keep(SQL["keep_session"], opened.values, values)
            log.info("session opened", connection=str(self._id), session=name)
            return opened.values

    async def _once(
        self, what: str, worn: Credentials, work: Callable[[], Awaitable[Credentials]]
    ) -> Credentials:
        """Do it in a task of its own, which a caller's cancellation does not end halfway."""
        key = (self._id, what, msgspec.json.encode(worn, order="sorted"))
        task = _under_way.get(key)
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.ensure_future(_as_coroutine(work))
            _under_way[key] = task
            _kept.add(task)
            task.add_done_callback(_forget)
        return await asyncio.shield(task)

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Hold the login's lock; raises TryAgain where another process holds it for too long."""
        session = await self._database.dedicated(
            lock_timeout=_LOCK_MILLISECONDS,
            client_connection_check_interval=_LOOK_MILLISECONDS,
            idle_session_timeout=_IDLE_MILLISECONDS,
        )
        try:
            await session.execute("select pg_advisory_lock(%s, %s)", _lock_of(self._id))
            yield
        except LockNotAvailable:
            raise TryAgain("The login is being renewed elsewhere, for too long.") from None
        finally:
            with contextlib.suppress(psycopg.Error):
                await session.close()

    async def _keep(self, query: str, made: Credentials, values: dict[str, object]) -> None:
        """Store what the provider gave, patiently; a login that was replaced meanwhile wins."""
        sealed = self._database.vault.seal(msgspec.json.encode(made))
        bound = {"id": self._id, "sealed": sealed, **values}
        for left in reversed(range(_STORE_TRIES)):
            try:
                async with self._database.session() as session:
                    await session.execute(query.encode(), bound)
                    return
            except (psycopg.OperationalError, TimeoutError):
                if not left:
                    raise
                await asyncio.sleep(_STORE_PAUSE_SECONDS)

    async def _stored(self) -> bytes:
        row = await self._fetch(SQL["get"], {"id": self._id})
        if row is None:
            raise LoginLost("The connection is no more.")
        sealed: bytes = row[0]
        return sealed

    async def _held(self, name: str) -> Credentials | None:
        row = await self._fetch(SQL["session"], {"id": self._id, "name": name, "now": clock.now()})
        return None if row is None else self._opened(row[0])

    async def _fetch(self, query: str, values: dict[str, object]) -> tuple[bytes] | None:
        async with self._database.session() as session:
            return await fetch_one(session, query, values)

    def _opened(self, sealed: bytes) -> dict[str, str]:
        return msgspec.json.decode(self._database.vault.open(sealed), type=dict[str, str])


async def forget_sessions(session: Session, connection_id: UUID) -> None:
    """Drop what was opened with credentials that are being replaced, in the caller's transaction."""
    await session.execute(SQL["forget_sessions"].encode(), {"id": connection_id})


def _lock_of(connection_id: UUID) -> tuple[int, int]:
    # Two numbers of 32 bits are another space of locks than the fence's one of 64.
    raw = connection_id.bytes
    return int.from_bytes(raw[8:12], "big", signed=True), int.from_bytes(
        raw[12:], "big", signed=True
    )


async def _as_coroutine(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


def _forget(task: asyncio.Task[Credentials]) -> None:
    _kept.discard(task)
    if not task.cancelled():
        task.exception()  # Looked at, so that one whose callers all left is not reported as lost.
