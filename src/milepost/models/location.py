"""Where vehicles were, and where they are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from milepost.models.driver import Driver
from milepost.models.meta import Instant, Model, RawData, TimeSeriesMetadata
from milepost.models.stats import EngineState
from milepost.models.vehicle import Vehicle

Percentage = Annotated[float, Meta(ge=0, le=100)]


class Fix(msgspec.Struct, frozen=True, gc=False):
    """One position of one vehicle, as a mapping hands it to the store: the narrow row, not the wire shape.

    Which vehicle it is stands on the `Cut` that carries it. The driver is the source's own id.
    """

    located_at: datetime  # aware UTC
    latitude: float  # degrees, WGS 84
    longitude: float  # degrees, WGS 84
    heading: float | None = None  # degrees clockwise from north
    speed: float | None = None  # km/h
    address: str | None = None
    driver: str | None = None
    source_id: str | None = None


class Coordinates(Model, frozen=True, kw_only=True):
    longitude: float
    latitude: float


class Address(Model, frozen=True, kw_only=True):
    formatted: str | UnsetType = UNSET


class VehicleLocation(Model, frozen=True, kw_only=True):
    """A point-in-time record of a vehicle's location."""

    id: str
    provider: str
    vehicle: str
    located_at: Instant
    location: Coordinates
    metadata: TimeSeriesMetadata
    source_id: str | UnsetType = UNSET
    driver: str | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    heading: float | UnsetType = UNSET  # degrees
    speed: float | UnsetType = UNSET  # km/h
    raw: list[RawData] | UnsetType = UNSET


class Fuel(Model, frozen=True, kw_only=True):
    primary_percentage: Percentage
    secondary_percentage: Percentage | UnsetType = UNSET


class LatestVehicleLocation(Model, frozen=True, kw_only=True):
    """The latest record of a vehicle's location according to the provider."""

    provider: str
    vehicle: str | Vehicle
    located_at: Instant
    location: Coordinates
    driver: str | Driver | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    heading: float | UnsetType = UNSET  # degrees
    speed: float | UnsetType = UNSET  # km/h
    odometer: float | UnsetType = UNSET  # km
    fuel: Fuel | UnsetType = UNSET
    engine_state: EngineState | UnsetType = UNSET
    engine_runtime: int | UnsetType = UNSET  # ms
    raw: list[RawData] | UnsetType = UNSET
