"""A connection's login in the database: read by everybody, replaced by one, sealed at rest.

A renewal holds a database lock of the login, on a session of its own and outside any transaction: the
server frees it when the process dies. It is not the sync's fence, so that live calls renew as well.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg.errors import LockNotAvailable

from milepost import clock
from milepost.errors import LoginLost, TryAgain
from milepost.kit.login import Credentials, Pocket, Renewal
from milepost.kit.login import Session as Opened
from milepost.kit.oauth import speaks_oauth
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database, Session, fetch_one
from milepost.store.queries import queries

SQL = queries("login")
log = structlog.get_logger()

# A renewal is one or two calls of the provider, each with a time-out of its own below this.
_LOCK_MILLISECONDS = "45000"
_LOOK_MILLISECONDS = "500"
# A process that was stopped in mid-renewal has lost the lock after this.
_IDLE_MILLISECONDS = "180000"
# What the provider gave exists nowhere else: a database that is away is waited for so long.
_STORE_TRIES = 40
_STORE_PAUSE_SECONDS = 0.5

_DRAFTS_KEPT = timedelta(days=1)

# One attempt at a time in this process: whoever comes meanwhile gets its outcome, a refusal included,
# so that fifty workers with a lost login ask the provider once.
_under_way: weakref.WeakValueDictionary[tuple[bytes, str, bytes], asyncio.Task[Credentials]] = (
    weakref.WeakValueDictionary()
)
# Who comes just after a refusal is told of it too: at some providers each attempt counts towards a lock-out.
_REFUSED_SECONDS = 5.0
_refused: dict[tuple[bytes, str, bytes], tuple[float, str]] = {}
# The loop keeps only weak references to tasks.
_kept: set[asyncio.Task[Credentials]] = set()


class _Locked(abc.ABC):
    """What renews under a lock in the database: one attempt at a time in all processes."""

    def __init__(self, database: Database, lock: bytes) -> None:
        self._database = database
        self._lock = lock

    @abc.abstractmethod
    async def _read(self) -> tuple[Credentials, bytes]:
        """Return the login as stored now, and its sealed form."""

    @abc.abstractmethod
    async def _replace(self, made: Credentials, before: bytes) -> None:
        """Store a renewed login in place of the one whose sealed form is given."""

    async def credentials(self) -> Credentials:
        return (await self._read())[0]

    async def renew(self, worn: Credentials, renewal: Renewal) -> Credentials:
        if (now := await self.credentials()) != worn:
            return now

        async def work() -> Credentials:
            async with self._alone():
                now, before = await self._read()
                if now == worn:
                    await self._replace(await renewal(now), before)
                return await self.credentials()

        return await self._once("renew", worn, work)

    async def _once(
        self, what: str, worn: Credentials, work: Callable[[], Awaitable[Credentials]]
    ) -> Credentials:
        """Do it in a task of its own, which a caller's cancellation does not end halfway."""
        key = (self._lock, what, msgspec.json.encode(worn, order="sorted"))
        if (told := _refused.get(key)) and time.monotonic() - told[0] < _REFUSED_SECONDS:
            raise LoginLost(told[1])
        task = _under_way.get(key)
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.ensure_future(_noting_refusals(key, work))
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
            await session.execute("select pg_advisory_lock(%s, %s)", _numbers(self._lock))
            yield
        except LockNotAvailable:
            raise TryAgain("The login is being renewed elsewhere, for too long.") from None
        finally:
            with contextlib.suppress(psycopg.Error):
                await session.close()

    async def _store(self, query: str, made: Credentials, values: dict[str, object]) -> None:
        """Store what the provider gave, patiently: nobody else has it."""
        bound = {**values, "sealed": self._seal(made)}
        for left in reversed(range(_STORE_TRIES)):
            try:
                async with self._database.session() as session:
                    await session.execute(query.encode(), bound)
                    return
            except (psycopg.OperationalError, TimeoutError):
                if not left:
                    raise
                await asyncio.sleep(_STORE_PAUSE_SECONDS)

    async def _fetch(self, query: str, values: dict[str, object]) -> bytes | None:
        async with self._database.session() as session:
            row = await fetch_one(session, query, values)
        return None if row is None else bytes(row[0])

    def _seal(self, made: Credentials) -> bytes:
        return self._database.vault.seal(msgspec.json.encode(made))

    def _opened(self, sealed: bytes) -> dict[str, str]:
        return msgspec.json.decode(self._database.vault.open(sealed), type=dict[str, str])


class StoredWallet(_Locked):
    """The login of one connection; see `kit.login.Wallet`."""

    def __init__(self, database: Database, connection: ConnectionRow) -> None:
        super().__init__(database, connection.id.bytes[8:])
        self._id = connection.id
        self._sealed = connection.sealed_credentials

    @property
    def owner(self) -> str:
        return _owner(self._opened(self._sealed), str(self._id))

    async def session(
        self, name: str, worn: Credentials | None, login: Callable[[], Awaitable[Opened]]
    ) -> Credentials:
        held = await self._held(name)
        if held is not None and held != worn:
            return held

        async def work() -> Credentials:
            async with self._alone():
                held = await self._held(name)
                if held is not None and held != worn:
                    return held
                # Read before the login is used: a session of credentials replaced meanwhile is not kept.
                _, before = await self._read()
                opened = await login()
                values = {"id": self._id, "name": name, "before": before}
                values["expires_at"] = opened.expires_at
                await self._store(SQL["keep_session"], opened.values, values)
                log.info("session opened", connection=str(self._id), session=name)
                return opened.values

        return await self._once(f"session {name}", worn or {}, work)

    async def _read(self) -> tuple[Credentials, bytes]:
        sealed = await self._fetch(SQL["get"], {"id": self._id})
        if not sealed:
            raise LoginLost("The connection is no more.")
        return self._opened(sealed), sealed

    async def _replace(self, made: Credentials, before: bytes) -> None:
        await self._store(SQL["replace"], made, {"id": self._id, "before": before})
        log.info("login renewed", connection=str(self._id))

    async def _held(self, name: str) -> Credentials | None:
        values = {"id": self._id, "name": name, "now": clock.now()}
        sealed = await self._fetch(SQL["session"], values)
        return None if sealed is None else self._opened(sealed)


class DraftWallet(_Locked):
    """The login of a connection that is not made yet, kept from its first renewal on.

    A code or a refresh token is good once. What it was traded for is stored before it is used, so that
    asking again after a failure goes on with it; once a connection was made of it, it is refused.
    """

    def __init__(self, database: Database, application_id: UUID, given: Credentials) -> None:
        text = msgspec.json.encode(given, order="sorted").decode()
        self._digest = database.pepper.digest(f"{application_id} {text}")
        super().__init__(database, self._digest[:8])
        self._given = given
        self._sessions = Pocket(given)

    @property
    def owner(self) -> str:
        return _owner(self._given, self._digest.hex())

    async def session(
        self, name: str, worn: Credentials | None, login: Callable[[], Awaitable[Opened]]
    ) -> Credentials:
        return await self._sessions.session(name, worn, login)

    async def spend(self, session: Session) -> None:
        """Mark the login as taken, in the transaction that makes a connection of it."""
        await session.execute(SQL["spend_draft"].encode(), {"digest": self._digest})

    async def _read(self) -> tuple[Credentials, bytes]:
        sealed = await self._fetch(SQL["draft"], {"digest": self._digest, "now": clock.now()})
        if sealed == b"":
            raise LoginLost(
                "This code or token has already made a connection; it is good only once."
            )
        return (self._given, b"") if sealed is None else (self._opened(sealed), sealed)

    async def _replace(self, made: Credentials, before: bytes) -> None:  # noqa: ARG002  Nobody else has it.
        now = clock.now()
        values = {"digest": self._digest, "now": now, "expires_at": now + _DRAFTS_KEPT}
        await self._store(SQL["keep_draft"], made, values)


async def forget_sessions(session: Session, connection_id: UUID) -> None:
    """Drop what was opened with credentials that are being replaced, in the caller's transaction."""
    await session.execute(SQL["forget_sessions"].encode(), {"id": connection_id})


def _owner(credentials: Credentials, otherwise: str) -> str:
    """Name a login for budgets: what stays the same of it, or for one that is renewed, whose it is."""
    if speaks_oauth(credentials):
        return otherwise
    return msgspec.json.encode(credentials, order="sorted").decode()


def _numbers(lock: bytes) -> tuple[int, int]:
    # Two numbers of 32 bits are another space of locks than the fence's one of 64.
    return int.from_bytes(lock[:4], "big", signed=True), int.from_bytes(
        lock[4:8], "big", signed=True
    )


async def _noting_refusals(
    key: tuple[bytes, str, bytes], work: Callable[[], Awaitable[Credentials]]
) -> Credentials:
    try:
        return await work()
    except LoginLost as lost:
        now = time.monotonic()
        for old in [each for each, (at, _) in _refused.items() if now - at >= _REFUSED_SECONDS]:
            del _refused[old]
        _refused[key] = now, lost.message
        raise


def _forget(task: asyncio.Task[Credentials]) -> None:
    _kept.discard(task)
    if not task.cancelled():
        task.exception()  # Looked at, so that one whose callers all left is not reported as lost.
