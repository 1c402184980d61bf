"""Trips: the stretches of time in which a vehicle moved."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from milepost.models.driver import Driver
from milepost.models.location import Coordinates
from milepost.models.meta import Instant, Model, RawData, RecordMetadata
from milepost.models.vehicle import Vehicle


class Trip(Model, frozen=True, kw_only=True):
    """A period in which a vehicle was in motion, by the provider's own definition; it has always ended."""

    id: str
    source_id: str
    provider: str
    vehicle: str | Vehicle
    started_at: Instant
    ended_at: Instant
    duration: Annotated[int, Meta(ge=0)]  # ms
    driver: str | Driver | UnsetType = UNSET
    start_location: Coordinates | UnsetType = UNSET
    end_location: Coordinates | UnsetType = UNSET
    distance: float | UnsetType = UNSET  # km
    metadata: RecordMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
