"""The simulated Motive's reports, counted by the company's own days: utilisation, and miles by state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from milepost.kit.world import Usage, VehicleCard
from milepost.providers.motive.sim_dialect import (
    Ask,
    begins,
    brief_vehicle,
    page,
    read_days,
    write,
    zone_name,
)

_NO_DATA = "No data available for the vehicle in given time period"
_DAY = timedelta(days=1)


def list_utilization(ask: Ask) -> bytes:
    """Report every vehicle; one without data is zeros and a message."""
    first, last = read_days(ask, ask.zone)
    start, end = begins(first, ask.zone), min(begins(last + _DAY, ask.zone), ask.now)

    def show(vehicle: VehicleCard) -> dict[str, Any]:
        usage = ask.world.usage(vehicle.id, start, end) if start < end else None
        if usage is None or not (usage.metres or usage.running_ms):
            return _row(ask, vehicle, Usage(metres=0, running_ms=0), _NO_DATA, None)
        fix = ask.world.latest_fix(vehicle.id, end)
        # An offset here, where all else says Z.
        seen = fix.located_at.astimezone(ask.zone).isoformat(timespec="seconds") if fix else None
        return _row(ask, vehicle, usage, "", seen)

    return write(page(ask, ask.world.vehicles, "vehicle_utilizations", "vehicle_utilization", show))


def list_ifta(ask: Ask) -> bytes:
    """Report miles by vehicle and state, from the first day's midnight to the last day's end."""
    first, last = read_days(ask, ask.zone)
    start, end = begins(first, ask.zone), min(begins(last + _DAY, ask.zone), ask.now)
    found = [
        (vehicle, state, metres)
        for vehicle in ask.world.vehicles
        if start < end
        for state, metres in sorted(ask.world.mileage(vehicle.id, start, end).items())
    ]

    def show(each: tuple[VehicleCard, str, int]) -> dict[str, Any]:
        vehicle, state, metres = each
        return {
            "jurisdiction": state,
            "vehicle": brief_vehicle(vehicle),
            "distance": ask.distance(metres),
            "time_zone": zone_name(ask.world.fleet.timezone),
        }

    return write(page(ask, found, "ifta_trips", "ifta_trip", show))


def _row(
    ask: Ask, vehicle: VehicleCard, usage: Usage, message: str, seen: str | None
) -> dict[str, Any]:
    idle, fuel = (usage.idling_ms or 0) / 1000, ask.fuel((usage.fuel_ml or 0) / 1000)
    driving = usage.running_ms / 1000 - idle
    running = usage.running_ms / 1000
    return {
        "driving_fuel": fuel,
        "driving_time": driving,
        "idle_fuel": 0.0,
        "idle_time": idle,
        "last_located_at": seen,
        "message": message,
        "total_distance": ask.distance(usage.metres),
        "total_fuel": fuel,
        "utilization_percentage": round(100 * driving / running, 1) if running else 0.0,
        "vehicle": brief_vehicle(vehicle),
    }
