"""The simulated Motive's vehicle locations: where vehicles are, and a vehicle's history with its readings.

A record is a position, and what the bus said at that very second. Readings of the world between two
positions have no record to stand in; the vendor would not show them either.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from milepost import units
from milepost.kit.world import Assignment, VehicleCard, Window
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatType
from milepost.providers.motive.sim_dialect import (
    Ask,
    Declined,
    at_wheel,
    begins,
    brief_driver,
    brief_vehicle,
    device,
    drivers_by_id,
    ms,
    page,
    read_days,
    spell,
    uuid_of,
    write,
)

_LONGEST_DAYS = 93  # “three months”
_UTC = ZoneInfo("UTC")
_TYPES: tuple[StatType, ...] = (
    "engine_state", "odometer", "engine_runtime", "total_fuel_consumption", "fuel_level",
    "battery_voltage",
)  # fmt: skip
_STATES = {"on": "vehicle_moving", "idle": "vehicle_stopped", "off": "engine_stop"}
_HOUR_MS = 3_600_000

Values = Mapping[StatType, Mapping[datetime, float]]


def list_current(ask: Ask) -> bytes:
    """List where active vehicles are; one that was never heard of is not in the list."""
    cards = drivers_by_id(ask.world)
    found = [
        (vehicle, fix)
        for vehicle in ask.world.vehicles
        if (fix := ask.world.latest_fix(vehicle.id, ask.now))
    ]

    def show(each: tuple[VehicleCard, Fix]) -> dict[str, Any]:
        vehicle, fix = each
        said = {
            kind: reading.value
            for kind in _TYPES
            if (reading := ask.world.latest_reading(vehicle.id, kind, ask.now))
        }
        state = ENGINE_STATES[int(said.pop("engine_state"))] if "engine_state" in said else None
        driver = at_wheel(ask.world, vehicle.id, ask.now)
        at = fix.located_at
        return {
            **brief_vehicle(vehicle),
            "current_location": {
                **_place(fix),
                "kph": fix.speed,
                **_counters(ask, vehicle, said),
                "fuel_primary_remaining_percentage": said.get("fuel_level"),
                "fuel_secondary_remaining_percentage": None,
                "type": _STATES[state] if state else "breadcrumb",
                "id": uuid_of("location", vehicle.id, ms(at)),
            },
            "current_driver": brief_driver(cards.get(driver or "")),
        }

    return write(page(ask, found, "vehicles", "vehicle", show))


def show_history(ask: Ask, vehicle_id: str) -> bytes:
    """Show all records of a vehicle on some UTC days at once; there are no pages."""
    vehicle = next((v for v in ask.world.vehicles if v.id == vehicle_id), None)
    if vehicle is None:
        raise Declined(404, "vehicle not found")
    first, last = read_days(ask, _UTC, _LONGEST_DAYS)
    start, end = begins(first, _UTC), begins(last, _UTC) + timedelta(days=1)
    windows = ask.world.held(vehicle.id, start, end, ask.now)
    seats = [
        a
        for a in ask.world.assignments(start, min(end, ask.now))
        if a.vehicle_id == vehicle.id and not a.passenger
    ]
    rows = [row for window in windows for row in _show_window(ask, vehicle, window, seats)]
    return write({"vehicle_locations": [{"vehicle_location": row} for row in rows]})


def _show_window(
    ask: Ask, vehicle: VehicleCard, window: Window, seats: list[Assignment]
) -> list[dict[str, Any]]:
    drivers = {id_: brief_driver(card) for id_, card in drivers_by_id(ask.world).items()}
    starts = [seat.starts_at for seat in seats]
    values: Values = {
        kind: {r.at: r.value for r in ask.world.readings(vehicle.id, kind, *window)}
        for kind in _TYPES
    }
    shown: list[dict[str, Any]] = []
    gateway, before, starting = device(vehicle), "off", False
    for fix in ask.world.fixes(vehicle.id, *window):
        at = fix.located_at
        said = {kind: read[at] for kind, read in values.items() if at in read}
        state, kind = said.pop("engine_state", None), "breadcrumb"
        if starting:
            kind, starting = _STATES["idle"], False
        if state is not None:
            name = ENGINE_STATES[int(state)]
            kind = "engine_start" if before == "off" and name != "off" else _STATES[name]
            # Who starts the engine and stays is told of twice: that it runs, then that nothing moves.
            starting = kind == "engine_start" and name == "idle"
            before = name
        speed = fix.speed
        if speed is not None and not ask.metric:
            speed = round(speed / units.KM_PER_MILE, 3)
        shown.append(
            {
                **_place(fix),
                "id": uuid_of("location", vehicle.id, ms(at)),
                "type": kind,
                "speed": speed,
                "battery_voltage": said.get("battery_voltage"),
                **_counters(ask, vehicle, said),
                "fuel_primary_remaining_percentage": said.get("fuel_level"),
                "fuel_secondary_remaining_percentage": None,
                "driver": drivers.get(_driver(seats, starts, at) or ""),
                "veh_range": None,
                "hvb_state_of_charge": None,
                "hvb_charge_status": None,
                "hvb_charge_source": None,
                "hvb_lifetime_energy_output": None,
                "eld_device": gateway,
            }
        )
    return shown


def _place(fix: Fix) -> dict[str, Any]:
    return {
        "located_at": spell(fix.located_at),
        "lat": fix.latitude,
        "lon": fix.longitude,
        "description": fix.address,
        "bearing": fix.heading,
    }


def _counters(ask: Ask, vehicle: VehicleCard, said: Mapping[StatType, float]) -> dict[str, Any]:
    """Show odometer, engine hours and fuel; without the engine's bus the dashboard's own counts only."""
    km, run, fuel = (
        said.get("odometer"),
        said.get("engine_runtime"),
        said.get("total_fuel_consumption"),
    )
    odometer = None if km is None else ask.distance(km * 1000)
    hours = None if run is None else run / _HOUR_MS
    with_bus = vehicle.diagnostics
    return {
        "odometer": odometer,
        "true_odometer": odometer if with_bus else None,
        "engine_hours": hours,
        "true_engine_hours": hours if with_bus else None,
        "fuel": None if fuel is None else ask.fuel(fuel),
    }


def _driver(seats: list[Assignment], starts: list[datetime], at: datetime) -> str | None:
    number = bisect.bisect_right(starts, at) - 1
    if number < 0:
        return None
    seat = seats[number]
    ends_at = seat.ends_at or datetime.max.replace(tzinfo=UTC)
    return seat.driver_id if at < ends_at else None
