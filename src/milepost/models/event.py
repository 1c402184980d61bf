"""Events: what happened, as it is told to applications."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from msgspec import UNSET, Meta, UnsetType

from milepost.models.meta import Instant, Model

EventType = Literal[
    "connection.created", "connection.completed", "connection.updated", "connection.disconnected",
    "connection.reconnected", "connection.first_sync_completed",
    "connection.pending_deletion", "connection.deleted",
    "sync.requested", "sync.started", "sync.completed", "sync.failed",
    "issue.reported", "issue.resolved",
    "vehicle.added", "vehicle.modified", "vehicle.removed",
    "driver.added", "driver.modified", "driver.removed",
    "safety_event.added", "safety_event.modified",
    "vehicle.location_updated",
    "unsupported_provider.requested",
    "webhook_endpoint.disabled",
]  # fmt: skip
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)

# What an application may switch off: the only types of which there are many.
SWITCHABLE: tuple[EventType, ...] = (
    "safety_event.added", "safety_event.modified", "vehicle.location_updated",
)  # fmt: skip
# The types that tell of a whole connection: the contract shows its token there and nowhere else.
WITH_TOKEN: tuple[EventType, ...] = (
    "connection.created", "connection.completed", "connection.updated", "connection.disconnected",
    "connection.reconnected", "connection.pending_deletion",
)  # fmt: skip


class Event(Model, frozen=True, kw_only=True):
    """The envelope of an event; `detail` holds the whole entities that it is about."""

    id: str
    type: EventType
    timestamp: Instant
    detail: dict[str, Any]


class LoggedEvent(Event, frozen=True, kw_only=True):
    """An event as the log shows it: `number` rises by one from event to event of the application."""

    number: int


class UnsupportedProvider(Model, frozen=True, kw_only=True):
    """A provider that somebody wishes to connect and that this installation does not offer."""

    provider: str
    contact_email: Annotated[str, Meta(extra_json_schema={"format": "email"})]
    dot_number: str | UnsetType = UNSET
    external_id: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


class EndpointDisabled(Model, frozen=True, kw_only=True):
    """An endpoint that is sent nothing any more, and why; what is for it waits in the log."""

    id: str
    url: str
    reason: str
