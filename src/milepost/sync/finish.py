"""How a sync ends: completed or failed, told either way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from milepost import clock
from milepost.store import files, provider_requests, syncs
from milepost.store.pool import Session
from milepost.store.queries import queries
from milepost.store.streams import StreamRow
from milepost.store.syncs import SyncRow
from milepost.sync.telling import Teller

SQL = queries("finish")


def failure(rows: Sequence[StreamRow]) -> str | None:
    """Say why a sync whose streams have all ended did not succeed; None when it did.

    A refused stream is an issue; where some are refused and none was answered, it is a failure.
    """
    failed = [row for row in rows if row.failed]
    if failed:
        return "; ".join(f"{row.stream}: {row.error}" for row in failed)
    refused = [row for row in rows if row.refused]
    if refused and not any(row.answered for row in rows):
        reasons = "; ".join(dict.fromkeys(row.error or row.stream for row in refused))
        return f"The provider refused every stream: {reasons}"
    return None


async def fail(session: Session, teller: Teller, sync: SyncRow, why: str) -> None:
    """End a sync as failed, in the caller's transaction; nothing happens when it has ended already."""
    ended = await syncs.change(session, "fail", sync, failure_reason=why)
    await _drop_rosters(session, sync)
    await provider_requests.change(session, "cancel_all", sync.connection_id, sync.id)
    await files.cancel(session, sync.connection_id, sync.id)
    if ended is not None:
        await teller.sync(session, "sync.failed", ended, clock.now())


async def complete_or_wait(session: Session, teller: Teller, sync: SyncRow) -> None:
    """End a sync whose slices are done, unless it asked for files that are not there yet.

    Such a one stays in progress and keeps nobody from working on the connection.
    """
    if await provider_requests.unanswered(session, sync.connection_id, sync.id):
        await syncs.run(session, "wait", sync)
    else:
        await complete(session, teller, sync)


async def answered(
    session: Session, teller: Teller, sync: SyncRow, request_id: UUID, at: datetime
) -> None:
    """End a provider request once no file of it is to come, and its sync once nothing else is asked for."""
    if not await files.to_come(session, sync.connection_id, request_id):
        await provider_requests.end(session, sync.connection_id, request_id, "completed", at)
    await resolve(session, teller, sync)


async def resolve(session: Session, teller: Teller, sync: SyncRow) -> None:
    """Complete a waiting sync once nothing is asked for any more and no file of it is left to merge."""
    now = await syncs.get(session, sync.connection_id, sync.id, lock=True)
    if now is None or not now.waiting:
        return
    if not await provider_requests.unanswered(session, sync.connection_id, sync.id):
        await complete(session, teller, now)


async def complete(session: Session, teller: Teller, sync: SyncRow) -> None:
    """End a sync as completed, in the caller's transaction."""
    ended = await syncs.change(session, "complete", sync)
    if ended is None:
        return
    now = clock.now()
    await teller.sync(session, "sync.completed", ended, now)
    cursor = await session.execute(
        SQL["first_synced"].encode(), {"id": sync.connection_id, "at": now}
    )
    if cursor.rowcount:
        await teller.sync(session, "connection.first_sync_completed", ended, now)


async def _drop_rosters(session: Session, sync: SyncRow) -> None:
    """Forget what slices had named that were broken off; a retry reads them from their beginning."""
    values = {"connection_id": sync.connection_id, "sync_id": str(sync.id)}
    await session.execute(SQL["drop_rosters"].encode(), values)
