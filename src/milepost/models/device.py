"""Devices: the hardware in a vehicle that reports."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import UNSET, UnsetType

from milepost.models.meta import EntityMetadata, Instant, RawData
from milepost.models.vehicle import DeviceReference, Vehicle

DeviceType = Literal["tracker", "camera"]
DEVICE_TYPES: tuple[DeviceType, ...] = get_args(DeviceType)


class Device(DeviceReference, frozen=True, kw_only=True):
    """A device of a fleet, as its provider lists it; it may stand in `Vehicle.devices` as it is."""

    type: DeviceType
    source_id: str
    provider: str
    vehicle: str | Vehicle | UnsetType = UNSET
    description: str | UnsetType = UNSET
    serial_number: str | UnsetType = UNSET
    last_connected_at: Instant | UnsetType = UNSET
    created_at: Instant | UnsetType = UNSET  # at the source
    updated_at: Instant | UnsetType = UNSET  # at the source
    metadata: EntityMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
