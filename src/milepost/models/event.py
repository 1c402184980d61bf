"""Events: what happened, as it is told to applications."""

from __future__ import annotations

from typing import Any, Literal, get_args

from milepost.models.meta import Instant, Model

EventType = Literal[
    "connection.created", "connection.completed", "connection.updated", "connection.disconnected",
    "connection.reconnected", "connection.first_sync_completed",
    "connection.pending_deletion", "connection.deleted",
    "sync.requested", "sync.started", "sync.completed", "sync.failed",
    "issue.reported", "issue.resolved",
    "vehicle.added", "vehicle.modified", "vehicle.removed",
    "driver.added", "driver.modified", "driver.removed",
]  # fmt: skip
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)


class Event(Model, frozen=True, kw_only=True):
    """The envelope of an event; `detail` holds the whole entities that it is about."""

    id: str
    type: EventType
    timestamp: Instant
    detail: dict[str, Any]
