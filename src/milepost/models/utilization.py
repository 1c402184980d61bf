"""Utilisation: how much a vehicle was used, kept a day at a time and answered for a range."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from milepost.models.meta import Day, Instant, Model, RawData, RecordMetadata
from milepost.models.vehicle import Vehicle


class UtilizationDurations(Model, frozen=True, kw_only=True):
    driving: int | UnsetType = UNSET  # ms
    idling: int | UnsetType = UNSET  # ms


class VehicleUtilizationDay(Model, frozen=True, kw_only=True):
    """The usage of one vehicle on one day."""

    id: str
    provider: str
    vehicle: str | Vehicle
    date: Day
    distance: float  # km
    fuel_consumed: float | UnsetType = UNSET  # litres
    durations: UtilizationDurations | UnsetType = UNSET
    metadata: RecordMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET


class VehicleUtilization(Model, frozen=True, kw_only=True):
    """The usage of one vehicle in a range of time: its days added up."""

    provider: str
    vehicle: str | Vehicle
    start_at: Instant
    end_at: Instant
    distance: float  # km
    fuel_consumed: float | UnsetType = UNSET  # litres
    durations: UtilizationDurations | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
