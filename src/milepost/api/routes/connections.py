"""Connections: making, listing, reading and changing them."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from milepost import clock, ids
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import CURSOR, LIMIT, choice, id_pattern, instant, text
from milepost.api.routes.syncs import Days, StartFrom, shown_syncs, utc
from milepost.errors import BadRequest, Problem
from milepost.models.connection import (
    Company,
    Connection,
    ConnectionStatus,
    DeletedConnection,
    Filters,
    Options,
    SyncMode,
)
from milepost.models.meta import Instant, Model
from milepost.models.sync import Sync
from milepost.store import connections, syncs
from milepost.store.connections import Search
from milepost.sync.connections import Change, Wish

T = TypeVar("T")

EXTERNAL_ID = text("externalId", "Only connections with this id of yours")
DOT_NUMBER = text("dotNumber", "Only connections whose company or account has this DOT number")
TAG = text("tag", "Only connections with this tag")
UPDATED_AFTER = instant("updatedAfter", "Only connections last updated at or after this time")
UPDATED_BEFORE = instant("updatedBefore", "Only connections last updated at or before this time")
STATUS = choice("status", get_args(ConnectionStatus), "Only connections of this status")
PROVIDER = text("provider", "Only connections to the provider of this code")
ORDER = choice("order", ["asc", "desc"], "In order of creation: oldest first, or newest first")

Text = Annotated[str, Meta(max_length=1000)]
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=200)]
DotNumbers = Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=1000)]


class Wire(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """Part of a request body: nothing unknown, nothing null."""


class CompanyWish(Wire, frozen=True):
    name: Text | UnsetType = UNSET
    dot_numbers: DotNumbers | UnsetType = UNSET


class OptionsWish(Wire, frozen=True):
    ingest_history_from_source_system: bool | UnsetType = UNSET


class BackfillWish(Wire, frozen=True):
    """From when the first sync reads history: a time or a number of days, and from now without either."""

    start_from: StartFrom | UnsetType = UNSET
    days: Days | UnsetType = UNSET


class AgreementWish(Wire, frozen=True):
    """What the fleet's user agreed to; the URL and its content should never change."""

    agreement_url: Annotated[str, Meta(min_length=1, max_length=2000)]
    type: Literal["end-user-agreement", "isaac-data-sharing-agreement"] | UnsetType = UNSET
    ip_address: Annotated[str, Meta(max_length=45)] | UnsetType = UNSET
    accepted_at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    user_agent: Text | UnsetType = UNSET


LoginWish = dict[Annotated[str, Meta(max_length=100)], Annotated[str, Meta(max_length=10_000)]]


class ConnectionWish(Wire, frozen=True):
    """A connection to make. `credentials` are the fields of one of the provider's login forms."""

    provider: Text
    credentials: LoginWish
    company: CompanyWish = CompanyWish()
    external_id: Text | UnsetType = UNSET
    sync_mode: SyncMode = "automatic"
    tags: Tags = []
    backfill: BackfillWish = BackfillWish()
    options: OptionsWish = OptionsWish()
    agreements: Annotated[list[AgreementWish], Meta(max_length=20)] = []


VehicleIds = Annotated[
    list[Annotated[str, Meta(pattern=id_pattern("vehicle"))]], Meta(max_length=10_000)
]
DriverIds = Annotated[
    list[Annotated[str, Meta(pattern=id_pattern("driver"))]], Meta(max_length=10_000)
]


class VehicleFilterWish(Wire, frozen=True):
    status: Literal["active", "inactive"] | UnsetType = UNSET
    exclude_ids: VehicleIds | UnsetType = UNSET
    include_ids: VehicleIds | UnsetType = UNSET


class DriverFilterWish(Wire, frozen=True):
    status: Literal["active", "inactive"] | UnsetType = UNSET
    exclude_ids: DriverIds | UnsetType = UNSET
    include_ids: DriverIds | UnsetType = UNSET


class FiltersWish(Wire, frozen=True):
    vehicles: VehicleFilterWish | UnsetType = UNSET
    drivers: DriverFilterWish | UnsetType = UNSET


class ConnectionChange(Wire, frozen=True):
    """What is to change; parts of `company`, `options` and `filters` that are given replace those parts.

    `credentials` link the connection again with another login of the same account; its token, history and
    coverage stay.
    """

    credentials: LoginWish | UnsetType = UNSET

    status: Literal["connected", "archived", "disconnected"] | UnsetType = UNSET
    options: OptionsWish | UnsetType = UNSET
    company: CompanyWish | UnsetType = UNSET
    external_id: Text | UnsetType = UNSET
    sync_mode: SyncMode | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    filters: FiltersWish | UnsetType = UNSET


class Agreement(Model, frozen=True):
    """What the fleet's user agreed to when the connection was made."""

    id: str
    application_id: str
    connection_id: str
    agreement_url: str
    accepted_at: Instant
    ip_address: str | UnsetType = UNSET
    user_agent: str | UnsetType = UNSET


class CurrentConnection(Connection, frozen=True):
    """A connection with its last sync, and what was agreed to when it was made."""

    agreements: list[Agreement]
    last_sync: Sync | UnsetType = UNSET


async def create_connection(call: Call) -> Connection | DeletedConnection:
    body: ConnectionWish = call.body()
    wish = Wish(
        provider=body.provider,
        credentials=body.credentials,
        company=_as(Company, body.company),
        external_id=body.external_id or None,
        sync_mode=body.sync_mode,
        tags=_once(body.tags),
        options=_as(Options, body.options),
        start_from=_backfill_start(body.backfill),
        days=None if body.backfill.days is UNSET else body.backfill.days,
        agreements=[_agreement(place, each) for place, each in enumerate(body.agreements)],
    )
    return await call.house.reception.create(call.caller.application_id, wish)


async def list_connections(call: Call) -> Page:
    values, newest_first = call.values, call.values[ORDER] == "desc"
    bookmarks = call.bookmarks("desc" if newest_first else "asc")
    place = bookmarks.read(values[CURSOR])
    search = Search(
        external_id=values[EXTERNAL_ID],
        provider=values[PROVIDER],
        status=values[STATUS],
        tag=values[TAG],
        dot_number=values[DOT_NUMBER],
        updated_after=values[UPDATED_AFTER],
        updated_before=values[UPDATED_BEFORE],
    )
    rows = await connections.page(
        call.session,
        call.caller.application_id,
        search,
        after=UUID(bytes=place[0]) if place else None,
        limit=values[LIMIT] + 1,
        newest_first=newest_first,
    )
    page, last = cut(rows, values[LIMIT])
    shown = [call.house.reception.shown(row) for row in page]
    return Page(shown, bookmarks.write(last.id.bytes) if last else UNSET)


async def get_current_connection(call: Call) -> CurrentConnection | DeletedConnection:
    session, row = call.session, call.connection
    shown = call.house.reception.shown(row)
    if isinstance(shown, DeletedConnection):
        return shown
    last = await syncs.page(session, row.id, status=None, before=None, limit=1)
    of_connection = {
        "applicationId": ids.show("application", row.application_id),
        "connectionId": shown.id,
    }
    agreements = [
        msgspec.convert(
            {**body, **of_connection, "id": ids.show("agreement", agreement_id)}, Agreement
        )
        for agreement_id, body in await connections.agreements(session, row.id)
    ]
    return CurrentConnection(
        **msgspec.structs.asdict(shown),
        agreements=agreements,
        last_sync=(await shown_syncs(session, last))[0] if last else UNSET,
    )


async def update_current_connection(call: Call) -> Connection | DeletedConnection:
    body: ConnectionChange = call.body()
    change = Change(
        credentials=body.credentials,
        status=body.status,
        sync_mode=body.sync_mode,
        company=body.company if body.company is UNSET else _as(Company, body.company),
        options=body.options if body.options is UNSET else _as(Options, body.options),
        filters=body.filters if body.filters is UNSET else _as(Filters, body.filters),
        external_id=body.external_id,
        tags=body.tags if body.tags is UNSET else _once(body.tags),
    )
    return await call.house.reception.update(call.connection.id, change)


async def delete_current_connection(call: Call) -> None:
    await call.house.reception.request_deletion(call.connection.id)


def _as(model: type[T], given: Wire) -> T:
    """Take what a body says as the published model of the same fields."""
    return msgspec.convert(msgspec.to_builtins(given), model)


def _once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def _backfill_start(backfill: BackfillWish) -> datetime | None:
    path = "{requestBody}.backfill.startFrom"
    start = utc(backfill.start_from, path)
    if start is not None and backfill.days is UNSET and start > clock.now():
        raise _wrong("must not lie in the future", path)
    return start


def _agreement(place: int, given: AgreementWish) -> dict[str, Any]:
    path = f"{{requestBody}}.agreements[{place}]"
    body: dict[str, Any] = msgspec.to_builtins(given)
    accepted_at = utc(given.accepted_at, f"{path}.acceptedAt")
    body["acceptedAt"] = clock.iso(accepted_at or clock.now())
    if given.ip_address is not UNSET:
        try:
            ipaddress.ip_address(given.ip_address)
        except ValueError:
            raise _wrong("must be an IP address", f"{path}.ipAddress") from None
    return body


def _wrong(message: str, path: str) -> BadRequest:
    return BadRequest("Invalid request body", [Problem(message, path)])


OPERATIONS = [
    Operation(
        id="createConnection",
        method="POST",
        path="/connections",
        tag="Connections",
        summary="Create Connection",
        description="Tries the credentials with the provider, and requests the first sync at once.",
        answer=Connection,
        handler=create_connection,
        needs="application",
        body=ConnectionWish,
        status=201,
        refusals=[422, 502, 504],
        extension=True,
    ),
    Operation(
        id="listConnections",
        method="GET",
        path="/connections",
        tag="Connections",
        summary="List All Connections",
        description="The application's connections, in order of creation.",
        answer=list[Connection],
        handler=list_connections,
        needs="application",
        reads=True,
        parameters=[
            CURSOR,
            LIMIT,
            EXTERNAL_ID,
            DOT_NUMBER,
            TAG,
            UPDATED_AFTER,
            UPDATED_BEFORE,
            STATUS,
            PROVIDER,
            ORDER,
        ],
    ),
    Operation(
        id="getCurrentConnection",
        method="GET",
        path="/connections/current",
        tag="Connections",
        summary="Get Current Connection",
        answer=CurrentConnection,
        handler=get_current_connection,
        reads=True,
        of_deleted=True,
    ),
    Operation(
        id="updateCurrentConnection",
        method="PATCH",
        path="/connections/current",
        tag="Connections",
        summary="Update Current Connection",
        description="Changes what is given; archived and disconnected connections are not synced. Any "
        "`status` takes back a deletion that has not begun.",
        answer=Connection,
        handler=update_current_connection,
        body=ConnectionChange,
        refusals=[422, 502, 504],
        of_deleted=True,
    ),
    Operation(
        id="deleteCurrentConnection",
        method="DELETE",
        path="/connections/current",
        tag="Connections",
        summary="Delete Current Connection",
        description="Stops syncing at once. After the grace period everything of the connection is "
        "deleted; until then, `PATCH` with a `status` takes it back.",
        answer=None,
        handler=delete_current_connection,
        status=202,
        of_deleted=True,
    ),
]
