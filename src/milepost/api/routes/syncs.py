"""Syncs: asking for one, and seeing how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from milepost import ids
from milepost.api.documents import missing
from milepost.api.guides import with_guides
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import CURSOR, LIMIT, choice, expand, identifier
from milepost.errors import BadRequest, Problem
from milepost.models.issue import Issue
from milepost.models.meta import Model
from milepost.models.sync import Sync, SyncEstimate
from milepost.store import issues, streams, syncs
from milepost.store.pool import Session
from milepost.store.streams import StreamStatus
from milepost.store.syncs import STATUSES, SyncRow
from milepost.sync.request import LONGEST_DAYS

EXPAND = expand("issues")
ID = identifier("id", "sync", "The sync")
STATUS = choice("status", STATUSES, "Only syncs of this status")

Days = Annotated[
    float,
    Meta(
        ge=0,
        le=LONGEST_DAYS,
        description="How many days of history to sync from now. Takes the place of `startFrom`.",
    ),
]
StartFrom = Annotated[
    datetime, Meta(tz=True, description="When to start syncing from; must not lie in the future.")
]


class ProviderRequestWish(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    type: Annotated[str, Meta(max_length=100)]


class SyncWish(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """How to sync. Without `startFrom` and `days`, a sync starts where the last one was requested, or now."""

    start_from: StartFrom | UnsetType = UNSET
    days: Days | UnsetType = UNSET
    provider_requests: (
        Annotated[
            list[Annotated[str, Meta(max_length=100)] | ProviderRequestWish],
            Meta(
                max_length=20, description="What else to ask of the provider, as words or objects."
            ),
        ]
        | UnsetType
    ) = UNSET
    refetch: Annotated[bool, Meta(description="Fetch once more what is held already.")] = False


class SyncAcknowledged(Model, frozen=True):
    id: str
    message: str


class StreamProgress(Model, frozen=True):
    """How far one stream of a sync is; `progress` in percent of its planned window."""

    stream: str
    title: str
    status: StreamStatus
    progress: float
    records: int
    pages: int


async def request_sync(call: Call) -> Sync:
    wish: SyncWish = call.body()
    asked = [each if isinstance(each, str) else each.type for each in wish.provider_requests or []]
    async with call.house.database.transaction() as session:
        row = await call.house.desk.request(
            session,
            call.connection,
            reason="request",
            start_from=utc(wish.start_from, "{requestBody}.startFrom"),
            days=None if wish.days is UNSET else wish.days,
            asked_for=list(dict.fromkeys(asked)),
            refetch=wish.refetch,
        )
        return (await shown_syncs(session, [row]))[0]


async def estimate_sync(call: Call) -> SyncEstimate:
    wish: SyncWish = call.body()
    async with call.house.database.session() as session:
        return await call.house.desk.foresee(
            session,
            call.connection,
            call.house.retention,
            start_from=utc(wish.start_from, "{requestBody}.startFrom"),
            days=None if wish.days is UNSET else wish.days,
            refetch=wish.refetch,
        )


async def list_sync_history(call: Call) -> Page:
    values = call.values
    bookmarks = call.bookmarks()
    place = bookmarks.read(values[CURSOR])
    rows = await syncs.page(
        call.session,
        call.connection.id,
        status=values[STATUS],
        before=UUID(bytes=place[0]) if place else None,
        limit=values[LIMIT] + 1,
    )
    page, last = cut(rows, values[LIMIT])
    shown = await shown_syncs(call.session, page, values[EXPAND], call.house.public_url)
    return Page(shown, bookmarks.write(last.id.bytes) if last else UNSET)


async def get_sync(call: Call) -> Sync:
    row = await _found(call)
    return (await shown_syncs(call.session, [row], call.values[EXPAND], call.house.public_url))[0]


async def list_streams(call: Call) -> Page:
    row = await _found(call)
    registry = call.house.registry
    titles: dict[str, str] = {}
    if call.connection.provider in registry:
        specs = registry.manifest(call.connection.provider).streams
        titles = {spec.name: spec.title for spec in specs}
    return Page(
        [
            StreamProgress(
                stream=each.stream,
                title=titles.get(each.stream, each.stream),
                status=each.status,
                progress=each.progress,
                records=each.records,
                pages=each.pages,
            )
            for each in await streams.of_sync(call.session, row.connection_id, row.id)
        ]
    )


async def retry_sync(call: Call) -> SyncAcknowledged:
    sync_id = call.values[ID]
    async with call.house.database.transaction() as session:
        await call.house.desk.retry(session, call.connection, sync_id)
    return SyncAcknowledged(id=ids.show("sync", sync_id), message="Sync retry requested")


async def cancel_sync(call: Call) -> SyncAcknowledged:
    sync_id = call.values[ID]
    async with call.house.database.transaction() as session:
        await call.house.desk.cancel(session, call.connection, sync_id)
    return SyncAcknowledged(id=ids.show("sync", sync_id), message="Sync cancellation requested")


def utc(instant: datetime | UnsetType, path: str) -> datetime | None:
    """Move an instant of a body to UTC; raise BadRequest where that leaves the years 1 to 9999."""
    if instant is UNSET:
        return None
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        problem = Problem("must lie in the years 1 to 9999", path)
        raise BadRequest("Invalid request body", [problem]) from None


async def shown_syncs(
    session: Session,
    rows: Sequence[SyncRow],
    expand_: frozenset[str] = frozenset(),
    public_url: str = "",
) -> list[Sync]:
    """Show syncs of one connection, with their issues by id or, expanded, whole and with their guides."""
    if not rows:
        return []
    met = await issues.of_syncs(session, rows[0].connection_id, [row.id for row in rows])
    shown = []
    for row in rows:
        expanded: list[str | Issue] = list(with_guides(met[row.id], public_url))
        by_id: list[str | Issue] = [issue.id for issue in met[row.id]]
        shown.append(row.published(expanded if "issues" in expand_ else by_id))
    return shown


async def _found(call: Call) -> SyncRow:
    row = await syncs.get(call.session, call.connection.id, call.values[ID])
    if row is None:
        raise missing("sync", call.values[ID])
    return row


OPERATIONS = [
    Operation(
        id="requestSync",
        method="POST",
        path="/syncs",
        tag="Data Management",
        summary="Request Sync",
        description="Requests a sync of the current connection, whichever its sync mode.",
        answer=Sync,
        handler=request_sync,
        body=SyncWish,
        status=201,
        refusals=[409, 422],
    ),
    Operation(
        id="estimateSync",
        method="POST",
        path="/syncs/estimate",
        tag="Data Management",
        summary="Estimate Sync",
        description="A dry run: how many calls, records, bytes and seconds a sync would take, by the "
        "provider's limits and what the connection's last syncs read. Nothing is started and nobody is asked.",
        answer=SyncEstimate,
        handler=estimate_sync,
        body=SyncWish,
        status=200,
        refusals=[422],
        extension=True,
    ),
    Operation(
        id="listSyncHistory",
        method="GET",
        path="/syncs",
        tag="Data Management",
        summary="List Sync History",
        description="The connection's syncs, newest first.",
        answer=list[Sync],
        handler=list_sync_history,
        reads=True,
        parameters=[LIMIT, CURSOR, STATUS, EXPAND],
    ),
    Operation(
        id="getSyncJobStatus",
        method="GET",
        path="/syncs/{id}",
        tag="Data Management",
        summary="Get Sync Job Status",
        answer=Sync,
        handler=get_sync,
        reads=True,
        parameters=[ID, EXPAND],
        refusals=[404],
    ),
    Operation(
        id="retrySync",
        method="POST",
        path="/syncs/{id}/retry",
        tag="Data Management",
        summary="Retry Sync",
        description="Runs a failed sync again, with the same parameters.",
        answer=SyncAcknowledged,
        handler=retry_sync,
        parameters=[ID],
        refusals=[404, 409, 422],
    ),
    Operation(
        id="cancelSync",
        method="POST",
        path="/syncs/{id}/cancel",
        tag="Data Management",
        summary="Cancel Sync",
        description="Stops a sync at its next page; it ends as failed, and can be retried.",
        answer=SyncAcknowledged,
        handler=cancel_sync,
        parameters=[ID],
        refusals=[404, 422],
    ),
    Operation(
        id="listSyncStreams",
        method="GET",
        path="/syncs/{id}/streams",
        tag="Data Management",
        summary="List Streams of a Sync",
        description="How far each stream of a sync is; empty before the sync is planned.",
        answer=list[StreamProgress],
        handler=list_streams,
        reads=True,
        parameters=[ID],
        refusals=[404],
        extension=True,
    ),
]
