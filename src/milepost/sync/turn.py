"""One turn of a sync: a bounded stretch of fetching and merging, after which the worker is given back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from milepost import clock
from milepost.errors import Changed, CursorLost, NotAllowed, NotOffered, SlowDown, TryAgain
from milepost.kit.contract import Connector, Manifest
from milepost.kit.slices import SliceRow
from milepost.models.issue import IssueCode
from milepost.store import connections, coverage, slices
from milepost.store.pool import Session
from milepost.store.syncs import SyncRow
from milepost.sync.fence import Fence
from milepost.sync.landing import Landing
from milepost.sync.planning import missed_by
from milepost.sync.telling import Teller

log = structlog.get_logger()

# Slices are read side by side, and each holds a page: with four a worker's memory stays below 120 MB. How many
# calls are under way is the client's matter, by the provider's limits.
_AT_ONCE = 4

# A cursor is lost once in a long while; who loses every cursor would be read from the beginning for ever.
_MOST_RESTARTS = 5


class Pause(msgspec.Struct):
    """What a turn left to wait for: an instant that the provider named, or a failure that may pass."""

    until: datetime | None = None
    failures: list[str] = []


class Turn:
    """Fetches slices of one sync until they are done, the time is up, or the provider stops it.

    `filtered` says that filters may hide some of the fleet: those are not asked about.
    """

    def __init__(
        self,
        *,
        fence: Fence,
        landing: Landing,
        connector: Connector,
        manifest: Manifest,
        sync: SyncRow,
        teller: Teller,
        seconds: float,
        filtered: bool,
    ) -> None:
        self._fence = fence
        self._landing = landing
        self._connector = connector
        self._manifest = manifest
        self._sync = sync
        self._teller = teller
        self._filtered = filtered
        self._deadline = time.monotonic() + seconds
        self._refused: set[str] = set()
        self._pause = Pause()
        self._again = False

    async def run(self, rows: Sequence[SliceRow]) -> Pause:
        """Work through the slices, rank by rank; raises LoginLost and landing.Stopped."""
        for rank in sorted({row.rank for row in rows}):
            waiting = [row for row in rows if row.rank == rank and row.status == "todo"]
            await self._work(waiting)
            if self._time_is_up() or self._again or self._pause.until or self._pause.failures:
                break
        return self._pause

    async def _work(self, waiting: list[SliceRow]) -> None:
        """Let a few hands take slices in order; the first that must stop the sync stops them all."""
        queue = iter(waiting)

        async def hand() -> None:
            for row in queue:
                if self._time_is_up() or self._pause.failures:
                    return
                if row.stream not in self._refused:
                    await self._take(row)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_AT_ONCE, len(waiting))):
                    group.create_task(hand())
        except* Exception as failed:  # noqa: BLE001  The first failure speaks for the group.
            raise failed.exceptions[0] from None

    async def _take(self, row: SliceRow) -> None:
        """Fetch one slice, and turn each failure into what happens next."""
        try:
            await self._fetch(row)
        except NotAllowed as refused:
            await self._refuse(row, refused, "permission_missing")
        except NotOffered as refused:
            await self._refuse(row, refused, "provider_data_inaccessible")
        except SlowDown as slow:
            earlier = self._pause.until
            self._pause.until = min(earlier, slow.until) if earlier else slow.until
        except TryAgain as failed:
            self._pause.failures.append(f"{row.stream}: {failed.message}")
        except CursorLost:
            await self._start_again(row)
        except Changed as changed:
            async with self._fence.transaction() as session:
                await self._fail(session, row, changed.message)

    async def _fetch(self, row: SliceRow) -> None:
        if row.mode == "history" and row.pages == 0 and row.ends_at is not None:
            # The newest slice ends where it begins to be read; the feeds were opened before.
            row = msgspec.structs.replace(row, ends_at=min(row.ends_at, clock.now()))
        spec = self._manifest.stream(row.stream)
        hidden = await self._landing.hidden(spec) if self._filtered else {}
        # The next page is asked for once this one is merged, so that a worker's death costs one page at the
        # most; what merging would wait for comes from the other hands.
        async for page in self._connector.pages(row.task(frozenset(hidden.values()))):
            # Who is let in meanwhile lacks what was not asked for, and is noted for that.
            row = await _to_its_end(self._landing.land(spec, row, page, hidden.keys()))
            if self._time_is_up():
                return

    async def _refuse(
        self, row: SliceRow, refused: NotAllowed | NotOffered, code: IssueCode
    ) -> None:
        """Skip the stream, for this sync, and say which permission or feature is missing."""
        self._refused.add(row.stream)
        message = f"{self._manifest.stream(row.stream).title} cannot be read: {refused.message}"
        async with self._fence.transaction() as session:
            await connections.stamp(session, self._sync.connection_id)
            await slices.change(
                session, "refuse_stream", self._sync.connection_id, self._sync.id,
                stream=row.stream, error=refused.message,
            )  # fmt: skip
            await self._teller.issue(session, self._sync, code, row.stream, message, clock.now())

    async def _start_again(self, row: SliceRow) -> None:
        """Forget a cursor that the provider no longer knows; the slice is read again from its beginning.

        What a feed missed meanwhile is filled by history, in this very sync.
        """
        connection_id, sync_id = self._sync.connection_id, self._sync.id
        log.warning("cursor lost", stream=row.stream, slice=row.number)
        async with self._fence.transaction() as session:
            if not await slices.start_again(
                session, connection_id, sync_id, row.number, most=_MOST_RESTARTS
            ):
                why = f"its own cursor was unknown to it {_MOST_RESTARTS + 1} times"
                await self._fail(session, row, f"{self._manifest.name} cannot be read on: {why}.")
            elif row.mode == "feed" and row.starts_at is not None:
                await coverage.drop_checkpoint(session, connection_id, row.stream)
                spec = self._manifest.stream(row.stream)
                missed = await missed_by(session, spec, self._sync, row.starts_at, clock.now())
                await slices.insert(session, connection_id, sync_id, missed)
        self._again = True

    async def _fail(self, session: Session, row: SliceRow, error: str) -> None:
        await slices.change(
            session, "fail", self._sync.connection_id, self._sync.id,
            number=row.number, error=error,
        )  # fmt: skip

    def _time_is_up(self) -> bool:
        return time.monotonic() >= self._deadline


async def _to_its_end(landing: Coroutine[Any, Any, SliceRow]) -> SliceRow:
    """Let a page's transaction end before a cancellation goes on.

    All hands write on the fence's one session. Where a COPY is broken off in the middle, that session may be
    of no more use, and whoever stops the sync could not write down why.
    """
    task = asyncio.ensure_future(landing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
