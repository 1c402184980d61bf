"""Deferring work on the caller's own transaction, so that there is no gap between commit and job."""

from __future__ import annotations

from typing import Any

from procrastinate import App, PsycopgConnector

from milepost.store.pool import Session

SYNC_QUEUE = "sync"
TURN_TASK = "sync_turn"

# A requested or first sync goes before a scheduled one, and any before the later turns of a long one.
PRIORITIES = {"request": 20, "connection": 20, "schedule": 10, "turn": 0}


def app(url: str, **pool: Any) -> App:
    """Make the queue's app; deferring does not need it to be open, a worker does."""
    return App(connector=PsycopgConnector(conninfo=url, **pool))


async def defer_turn(
    queue: App,
    session: Session,
    *,
    connection_id: str,
    sync_id: str,
    reason: str,
) -> int:
    """Put a sync's next turn into the queue, in the caller's transaction; return the job's number."""
    task = queue.configure_task(
        TURN_TASK,
        queue=SYNC_QUEUE,
        priority=PRIORITIES[reason],
        connection=session,
    )
    return await task.defer_async(connection_id=connection_id, sync_id=sync_id)
