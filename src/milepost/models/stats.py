"""Vehicle statistics: twelve types of readings, each with its own value field and unit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from milepost.models.meta import Instant, Model, RawData, TimeSeriesMetadata
from milepost.models.vehicle import Vehicle

EngineState = Literal["on", "off", "idle"]
ENGINE_STATES: tuple[EngineState, ...] = get_args(EngineState)

StatType = Literal[
    "engine_state", "odometer", "total_fuel_consumption", "fuel_level", "engine_runtime",
    "engine_oil_percentage", "engine_oil_pressure", "engine_oil_temperature",
    "engine_coolant_temperature", "coolant_percentage", "engine_rpm", "battery_voltage",
]  # fmt: skip
STAT_TYPES: tuple[StatType, ...] = get_args(StatType)

VALUE_FIELDS: dict[StatType, str] = {
    "engine_state": "state",
    "odometer": "odometer",  # km
    "total_fuel_consumption": "fuelConsumed",  # litres
    "fuel_level": "fuelPercentage",  # %
    "engine_runtime": "duration",  # ms
    "engine_oil_percentage": "percentage",  # %
    "engine_oil_pressure": "pressure",  # psi
    "engine_oil_temperature": "temperature",  # °C
    "engine_coolant_temperature": "temperature",  # °C
    "coolant_percentage": "percentage",  # %
    "engine_rpm": "rpm",
    "battery_voltage": "voltage",  # V
}
"""The field that carries the value of each type on the wire."""


class StatReading(msgspec.Struct, frozen=True, gc=False):
    """One reading of one vehicle, as a mapping hands it to the store.

    `value` is in the unit that `VALUE_FIELDS` states; an engine state is its index in ENGINE_STATES.
    """

    type: StatType
    at: datetime  # aware UTC
    value: float
    source_id: str | None = None


class VehicleStatLog(Model, frozen=True, kw_only=True):
    """A point-in-time reading of a vehicle; exactly one value field is there, by `type`."""

    id: str
    type: StatType
    provider: str
    timestamp: Instant
    vehicle: str | Vehicle
    metadata: TimeSeriesMetadata
    source_id: str | UnsetType = UNSET
    state: EngineState | UnsetType = UNSET
    odometer: float | UnsetType = UNSET  # km
    fuel_consumed: float | UnsetType = UNSET  # litres
    fuel_percentage: float | UnsetType = UNSET  # %
    duration: int | UnsetType = UNSET  # ms
    percentage: float | UnsetType = UNSET  # %
    pressure: float | UnsetType = UNSET  # psi
    temperature: float | UnsetType = UNSET  # °C
    rpm: float | UnsetType = UNSET
    voltage: float | UnsetType = UNSET  # V
    raw: list[RawData] | UnsetType = UNSET
