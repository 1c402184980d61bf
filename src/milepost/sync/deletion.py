"""Deletes connections whose grace is over: the key first, then all rows in batches, at last the word of it."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import structlog

from milepost.kit.registry import Registry
from milepost.store import connections, erasure
from milepost.store.pool import Database
from milepost.sync.fence import Fence, fenced, is_free
from milepost.webhooks import emit

log = structlog.get_logger()

# So many connections are looked at in one go; the next look takes the next ones.
_AT_ONCE = 100
# A batch of positions takes some 30 ms, 130,000 rows a second; no lock of ours is held for longer.
_BATCH = 5_000
# A large fleet gives way to the next one after this time, and is gone on with at the next look.
_SECONDS = 30.0


async def delete_due(
    database: Database, registry: Registry, *, batch: int = _BATCH, seconds: float = _SECONDS
) -> int:
    """Go on with every deletion that is due, each for some seconds; return how many came to their end.

    Each batch is a transaction of its own, and what is left to do is read off the tables themselves:
    whoever is killed in between is followed by the next look, of any worker.
    """
    async with database.session() as session:
        found = await erasure.due(session, _AT_ONCE)
    ended = 0
    for connection_id in found:
        async with database.session() as session:
            if not await is_free(session, connection_id):
                continue  # A sync is about to stop, or another worker deletes.
        async with fenced(database, connection_id) as fence:
            if fence is not None:
                ended += await _delete(registry, fence, connection_id, batch, seconds)
    return ended


async def _delete(
    registry: Registry,
    fence: Fence,
    connection_id: UUID,
    batch: int,
    seconds: float,
) -> bool:
    async with fence.transaction() as session:
        at = await connections.stamp(session, connection_id)
        if not await erasure.begin(session, connection_id, at):
            return False  # Somebody took the deletion back in time.
    until = time.monotonic() + seconds
    if not await _empty(fence, connection_id, batch, until):
        return False
    async with fence.transaction() as session:
        # What was written meanwhile by whoever had come in before is few, and goes here.
        await erasure.lock(session, connection_id)
        for table in await erasure.tables(session, connection_id):
            while await erasure.delete_some(session, connection_id, table, batch):
                pass
        at = await connections.stamp(session, connection_id)
        row = await erasure.finish(session, connection_id, at)
        if row is None:
            return False
        shown = row.published_as_deleted(registry.name(row.provider), None)
        await emit.about_connection(session, row, "connection.deleted", shown, at)
    log.info("a connection was deleted", connection=str(connection_id))
    return True


async def _empty(fence: Fence, connection_id: UUID, batch: int, until: float) -> bool:
    """Delete batch by batch; False when the time was up before the end."""
    async with fence.transaction() as session:
        tables = await erasure.tables(session, connection_id)
    for table in tables:
        deleted = batch
        while deleted == batch:
            async with fence.transaction() as session:
                deleted = await erasure.delete_some(session, connection_id, table, batch)
            if deleted and time.monotonic() >= until:
                return False
            await asyncio.sleep(0)
    return True
