"""The fence of a run: one database session that holds the run's lock and carries all its writes.

When the worker dies, the server sees the session end and lets go of the lock; a worker that was stopped
for longer than the limit has no session left to commit with.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

from psycopg.errors import LockNotAvailable

from milepost.store.pool import Database, Session, fetch_one

# A killed worker's long statement is noticed within this time.
_LOOK_MILLISECONDS = "500"
# A worker that shows no sign of life for so long has lost its session: with the two seconds between two
# looks and the first wait of two, its sync is at work again within half a minute.
SILENCE_SECONDS = 20.0
# Signs of life in that time: an event loop that is blocked for three quarters of it is not taken for dead.
_SIGNS = 4
# By this name a fence's session is told apart from others.
_NAME = "milepost-run"
# A turn puts the next one into the queue a moment before its own session is gone: the next one waits.
_HANDOVER_MILLISECONDS = "3000"


def fence_key(connection_id: UUID) -> int:
    """The number by which a connection's run is locked: the id's last 64 bits, signed."""
    return int.from_bytes(connection_id.bytes[8:], "big", signed=True)


class Fence:
    """A session of its own, of which one transaction at a time is made."""

    def __init__(self, session: Session, silence_seconds: float) -> None:
        self._session = session
        self._pulse_seconds = silence_seconds / _SIGNS
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Open a transaction on the fence's session; others of the run wait for it to end."""
        async with self._turn, self._session.transaction():
            yield self._session

    async def pulse(self) -> None:
        """Show life now and then, for as long as the run waits for its provider."""
        while True:
            await asyncio.sleep(self._pulse_seconds)
            async with self._turn:
                await self._session.execute("select 1")


@contextlib.asynccontextmanager
async def fenced(
    database: Database, connection_id: UUID, silence_seconds: float = SILENCE_SECONDS
) -> AsyncIterator[Fence | None]:
    """Take the fence of a connection; yields None when another run holds it.

    The server ends the session of a holder that is silent for longer than `silence_seconds`.
    """
    silence = str(round(silence_seconds * 1000))
    session = await database.dedicated(
        application_name=_NAME,
        client_connection_check_interval=_LOOK_MILLISECONDS,
        idle_session_timeout=silence,
        idle_in_transaction_session_timeout=silence,
        lock_timeout=_HANDOVER_MILLISECONDS,
    )
    try:
        if not await _take(session, connection_id):
            yield None
            return
        fence = Fence(session, silence_seconds)
        pulse = asyncio.create_task(fence.pulse())
        try:
            yield fence
        finally:
            pulse.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pulse
    finally:
        await session.close()


async def _take(session: Session, connection_id: UUID) -> bool:
    try:
        await session.execute("select pg_advisory_lock(%s)", (fence_key(connection_id),))
    except LockNotAvailable:
        return False
    await session.execute("set lock_timeout = 0")
    return True


async def is_free(session: Session, connection_id: UUID) -> bool:
    """Whether nobody runs; if so, the caller's transaction keeps it that way until it ends."""
    row = await fetch_one(
        session, "select pg_try_advisory_xact_lock(%s)", (fence_key(connection_id),)
    )
    return row is not None and bool(row[0])


async def end_stuck(session: Session, silence_seconds: float) -> int:
    """End the fences' sessions whose holder was stopped in the middle of a COPY; return how many.

    To the server such a session is at work, so that no time-out of its own ends it: it waits for the rest
    of the data, or for somebody to take its answer. A page's COPY takes a fraction of a second.
    """
    row = await fetch_one(
        session,
        "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name = %s and pid <> pg_backend_pid()"
        " and state = 'active' and wait_event_type = 'Client'"
        " and query_start < clock_timestamp() - make_interval(secs => %s)) as ended",
        (_NAME, silence_seconds),
    )
    assert row is not None
    return int(row[0])
