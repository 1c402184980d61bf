"""When automatic connections are synced: on a cadence, each at a phase of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from milepost import clock
from milepost.errors import Conflict, Unprocessable
from milepost.log import going_on
from milepost.store import connections, provider_webhooks
from milepost.store.pool import Database, Session, fetch_all
from milepost.store.queries import queries
from milepost.sync.request import Desk

SQL = queries("schedule")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# So many connections are asked for in one go; the next look takes the next ones.
_AT_ONCE = 100


def next_tick(connection_id: UUID, after: datetime, cadence: timedelta) -> datetime:
    """Return the connection's next tick after an instant.

    The phase is a hash of the connection, so that restarts neither align connections nor move them.
    """
    period = round(cadence.total_seconds())
    phase = connection_id.int % period
    seconds = int((after - _EPOCH).total_seconds())
    ticks = (seconds - phase) // period + 1
    return _EPOCH + timedelta(seconds=ticks * period + phase)


async def request_due(database: Database, desk: Desk, cadence: timedelta) -> int:
    """Ask for a sync of every automatic connection whose time has come; return how many were asked for."""
    async with database.transaction() as session:
        rows = await fetch_all(session, SQL["due"], {"limit": _AT_ONCE})
        for (connection_id,) in rows:
            tick = next_tick(connection_id, clock.now(), cadence)
            values = {"id": connection_id, "next_sync_at": tick}
            await session.execute(SQL["set_next"].encode(), values)
            with going_on("a sync could not be asked for", connection=str(connection_id)):
                async with session.transaction():
                    await _ask(session, desk, connection_id)
    return len(rows)


async def _ask(session: Session, desk: Desk, connection_id: UUID) -> None:
    row = await connections.get(session, connection_id)
    assert row is not None
    try:
        await desk.request(session, row, reason="schedule")
    except Conflict:
        # One is working already: the next tick asks again, or a hint that came while it did.
        await provider_webhooks.ask_again(
            session, connection_id, clock.now() + provider_webhooks.APART
        )
    except Unprocessable:
        return  # The connection was archived since, or its provider is installed no longer.
