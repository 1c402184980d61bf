"""Vehicles: what a fleet drives."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from milepost.models.derived import DerivedVehicle
from milepost.models.group import Group
from milepost.models.meta import EntityMetadata, Instant, Model, RawData, State

FuelType = Literal["gasoline", "diesel", "propane", "electric", "hybrid_gasoline", "hybrid_diesel"]


class LicensePlate(Model, frozen=True, kw_only=True):
    state: State | UnsetType = UNSET
    number: str | UnsetType = UNSET


class DeviceReference(Model, frozen=True, kw_only=True):
    """What an expanded device has at the least; the whole one is a `device.Device`, which refers back here."""

    id: str


class Vehicle(Model, frozen=True, kw_only=True):
    """A vehicle of a fleet, as its provider lists it."""

    id: str
    source_id: str
    provider: str
    status: Literal["active", "inactive"]
    name: str | UnsetType = UNSET
    vin: str | UnsetType = UNSET
    make: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    year: int | UnsetType = UNSET
    groups: list[str | Group] | UnsetType = UNSET
    devices: list[str | DeviceReference] | UnsetType = UNSET
    license_plate: LicensePlate | UnsetType = UNSET
    fuel_type: FuelType | UnsetType = UNSET
    fuel_efficiency: float | UnsetType = UNSET
    fuel_tank_capacity: float | UnsetType = UNSET  # litres
    created_at: Instant | UnsetType = UNSET  # at the source
    updated_at: Instant | UnsetType = UNSET  # at the source
    derived: DerivedVehicle | UnsetType = UNSET  # an extension, on request
    metadata: EntityMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
