"""Endpoints of webhooks, and what became of their deliveries: ours, beside the contract."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from milepost import ids
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import CURSOR, LIMIT, id_pattern, identifier
from milepost.api.routes.connections import Text, Wire
from milepost.api.routes.syncs import utc
from milepost.models.webhook import (
    DeadLetter,
    DeliveryAttempt,
    EventSwitches,
    Replayed,
    WebhookEndpoint,
)
from milepost.webhooks.endpoints import EndpointChange, Replay

ENDPOINT_ID = identifier("endpointId", "webhook_endpoint", "The endpoint")

Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2000,
        examples=["https://example.com/webhooks"],
        extra_json_schema={"format": "uri"},
    ),
]
Types = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=100)]
EventIds = Annotated[
    list[Annotated[str, Meta(pattern=id_pattern("event"))]], Meta(min_length=1, max_length=10_000)
]


class EndpointWish(Wire, frozen=True):
    """A URL to send events to; without `types`, all of them."""

    url: Url
    types: Types = []  # noqa: RUF012  The library copies it.
    description: Text | UnsetType = UNSET


class EndpointChangeWish(Wire, frozen=True):
    """What is to change; an empty list of `types` means all of them."""

    url: Url | UnsetType = UNSET
    types: Types | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    status: Literal["enabled", "disabled"] | UnsetType = UNSET


class RotationWish(Wire, frozen=True):
    """For how long the old secret signs too."""

    overlap_hours: Annotated[float, Meta(ge=0, le=24 * 30)] = 24.0


class ReplayWish(Wire, frozen=True):
    """Which events to deliver again; `from` is inclusive and `until` is not."""

    events: EventIds | UnsetType = UNSET
    connection: Annotated[str, Meta(pattern=id_pattern("connection"))] | UnsetType = UNSET
    from_: Annotated[datetime, Meta(tz=True)] | UnsetType = msgspec.field(
        default=UNSET, name="from"
    )
    until: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    dead_letters: bool = False


class SwitchesWish(Wire, frozen=True):
    vehicle_locations: bool | UnsetType = UNSET
    safety_events: bool | UnsetType = UNSET


async def create_endpoint(call: Call) -> WebhookEndpoint:
    wish: EndpointWish = call.body()
    return await call.house.endpoints.create(
        call.caller.application_id, wish.url, wish.types, wish.description or None
    )


async def list_endpoints(call: Call) -> Page:
    return Page(await call.house.endpoints.every(call.caller.application_id))


async def get_endpoint(call: Call) -> WebhookEndpoint:
    return await call.house.endpoints.get(call.caller.application_id, call.values[ENDPOINT_ID])


async def update_endpoint(call: Call) -> WebhookEndpoint:
    wish: EndpointChangeWish = call.body()
    change = EndpointChange(
        url=wish.url, types=wish.types, description=wish.description, status=wish.status
    )
    return await call.house.endpoints.update(
        call.caller.application_id, call.values[ENDPOINT_ID], change
    )


async def delete_endpoint(call: Call) -> None:
    await call.house.endpoints.delete(call.caller.application_id, call.values[ENDPOINT_ID])


async def rotate_secret(call: Call) -> WebhookEndpoint:
    wish: RotationWish = call.body()
    return await call.house.endpoints.rotate(
        call.caller.application_id,
        call.values[ENDPOINT_ID],
        timedelta(hours=wish.overlap_hours),
    )


async def replay_events(call: Call) -> Replayed:
    wish: ReplayWish = call.body()
    events = None if wish.events is UNSET else [ids.read("event", each) for each in wish.events]
    connection_id = None if wish.connection is UNSET else ids.read("connection", wish.connection)
    count = await call.house.endpoints.replay(
        call.caller.application_id,
        call.values[ENDPOINT_ID],
        Replay(
            event_ids=events,
            connection_id=connection_id,
            from_=utc(wish.from_, "{requestBody}.from"),
            until=utc(wish.until, "{requestBody}.until"),
            dead_letters=wish.dead_letters,
        ),
    )
    return Replayed(deliveries=count)


async def list_dead_letters(call: Call) -> Page:
    bookmarks = call.bookmarks(call.values[ENDPOINT_ID].hex)
    place = bookmarks.read(call.values[CURSOR])
    letters = await call.house.endpoints.dead_letters(
        call.caller.application_id,
        call.values[ENDPOINT_ID],
        after=UUID(bytes=place[0]) if place else None,
        limit=call.values[LIMIT] + 1,
    )
    page, last = cut(letters, call.values[LIMIT])
    next_ = bookmarks.write(ids.read("event", last.event).bytes) if last else UNSET
    return Page(list(page), next_)


async def list_attempts(call: Call) -> Page:
    bookmarks = call.bookmarks(call.values[ENDPOINT_ID].hex)
    place = bookmarks.read(call.values[CURSOR])
    attempts = await call.house.endpoints.attempts(
        call.caller.application_id,
        call.values[ENDPOINT_ID],
        before=UUID(bytes=place[0]) if place else None,
        limit=call.values[LIMIT] + 1,
    )
    page, last = cut(attempts, call.values[LIMIT])
    next_ = bookmarks.write(ids.read("webhook_attempt", last.id).bytes) if last else UNSET
    return Page(list(page), next_)


async def get_switches(call: Call) -> EventSwitches:
    return EventSwitches(**await call.house.endpoints.switches(call.caller.application_id))


async def change_switches(call: Call) -> EventSwitches:
    wish: SwitchesWish = call.body()
    given = {k: v for k, v in msgspec.structs.asdict(wish).items() if v is not UNSET}
    return EventSwitches(**await call.house.endpoints.switch(call.caller.application_id, given))


def _operation(**declared: object) -> Operation:
    return Operation(tag="Webhooks", needs="application", extension=True, **declared)  # type: ignore[arg-type]


_ENDPOINTS, _ENDPOINT = "/webhooks/endpoints", "/webhooks/endpoints/{endpointId}"

OPERATIONS = [
    _operation(
        id="createWebhookEndpoint",
        method="POST",
        path=_ENDPOINTS,
        summary="Create Webhook Endpoint",
        description="The answer holds the `secret` that deliveries are signed with; it is shown this once.",
        answer=WebhookEndpoint,
        handler=create_endpoint,
        body=EndpointWish,
        status=201,
        refusals=[422],
    ),
    _operation(
        id="listWebhookEndpoints",
        method="GET",
        path=_ENDPOINTS,
        summary="List Webhook Endpoints",
        answer=list[WebhookEndpoint],
        handler=list_endpoints,
    ),
    _operation(
        id="getWebhookEndpoint",
        method="GET",
        path=_ENDPOINT,
        summary="Get Webhook Endpoint",
        answer=WebhookEndpoint,
        handler=get_endpoint,
        parameters=[ENDPOINT_ID],
        refusals=[404],
    ),
    _operation(
        id="updateWebhookEndpoint",
        method="PATCH",
        path=_ENDPOINT,
        summary="Update Webhook Endpoint",
        description="Changes what is given. An endpoint that is enabled again is sent what has waited for it.",
        answer=WebhookEndpoint,
        handler=update_endpoint,
        parameters=[ENDPOINT_ID],
        body=EndpointChangeWish,
        refusals=[404],
    ),
    _operation(
        id="deleteWebhookEndpoint",
        method="DELETE",
        path=_ENDPOINT,
        summary="Delete Webhook Endpoint",
        answer=None,
        handler=delete_endpoint,
        parameters=[ENDPOINT_ID],
        status=204,
        refusals=[404],
    ),
    _operation(
        id="rotateWebhookSecret",
        method="POST",
        path=_ENDPOINT + "/rotate",
        summary="Rotate Webhook Secret",
        description="Makes a new secret. Until the overlap is over, deliveries are signed with both.",
        answer=WebhookEndpoint,
        handler=rotate_secret,
        parameters=[ENDPOINT_ID],
        body=RotationWish,
        refusals=[404],
    ),
    _operation(
        id="replayWebhookEvents",
        method="POST",
        path=_ENDPOINT + "/replay",
        summary="Replay Webhook Events",
        description="Delivers events of the log again, with the header `milepost-replay` and outside the order.",
        answer=Replayed,
        handler=replay_events,
        parameters=[ENDPOINT_ID],
        body=ReplayWish,
        refusals=[404],
    ),
    _operation(
        id="listWebhookDeadLetters",
        method="GET",
        path=_ENDPOINT + "/dead-letters",
        summary="List Webhook Dead Letters",
        description="The events that the endpoint did not take in three days, oldest first.",
        answer=list[DeadLetter],
        handler=list_dead_letters,
        parameters=[ENDPOINT_ID, LIMIT, CURSOR],
        refusals=[404],
    ),
    _operation(
        id="listWebhookAttempts",
        method="GET",
        path=_ENDPOINT + "/attempts",
        summary="List Webhook Attempts",
        description="Every attempt to deliver to the endpoint, newest first.",
        answer=list[DeliveryAttempt],
        handler=list_attempts,
        parameters=[ENDPOINT_ID, LIMIT, CURSOR],
        refusals=[404],
    ),
    _operation(
        id="getEventSwitches",
        method="GET",
        path="/webhooks/switches",
        summary="Get Event Switches",
        answer=EventSwitches,
        handler=get_switches,
    ),
    _operation(
        id="changeEventSwitches",
        method="PATCH",
        path="/webhooks/switches",
        summary="Change Event Switches",
        description="Says whether the application is told of vehicles' newest positions and of safety events.",
        answer=EventSwitches,
        handler=change_switches,
        body=SwitchesWish,
    ),
]
