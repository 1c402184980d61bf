"""The columns that a CSV of tracks may have: what each is called, and in which unit it then is. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from milepost import units
from milepost.models.stats import StatType

Convert = Callable[[float], float]


class Measure(msgspec.Struct, frozen=True):
    """A column of numbers: what it measures, and how its unit becomes the model's."""

    of: StatType | str  # a type of reading, or "speed" or "heading"
    convert: Convert
    least: float = 0.0
    most: float = 1e12


def _same(value: float) -> float:
    return value


def _hours(value: float) -> float:
    return round(value * 3_600_000)


# Every way to write a column, spelt as `spelt` does: lower case, with one underscore between words.
TEXTS: dict[str, str] = {
    **dict.fromkeys(
        ("time", "timestamp", "datetime", "date_time", "located_at", "gps_time", "recorded_at"),
        "time",
    ),
    **dict.fromkeys(("time_utc", "timestamp_utc", "datetime_utc", "utc", "gps_time_utc"), "time_utc"),
    **dict.fromkeys(("unix_time", "epoch", "epoch_s", "unix_s", "timestamp_s"), "epoch_s"),
    **dict.fromkeys(("epoch_ms", "unix_ms", "unix_time_ms", "timestamp_ms"), "epoch_ms"),
    "date": "date",
    **dict.fromkeys(("latitude", "lat", "gps_latitude"), "latitude"),
    **dict.fromkeys(("longitude", "lon", "lng", "long", "gps_longitude"), "longitude"),
    **dict.fromkeys(
        ("vehicle", "vehicle_name", "unit", "unit_number", "truck", "truck_number", "asset",
         "asset_name", "vehicle_number"),
        "vehicle",
    ),
    **dict.fromkeys(("vehicle_id", "asset_id", "unit_id", "device_id"), "vehicle_id"),
    "vin": "vin",
    **dict.fromkeys(("driver", "driver_name"), "driver"),
    **dict.fromkeys(("driver_id", "driver_username", "username"), "driver_id"),
    **dict.fromkeys(("address", "location", "place"), "address"),
    "engine_state": "engine_state",
    **dict.fromkeys(("ignition", "ignition_state"), "ignition"),
}  # fmt: skip

_PERCENT = Measure("fuel_level", _same, 0, 100)
_KMH = Measure("speed", lambda kmh: round(kmh, 2), 0, 400)
MEASURES: dict[str, Measure] = {
    **dict.fromkeys(("speed_kmh", "speed_km_h", "speed_kph"), _KMH),
    "speed_mph": Measure("speed", units.kmh_from_mph, 0, 250),
    **dict.fromkeys(
        ("speed_m_s", "speed_ms", "speed_mps"),
        Measure("speed", lambda v: round(v * 3.6, 2), 0, 110),
    ),
    **dict.fromkeys(
        ("speed_kn", "speed_knots"), Measure("speed", lambda v: round(v * 1.852, 2), 0, 215)
    ),
    **dict.fromkeys(
        ("heading", "heading_deg", "bearing", "course", "direction_deg", "heading_degrees"),
        Measure("heading", lambda v: v % 360, -360, 360),
    ),
    **dict.fromkeys(
        ("odometer_km", "odometer_kilometers", "odometer_kilometres"),
        Measure("odometer", lambda km: round(km, 3)),
    ),
    **dict.fromkeys(("odometer_mi", "odometer_miles"), Measure("odometer", units.km_from_miles)),
    **dict.fromkeys(
        ("odometer_m", "odometer_meters", "odometer_metres"),
        Measure("odometer", units.km_from_metres),
    ),
    **dict.fromkeys(
        ("engine_hours", "engine_hours_h", "engine_runtime_h"), Measure("engine_runtime", _hours)
    ),
    "engine_runtime_s": Measure("engine_runtime", units.ms_from_seconds),
    **dict.fromkeys(("fuel_percent", "fuel_level_percent", "fuel_pct", "fuel_level_pct"), _PERCENT),
    **dict.fromkeys(
        ("fuel_used_l", "fuel_used_litres", "fuel_used_liters"),
        Measure("total_fuel_consumption", lambda v: round(v, 2)),
    ),
    **dict.fromkeys(
        ("fuel_used_gal", "fuel_used_gallons"),
        Measure("total_fuel_consumption", units.litres_from_gallons),
    ),
    **dict.fromkeys(("rpm", "engine_rpm"), Measure("engine_rpm", _same, 0, 20_000)),
    **dict.fromkeys(
        ("battery_v", "battery_voltage_v", "battery_volts"),
        Measure("battery_voltage", lambda v: round(v, 2), 0, 100),
    ),
    "coolant_c": Measure("engine_coolant_temperature", lambda v: round(v, 2), -80, 300),
    "coolant_f": Measure(
        "engine_coolant_temperature", lambda f: round((f - 32) / 1.8, 2), -112, 572
    ),
}

# A number without a unit means nothing; these are the columns that want one.
UNITS_WANTED: dict[str, str] = {
    "speed": "speed_kmh, speed_mph, speed_mps or speed_knots",
    "odometer": "odometer_km, odometer_mi or odometer_m",
    "fuel_used": "fuel_used_l or fuel_used_gal",
    "coolant": "coolant_c or coolant_f",
}


def spelt(header: str) -> str:
    """Spell a header as the tables here do: `Speed [km/h]` is `speed_km_h`, `Fuel %` is `fuel_percent`."""
    return re.sub(r"[^a-z0-9]+", "_", header.lower().replace("%", " percent ")).strip("_")
