"""Drivers: who drives."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from milepost.models.group import Group
from milepost.models.meta import EntityMetadata, Instant, Model, RawData, State

Phone = Annotated[str, Meta(pattern=r"^\+?\d{10,14}$")]
"""A phone number in E.164."""


class License(Model, frozen=True, kw_only=True):
    state: State | UnsetType = UNSET
    number: str | UnsetType = UNSET


class Driver(Model, frozen=True, kw_only=True):
    """A driver of a fleet, as its provider lists them."""

    id: str
    source_id: str
    provider: str
    status: Literal["active", "inactive"]
    first_name: str | UnsetType = UNSET
    middle_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    username: str | UnsetType = UNSET
    license: License | UnsetType = UNSET
    groups: list[str | Group] | UnsetType = UNSET
    created_at: Instant | UnsetType = UNSET  # at the source
    updated_at: Instant | UnsetType = UNSET  # at the source
    metadata: EntityMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
