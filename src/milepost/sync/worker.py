"""The worker: runs turns from the queue, and keeps watch over all syncs and the cadence."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from milepost import clock
from milepost.jobs import queue as jobs
from milepost.kit.addresses import NONE_ALLOWED, Allowed
from milepost.kit.registry import Registry
from milepost.store import allowances, files
from milepost.store.pool import Database
from milepost.sync.deletion import delete_due
from milepost.sync.dropping import DropFolder
from milepost.sync.expiry import expire
from milepost.sync.fence import SILENCE_SECONDS
from milepost.sync.lines import Lines
from milepost.sync.live import Intervals
from milepost.sync.merging import merge_due
from milepost.sync.polling import Poller
from milepost.sync.receiving import Receiver
from milepost.sync.request import Desk
from milepost.sync.retention import UNLIMITED, Retention
from milepost.sync.run import Runner
from milepost.sync.schedule import request_due
from milepost.sync.watch import take_over_orphans
from milepost.vault import Vault
from milepost.webhooks import run as webhooks

log = structlog.get_logger()

# The queue wakes workers when a job is put in; what waits for its time is found by polling.
_POLL_SECONDS = 0.5
_WATCH_SECONDS = 2.0
_SWEEP_SECONDS = 60.0
# A hand that has nothing to poll looks again so often: a claim that finds nothing takes 0.3 ms.
_IDLE_HAND_SECONDS = 1.0
# A turn is asked to stop at a page boundary when the worker is told to go; a page takes far less.
_SHUTDOWN_SECONDS = 5.0
# An attempt holds a session for the 2 ms that it takes to write it down.
_DELIVERY_SESSIONS = 6
# So many objects that stay let the garbage collector look through the young ones. The default of 700 does that dozens of
# times a page, whose rows hold no cycles. 20,000 takes a tenth off the processor time of 600 vehicles' day (25.5 to
# 22.9 s), and nothing to a worker's peak.
_YOUNG_OBJECTS = 20_000

Look = Callable[[], Awaitable[object]]


class _AfterShutdown(BaseRetryStrategy):
    """A turn that was cut off by the worker's own shutdown goes back to the queue at once."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002  The library calls with both.
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_at=clock.now())
        return None


def collect_seldom() -> None:
    """Let the garbage collector look less often, and never at what is there before the work begins."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def tasks(queue: App, runner: Runner) -> None:
    """Register what the queue's tasks do in this worker."""

    @queue.task(
        name=jobs.TURN_TASK, queue=jobs.SYNC_QUEUE, retry=_AfterShutdown(), pass_context=True
    )
    async def sync_turn(context: JobContext, *, connection_id: str, sync_id: str) -> None:  # noqa: ARG001  The context makes the library pass the job.
        await runner.turn(UUID(connection_id), UUID(sync_id))


async def run(
    *,
    database_url: str,
    vault: Vault,
    registry: Registry,
    concurrency: int,
    turn_seconds: float,
    cadence: timedelta,
    public_url: str,
    retention: Retention = UNLIMITED,
    grace_seconds: float = 5.0,
    silence_seconds: float = SILENCE_SECONDS,
    polled: Intervals | None = None,
    poll_hands: int = 8,
    webhooks_allow: Allowed = NONE_ALLOWED,
    drop_folder: Path | None = None,
) -> None:
    """Work until cancelled or told to stop by a signal."""
    collect_seldom()
    hands = poll_hands if polled else 0
    database = Database(database_url, vault, pool_size=concurrency + 4 + hands + _DELIVERY_SESSIONS)
    await database.open()
    queue = jobs.app(database_url, min_size=1, max_size=concurrency + 3)
    runner = Runner(
        database, registry, queue, turn_seconds=turn_seconds, public_url=public_url,
        cadence=cadence, retention=retention, silence_seconds=silence_seconds,
    )  # fmt: skip
    tasks(queue, runner)
    desk = Desk(registry, queue)
    receiver = Receiver(database, registry, desk, Lines(database, registry))
    dropped = [DropFolder(drop_folder, database, receiver).look] if drop_folder else []
    poller = Poller(database, registry, polled or {}, hands=poll_hands, public_url=public_url)
    look_after = partial(
        take_over_orphans, database, registry, queue, runner,
        grace_seconds=grace_seconds, silence_seconds=silence_seconds,
    )  # fmt: skip
    try:
        async with queue.open_async():
            watches: list[tuple[float, str, Look]] = [
                (_WATCH_SECONDS, "watch", look_after),
                (_POLL_SECONDS, "waiting", runner.wake_due),
                (_WATCH_SECONDS, "cadence", partial(request_due, database, desk, cadence)),
                (_WATCH_SECONDS, "deletion", partial(delete_due, database, registry)),
                (_WATCH_SECONDS, "files", partial(merge_due, database, registry, retention)),
                (_WATCH_SECONDS, "webhooks", partial(webhooks.run, database, webhooks_allow)),
                (_SWEEP_SECONDS, "sweep", partial(_sweep, database)),
                (_SWEEP_SECONDS, "retention", partial(expire, database, registry, retention)),
                (_WATCH_SECONDS, "polling", poller.enrol),
                (_SWEEP_SECONDS, "polling", poller.sweep),
                *[(_WATCH_SECONDS, "drop folder", look) for look in dropped],
                *[(_IDLE_HAND_SECONDS, "polling", poller.work)] * hands,
            ]
            async with _watching(watches):
                await _work(queue, concurrency)
    finally:
        await database.close()


async def _work(queue: App, concurrency: int) -> None:
    await queue.run_worker_async(
        queues=[jobs.SYNC_QUEUE],
        concurrency=concurrency,
        fetch_job_polling_interval=_POLL_SECONDS,
        shutdown_graceful_timeout=_SHUTDOWN_SECONDS,
        delete_jobs="successful",
    )


async def _sweep(database: Database) -> None:
    async with database.session() as session:
        await allowances.sweep(session)
        await files.sweep(session)


@contextlib.asynccontextmanager
async def _watching(watches: Iterable[tuple[float, str, Look]]) -> AsyncIterator[None]:
    """Look after things, each every so many seconds, for as long as the context lasts."""
    watchers = [asyncio.create_task(_every(*each)) for each in watches]
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)


async def _every(seconds: float, name: str, look: Look) -> None:
    """Do something now and then; a failure is logged and does not end the watch."""
    while True:
        try:
            await look()
        except Exception:
            log.exception("a watch failed; it goes on", watch=name)
        await asyncio.sleep(seconds)
