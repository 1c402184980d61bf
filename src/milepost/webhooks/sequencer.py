"""Numbers events after their commit, in one session of one worker at a time, and wakes the couriers."""

from __future__ import annotations

import asyncio

import psycopg
import structlog

from milepost.store import event_log
from milepost.store.pool import Database, Session

log = structlog.get_logger()

# A number of ours for pg_advisory_lock. The others wait for it: when the session of whoever holds it ends,
# the next one is at work within a millisecond.
_LOCK = 7_306_533
# Looking costs 0.1 ms, and only one worker does. To be told by the writers would be dearer: a transaction
# that notifies holds a lock of the whole database while it commits, so that merges would wait for each other.
_LOOK_SECONDS = 0.05
_BATCH = 1_000
_AFTER_FAILURE_SECONDS = 1.0
# A session whose worker is gone without a word is ended after this time.
_KEEPALIVE = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}

CHANNEL = "milepost_webhooks"


async def run(database: Database) -> None:
    """Number events until cancelled, whenever it is this worker's turn."""
    while True:
        try:
            session = await database.dedicated(
                client_connection_check_interval="2000", **_KEEPALIVE
            )
            try:
                await session.execute("select pg_advisory_lock(%s)", (_LOCK,))
                await _number(session)
            finally:
                await session.close()
        except psycopg.Error as error:
            log.warning("the sequencer lost its session", error=str(error))
            await asyncio.sleep(_AFTER_FAILURE_SECONDS)


async def number_once(session: Session) -> int:
    """Number all that is there, batch by batch; return how many events there were."""
    total = 0
    while True:
        async with session.transaction():
            numbered, woken = await event_log.number(session, _BATCH)
            if woken:
                await session.execute("select pg_notify(%s, '')", (CHANNEL,))
        total += numbered
        if numbered < _BATCH:
            return total


async def _number(session: Session) -> None:
    while True:
        await number_once(session)
        await asyncio.sleep(_LOOK_SECONDS)
