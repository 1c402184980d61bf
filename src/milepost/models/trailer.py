"""Trailers: what a fleet tows, and where it is."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from milepost.models.group import Group
from milepost.models.location import Address, Coordinates
from milepost.models.meta import EntityMetadata, Instant, Model, RawData
from milepost.models.vehicle import LicensePlate


class Trailer(Model, frozen=True, kw_only=True):
    """A trailer of a fleet, as its provider lists it."""

    id: str
    source_id: str
    provider: str
    status: Literal["active", "inactive"]
    name: str | UnsetType = UNSET
    vin: str | UnsetType = UNSET
    serial_number: str | UnsetType = UNSET
    make: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    year: int | UnsetType = UNSET
    groups: list[str | Group] | UnsetType = UNSET
    license_plate: LicensePlate | UnsetType = UNSET
    created_at: Instant | UnsetType = UNSET  # at the source
    updated_at: Instant | UnsetType = UNSET  # at the source
    metadata: EntityMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET


class LatestTrailerLocation(Model, frozen=True, kw_only=True):
    """The latest record of a trailer's location according to the provider."""

    provider: str
    trailer: str | Trailer
    located_at: Instant
    location: Coordinates
    address: Address | UnsetType = UNSET
    heading: float | UnsetType = UNSET  # degrees
    speed: float | UnsetType = UNSET  # km/h
    raw: list[RawData] | UnsetType = UNSET
