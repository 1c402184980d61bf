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
    """What one stream of a sync will take; `records` is absent where the connection never read it before."""

    stream: str
    title: str
    slices: int
    calls: int
    records: int | UnsetType = UNSET


class SyncEstimate(Model, frozen=True, kw_only=True):
    """What a sync will take, by what the connection's last ten took (an extension).

    `calls` are to the provider, and at least one a slice. `bytes` are those that will be stored, raw data
    sealed and compressed. `seconds` include the waits that the provider's limits make. What was never
    measured is absent.
    """

    start_from: Instant
    calls: int
    streams: list[StreamEstimate]
    records: int | UnsetType = UNSET
    bytes: int | UnsetType = UNSET
    seconds: float | UnsetType = UNSET
