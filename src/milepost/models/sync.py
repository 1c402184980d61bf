"""Syncs: one request to bring a connection up to date, and how far it is."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from milepost.models.issue import Issue
from milepost.models.meta import Instant, Model

SyncStatus = Literal["requested", "in_progress", "completed", "failed"]
ProviderRequest = Literal["historical_files", "provision_credentials"]
ProviderRequestStatus = Literal["created", "sent", "completed", "rejected", "cancelled"]


class ProviderRequestState(Model, frozen=True, kw_only=True):
    """What a sync asked for out of band, and how far it is; the contract's ProviderRequest."""

    id: str
    type: ProviderRequest
    connection_id: str
    status: ProviderRequestStatus
    created_at: Instant
    updated_at: Instant
    sync_id: str | UnsetType = UNSET
    sent_at: Instant | UnsetType = UNSET
    completed_at: Instant | UnsetType = UNSET


class Sync(Model, frozen=True, kw_only=True):
    """The state of a sync; poll it after linking to know when data is there."""

    id: str
    status: SyncStatus
    requested_at: Instant
    start_from: Instant | UnsetType = UNSET
    progress: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    attempts: int | UnsetType = UNSET
    issues: list[str | Issue] | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET
    completed_at: Instant | UnsetType = UNSET
    provider_requests: list[ProviderRequest] | UnsetType = UNSET


class StreamEstimate(Model, frozen=True, kw_only=True):
    """What one stream of a sync would take; `basis` says what it was reckoned by.

    `measured`: by what the connection's own last syncs read. `typical`: by an ordinary fleet of the size that is known.
    """

    stream: str
    title: str
    slices: int
    calls: int
    records: int
    bytes: int
    basis: Literal["measured", "typical"]


class SyncEstimate(Model, frozen=True, kw_only=True):
    """What a sync would take if it were requested now (an extension).

    `calls` are requests to the provider, `bytes` those of its answers, uncompressed; `seconds` is the time at the
    documented limits. `vehicles` and `drivers` are those that are known: before a first sync there are none.
    """

    start_from: Instant
    vehicles: int
    drivers: int
    calls: int
    records: int
    bytes: int
    seconds: float
    streams: list[StreamEstimate]
