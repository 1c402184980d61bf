"""Groups: how a fleet sorts its vehicles and drivers."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from milepost.models.meta import EntityMetadata, Instant, Model, RawData


class Group(Model, frozen=True, kw_only=True):
    """A collection of vehicles, drivers or trailers that the provider defines."""

    id: str
    source_id: str
    provider: str
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    parent: str | Group | UnsetType = UNSET
    created_at: Instant | UnsetType = UNSET  # at the source
    updated_at: Instant | UnsetType = UNSET  # at the source
    metadata: EntityMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
