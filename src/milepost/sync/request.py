"""The one door: whoever wants a sync, asks here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from procrastinate import App
from psycopg.errors import UniqueViolation

from milepost import clock, ids
from milepost.errors import BadRequest, Conflict, NotFound, Problem, Unprocessable
from milepost.jobs.queue import defer_turn
from milepost.kit.contract import Manifest
from milepost.kit.registry import Registry
from milepost.models.sync import SyncEstimate
from milepost.store import (
    connections,
    files,
    provider_requests,
    slices,
    syncs,
)
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Session
from milepost.store.provider_requests import RequestRow
from milepost.store.syncs import SyncRow
from milepost.sync import finish
from milepost.sync.fence import is_free
from milepost.sync.finish import fail
from milepost.sync.planning import foresee
from milepost.sync.retention import Retention
from milepost.sync.telling import Teller

Reason = Literal["request", "connection", "schedule"]

LONGEST_DAYS = 36_500

# Files are sent to Milepost by hand, so that they can be asked for whoever the provider is.
HISTORICAL_FILES = "historical_files"


class Desk:
    """Takes requests for syncs, retries and cancellations, each inside the caller's transaction."""

    def __init__(self, registry: Registry, queue: App) -> None:
        self._registry = registry
        self._queue = queue

    async def request(
        self,
        session: Session,
        connection: ConnectionRow,
        *,
        reason: Reason,
        start_from: datetime | None = None,
        days: float | None = None,
        asked_for: Sequence[str] = (),
        refetch: bool = False,
    ) -> SyncRow:
        """Write down a sync and put its first turn into the queue.

        `days` takes the place of `start_from`; with neither, the sync starts where the last one was
        requested, and without a history, now. `refetch` brings once more what is held from there on.

        Raises Conflict that names the sync at work, Unprocessable
        for a connection that is not connected or a request that the provider does not offer, BadRequest
        for a start in the future.
        """
        connection = await _connected(session, connection)
        manifest = self._registry.manifest(connection.provider)
        _require_offered(manifest, asked_for)
        now = clock.now()
        asked = await _resolve_start(session, connection.id, start_from, days, now)
        earliest = now - timedelta(days=manifest.history_days)
        sync_id = await syncs.insert(
            session,
            connection.id,
            reason=reason,
            start_from=max(asked, earliest),
            asked_from=asked if asked < earliest else None,
            refetch=refetch,
            now=now,
            provider_requests=asked_for,
        )
        if sync_id is None:
            raise await _at_work(session, connection.id)
        for kind in asked_for:
            await provider_requests.insert(session, connection.id, sync_id, kind, now)
        sync = await self._queue_up(session, connection.id, sync_id, reason)
        teller = Teller(connection, manifest.name)
        if asked < earliest:
            message = (
                f"{manifest.name} keeps {manifest.available_history}; the sync starts at "
                f"{clock.iso(earliest)} instead of {clock.iso(asked)}."
            )
            await teller.issue(session, sync, "retention_window_exceeded", "sync", message, now)
        await teller.sync(session, "sync.requested", sync, now)
        return sync

    async def foresee(
        self,
        session: Session,
        connection: ConnectionRow,
        retention: Retention,
        *,
        start_from: datetime | None = None,
        days: float | None = None,
        refetch: bool = False,
    ) -> SyncEstimate:
        """Say what a sync would take that is asked for like this; nothing is written and nobody is called.

        Raises BadRequest for a start in the future.
        """
        manifest, now = self._registry.manifest(connection.provider), clock.now()
        asked = await _resolve_start(session, connection.id, start_from, days, now)
        start = max(asked, now - timedelta(days=manifest.history_days))
        return await foresee(
            session, manifest, connection.id, retention, start=start, refetch=refetch, now=now
        )

    async def retry(self, session: Session, connection: ConnectionRow, sync_id: UUID) -> SyncRow:
        """Run a failed sync again: same id, same parameters, and what it had fetched stays fetched."""
        connection = await _connected(session, connection)
        sync = await syncs.get(session, connection.id, sync_id, lock=True)
        if sync is None:
            raise NotFound(detail=f"Could not find resource with ID: {ids.show('sync', sync_id)}")
        if sync.status != "failed":
            raise Unprocessable(f"Only a failed sync can be retried; this one is {sync.status}.")
        if await syncs.active(session, connection.id) is not None:
            raise await _at_work(session, connection.id)
        try:
            await syncs.change(session, "retry", sync)
        except UniqueViolation:  # A request won in the same instant; this transaction is void.
            raise Conflict(
                "Sync already in progress", "Another sync has just been requested."
            ) from None
        await slices.reopen(session, connection.id, sync_id)
        await provider_requests.change(session, "reopen", connection.id, sync_id)
        sync = await self._queue_up(session, connection.id, sync_id, "request")
        teller = Teller(connection, self._registry.name(connection.provider))
        await teller.sync(session, "sync.requested", sync, clock.now())
        return sync

    async def cancel(
        self,
        session: Session,
        connection: ConnectionRow,
        sync_id: UUID,
        *,
        why: str = "The sync was cancelled.",
    ) -> None:
        """Ask a sync to stop: at its next page, or at once where nobody runs it."""
        await connections.stamp(session, connection.id)
        sync = await syncs.get(session, connection.id, sync_id, lock=True)
        if sync is None:
            raise NotFound(detail=f"Could not find resource with ID: {ids.show('sync', sync_id)}")
        if sync.status not in ("requested", "in_progress"):
            raise Unprocessable(f"The sync has ended already; it is {sync.status}.")
        await syncs.run(session, "ask_to_cancel", sync, cancel_reason=why)
        if sync.waiting or await is_free(session, connection.id):
            teller = Teller(connection, self._registry.name(connection.provider))
            await fail(session, teller, sync, why)

    async def await_files(
        self, session: Session, connection: ConnectionRow, start_from: datetime
    ) -> RequestRow:
        """Write down a sync that brings nothing but files, and what it waits for."""
        connection = await _connected(session, connection)
        now = clock.now()
        sync_id = await syncs.insert_waiting(
            session, connection.id, start_from=min(start_from, now), now=now
        )
        request_id = await provider_requests.insert(
            session, connection.id, sync_id, HISTORICAL_FILES, now
        )
        await provider_requests.change(session, "send", connection.id, sync_id)
        sync = await syncs.get(session, connection.id, sync_id)
        request = await provider_requests.get(session, connection.id, request_id)
        assert sync is not None
        assert request is not None
        teller = Teller(connection, self._registry.name(connection.provider))
        await teller.sync(session, "sync.requested", sync, now)
        await teller.sync(session, "sync.started", sync, now)
        return request

    async def answer(
        self,
        session: Session,
        connection: ConnectionRow,
        request: RequestRow | None,
        *,
        more: bool,
    ) -> None:
        """Take a request as answered by a file that is merged already, unless there is more to come."""
        if request is None or more:
            return
        sync = await syncs.get(session, connection.id, request.sync_id, lock=True)
        assert sync is not None
        teller = Teller(connection, self._registry.name(connection.provider))
        await finish.answered(session, teller, sync, request.id, clock.now())

    async def cancel_request(
        self, session: Session, connection: ConnectionRow, request_id: UUID
    ) -> RequestRow:
        """Wait for a provider request no longer; what was merged stays, and its sync completes without it."""
        await connections.stamp(session, connection.id)
        found = await provider_requests.get(session, connection.id, request_id)
        if found is None:
            shown = ids.show("provider_request", request_id)
            raise NotFound(detail=f"Could not find resource with ID: {shown}")
        sync = await syncs.get(session, connection.id, found.sync_id, lock=True)
        assert sync is not None
        ended = await provider_requests.end(
            session, connection.id, request_id, "cancelled", clock.now()
        )
        if ended is None:
            raise Unprocessable(f"The provider request has ended already; it is {found.status}.")
        await files.cancel(session, connection.id, sync.id)
        if sync.waiting:
            teller = Teller(connection, self._registry.name(connection.provider))
            await finish.resolve(session, teller, sync)
        return ended

    async def _queue_up(
        self, session: Session, connection_id: UUID, sync_id: UUID, reason: str
    ) -> SyncRow:
        job_id = await defer_turn(
            self._queue,
            session,
            connection_id=str(connection_id),
            sync_id=str(sync_id),
            reason=reason,
        )
        await syncs.set_job(session, connection_id, sync_id, job_id=job_id, resume_at=clock.now())
        sync = await syncs.get(session, connection_id, sync_id)
        assert sync is not None
        return sync


async def _at_work(session: Session, connection_id: UUID) -> Conflict:
    active = await syncs.active(session, connection_id)
    named = ids.show("sync", active) if active else "it has just ended; ask again"
    return Conflict("Sync already in progress", f"Existing sync in progress: {named}")


async def _resolve_start(
    session: Session,
    connection_id: UUID,
    start_from: datetime | None,
    days: float | None,
    now: datetime,
) -> datetime:
    if days is not None:
        return now - timedelta(days=days)
    if start_from is not None:
        if start_from > now:
            problem = Problem("must not lie in the future", "{requestBody}.startFrom")
            raise BadRequest("Invalid request body", [problem])
        return start_from
    return await syncs.last_requested_at(session, connection_id) or now


async def _connected(session: Session, connection: ConnectionRow) -> ConnectionRow:
    """Read the connection again under its lock, so that none is synced that was just taken away."""
    await connections.stamp(session, connection.id)
    now = await connections.get(session, connection.id)
    assert now is not None
    if now.status != "connected":
        raise Unprocessable(
            f"The connection is {now.status}; it must be connected to be synced.",
            code="connection_disconnected",
        )
    return now


def _require_offered(manifest: Manifest, asked_for: Sequence[str]) -> None:
    known = list(dict.fromkeys([HISTORICAL_FILES, *manifest.provider_requests]))
    for kind in asked_for:
        if kind not in known:
            offered = ", ".join(known)
            raise Unprocessable(
                f"{manifest.name} does not offer the provider request “{kind}”; it offers: {offered}."
            )
