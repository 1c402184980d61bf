"""Watches over syncs, always: takes over those whose worker is gone."""

from __future__ import annotations

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from milepost.kit.registry import Registry
from milepost.log import going_on
from milepost.store import connections, syncs
from milepost.store.pool import Database
from milepost.store.syncs import Orphan
from milepost.sync import finish
from milepost.sync.fence import SILENCE_SECONDS, end_stuck, is_free
from milepost.sync.run import Runner
from milepost.sync.telling import Teller

log = structlog.get_logger()


async def take_over_orphans(
    database: Database,
    registry: Registry,
    queue: App,
    runner: Runner,
    *,
    grace_seconds: float,
    silence_seconds: float = SILENCE_SECONDS,
) -> int:
    """Put every sync whose worker is gone back to work, as another attempt; return how many there were.

    A worker is gone when no session holds the fence of the run; heartbeats are not asked, since a
    worker with a blocked event loop misses those and lives.
    """
    async with database.session() as session:
        if await end_stuck(session, silence_seconds):
            log.warning("ended the session of a worker that stands still")
        found = await syncs.orphans(session, grace_seconds)
    for orphan in found:
        with going_on("a sync could not be taken over", sync=str(orphan.id)):
            if orphan.job_id is not None and orphan.job_status == "doing":
                await _bury(queue, orphan.job_id)
            await _take_over(database, registry, runner, orphan)
    return len(found)


async def _take_over(
    database: Database, registry: Registry, runner: Runner, orphan: Orphan
) -> None:
    async with database.transaction() as session:
        await connections.stamp(session, orphan.connection_id)
        sync = await syncs.get(session, orphan.connection_id, orphan.id, lock=True)
        if sync is None or sync.status not in ("requested", "in_progress"):
            return
        if sync.job_id != orphan.job_id or not await is_free(session, orphan.connection_id):
            return  # Another watcher was quicker, or the worker has come back.
        connection = await connections.get(session, orphan.connection_id)
        assert connection is not None
        teller = Teller(connection, registry.name(connection.provider))
        log.warning("taking over a sync whose worker is gone", sync=str(sync.id))
        if sync.cancel_reason is not None:
            await finish.fail(session, teller, sync, sync.cancel_reason)
        else:
            await runner.try_again(session, sync, teller, "The worker that ran it is gone.")


async def _bury(queue: App, job_id: int) -> None:
    """Close the queue's books on a job whose worker died; it may have been closed meanwhile."""
    try:
        await queue.job_manager.finish_job_by_id_async(job_id, Status.FAILED, delete_job=False)
    except ConnectorException:
        log.info("the job of a dead worker was closed already", job=job_id)
