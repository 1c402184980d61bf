"""Runs the turns of syncs: takes the fence, plans once, lets a turn work, and decides what comes next."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from procrastinate import App

from milepost import clock
from milepost.errors import LoginLost
from milepost.jobs.queue import defer_turn
from milepost.kit.registry import Registry
from milepost.store import connections, provider_requests, slices, streams, syncs
from milepost.store.connections import ConnectionRow
from milepost.store.partitions import Partitions
from milepost.store.pool import Database, Session
from milepost.store.syncs import SyncRow
from milepost.sync import finish, planner
from milepost.sync.disconnect import disconnect, link_url
from milepost.sync.fence import SILENCE_SECONDS, Fence, fenced
from milepost.sync.landing import Landing, Stopped
from milepost.sync.lines import Lines
from milepost.sync.planning import news_of, plan_of
from milepost.sync.retention import UNLIMITED, Retention
from milepost.sync.telling import Teller
from milepost.sync.turn import Pause, Turn
from milepost.vault import ConnectionKey

log = structlog.get_logger()

# Five attempts in a row that bring no page fail the sync.
MOST_STALLS = 5
_FIRST_BACKOFF = timedelta(seconds=2)
_LONGEST_BACKOFF = timedelta(minutes=2)


class Runner:
    """Carries out the turns that the queue hands to this worker."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        queue: App,
        *,
        turn_seconds: float,
        public_url: str,
        cadence: timedelta = timedelta(hours=2),
        retention: Retention = UNLIMITED,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._database = database
        self._registry = registry
        self._queue = queue
        self._cadence = cadence
        self._turn_seconds = turn_seconds
        self._silence_seconds = silence_seconds
        self._public_url = public_url
        self._retention = retention
        self._partitions = Partitions(database)
        self._lines = Lines(database, registry)

    async def turn(self, connection_id: UUID, sync_id: UUID) -> None:
        """Run one turn of a sync; does nothing when another worker holds its fence or it has ended."""
        async with fenced(self._database, connection_id, self._silence_seconds) as fence:
            if fence is None:
                return
            async with fence.transaction() as session:
                sync = await syncs.get(session, connection_id, sync_id)
                connection = await connections.get(session, connection_id)
            if (
                sync is None
                or connection is None
                or sync.status not in ("requested", "in_progress")
                or sync.waiting
            ):
                return
            teller = Teller(connection, self._registry.name(connection.provider))
            try:
                await self._run(fence, connection, sync, teller)
            except Stopped as stopped:
                async with fence.transaction() as session:
                    await connections.stamp(session, connection_id)
                    await finish.fail(session, teller, sync, stopped.why)
            except LoginLost as lost:
                async with fence.transaction() as session:
                    link = link_url(self._public_url, connection)
                    await disconnect(session, connection, teller, link_url=link)
                    await finish.fail(session, teller, sync, f"The login was lost: {lost.message}")

    async def _run(
        self, fence: Fence, connection: ConnectionRow, sync: SyncRow, teller: Teller
    ) -> None:
        if sync.cancel_reason is not None:
            raise Stopped(sync.cancel_reason)
        if connection.status != "connected":
            raise Stopped(f"The connection is {connection.status}.")
        if connection.provider not in self._registry:
            raise Stopped(f"The provider {connection.provider} is not installed here.")
        sync = await self._begin(fence, connection, sync, teller)
        identity = await self._lines.identity(connection)
        vault = self._database.vault
        connector = await self._lines.open(connection, identity=identity)
        key = ConnectionKey(vault.open(connection.sealed_key))
        manifest = self._registry.manifest(connection.provider)
        turn = Turn(
            fence=fence,
            landing=Landing(
                fence, self._partitions, identity, key, sync, teller, manifest, self._retention
            ),
            connector=connector,
            manifest=manifest,
            sync=sync,
            teller=teller,
            seconds=self._turn_seconds,
            filtered=connection.filters is not None,
        )
        try:
            async with fence.transaction() as session:
                rows = await slices.todo(session, connection.id, sync.id)
            pause = await turn.run(rows)
        finally:
            await connector.aclose()
        if not rows:
            # Whoever has nothing to do and is not done must not be asked over and over without a pause.
            pause.failures.append("nothing is left to fetch, and not everything has ended")
        await self._decide(fence, sync, teller, pause)

    async def _begin(
        self, fence: Fence, connection: ConnectionRow, sync: SyncRow, teller: Teller
    ) -> SyncRow:
        """Mark the sync as in progress and plan its slices, unless an earlier turn did.

        One that has been at it for longer than the cadence turns to what is new first, as the syncs
        would have done that it stands in the way of.
        """
        async with fence.transaction() as session:
            await connections.stamp(session, connection.id)
            started = await syncs.change(session, "start", sync)
            if started is not None:
                sync = started
                await teller.sync(session, "sync.started", sync, clock.now())
                await provider_requests.change(session, "send", sync.connection_id, sync.id)
            manifest, now = self._registry.manifest(connection.provider), clock.now()
            number = await slices.next_number(session, sync.connection_id, sync.id)
            if number == 0:
                planned = await plan_of(session, manifest, sync, self._retention, now)
                await slices.insert(session, sync.connection_id, sync.id, planned)
                await syncs.run(session, "fed", sync, fed_at=now)
            elif sync.fed_at is not None and now - sync.fed_at >= self._cadence:
                await slices.read_news_again(session, sync.connection_id, sync.id)
                news = await news_of(session, manifest, sync, self._retention, now)
                await slices.insert(session, sync.connection_id, sync.id, news)
                await syncs.run(session, "fed", sync, fed_at=now)
        return sync

    async def _decide(self, fence: Fence, sync: SyncRow, teller: Teller, pause: Pause) -> None:
        """Finish the sync, or put its next turn into the queue."""
        async with fence.transaction() as session:
            # The connection before the sync, as every writer does, so that no two wait for each other.
            await connections.stamp(session, sync.connection_id)
            rows = await streams.of_sync(session, sync.connection_id, sync.id)
            now = await syncs.get(session, sync.connection_id, sync.id, lock=True)
            assert now is not None
            if now.cancel_reason is not None:
                await finish.fail(session, teller, sync, now.cancel_reason)
            elif all(row.ended for row in rows):
                why = finish.failure(rows)
                if why is None:
                    await finish.complete_or_wait(session, teller, sync)
                else:
                    await finish.fail(session, teller, sync, why)
            elif pause.failures:
                await self.try_again(
                    session, sync, teller, "; ".join(dict.fromkeys(pause.failures))
                )
            else:
                urgent = await slices.urgent(
                    session, sync.connection_id, sync.id, planner.HISTORY_RANK
                )
                await self._next_turn(session, sync, pause.until, urgent=urgent)

    async def try_again(self, session: Session, sync: SyncRow, teller: Teller, why: str) -> None:
        """Count an attempt and back off; after too many without a page in between, fail the sync."""
        counted = await syncs.run(session, "another_attempt", sync)
        stalls = counted[0] if counted else MOST_STALLS
        log.warning("attempt failed", sync=str(sync.id), stalls=stalls, why=why)
        if stalls >= MOST_STALLS:
            reason = f"Gave up after {MOST_STALLS} attempts in a row without progress. {why}"
            await finish.fail(session, teller, sync, reason)
        else:
            backoff = min(_FIRST_BACKOFF * 2 ** (stalls - 1), _LONGEST_BACKOFF)
            await self._next_turn(session, sync, clock.now() + backoff)

    async def _next_turn(
        self, session: Session, sync: SyncRow, at: datetime | None, *, urgent: bool = False
    ) -> None:
        """Put the next turn into the queue, or note when it is due: the watch puts it there then.

        What is new goes before history, whosever it is.
        """
        if at is not None and at > clock.now():
            await syncs.set_job(session, sync.connection_id, sync.id, job_id=None, resume_at=at)
            return
        job_id = await defer_turn(
            self._queue,
            session,
            connection_id=str(sync.connection_id),
            sync_id=str(sync.id),
            reason=sync.reason if urgent else "turn",
        )
        await syncs.set_job(
            session, sync.connection_id, sync.id, job_id=job_id, resume_at=clock.now()
        )

    async def wake_due(self) -> None:
        """Put the turns into the queue whose time has come."""
        async with self._database.transaction() as session:
            for sync in await syncs.due(session):
                await self._next_turn(session, sync, None)
