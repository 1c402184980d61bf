"""Webhooks: where events are sent to, and what became of each delivery. Ours, beside the contract."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from milepost.models.meta import Instant, Model


class WebhookEndpoint(Model, frozen=True, kw_only=True):
    """A URL that events are sent to. `secret` is shown once: when it is made, and when it is changed.

    Without `types` it is sent all of them. A disabled endpoint is sent nothing; what is for it waits in the
    log, and comes in order when it is enabled again.
    """

    id: str
    url: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
    status: Literal["enabled", "disabled"]
    created_at: Instant
    updated_at: Instant
    description: str | UnsetType = UNSET
    types: list[str] | UnsetType = UNSET
    disabled_because: str | UnsetType = UNSET
    failing_since: Instant | UnsetType = UNSET
    secret: Annotated[str, Meta(pattern=r"^whsec_\S+$")] | UnsetType = UNSET
    old_secret_until: Instant | UnsetType = UNSET


class DeadLetter(Model, frozen=True, kw_only=True):
    """An event that an endpoint did not take in three days."""

    event: str
    failed_at: Instant
    attempts: int
    error: str
    type: str | UnsetType = UNSET
    number: int | UnsetType = UNSET
    connection: str | UnsetType = UNSET


class DeliveryAttempt(Model, frozen=True, kw_only=True):
    """One attempt to deliver an event: what was answered, or why there was no answer."""

    id: str
    event: str
    attempted_at: Instant
    latency: int  # ms
    delivered: bool
    replay: bool
    connection: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    error: str | UnsetType = UNSET
    answer: str | UnsetType = UNSET


class EventSwitches(Model, frozen=True, kw_only=True):
    """Whether the application is told of what there is a lot of."""

    vehicle_locations: bool
    safety_events: bool


class Replayed(Model, frozen=True, kw_only=True):
    """How many deliveries were put in line by this request."""

    deliveries: int
