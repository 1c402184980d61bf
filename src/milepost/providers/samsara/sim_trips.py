"""The simulated vendor's trips, on its legacy API: one vehicle a call, no pages, no ids, plain-text refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import Journey, Spot, World
from milepost.providers.samsara.sim_dialect import Declined, instant, milliseconds

_LONGEST = timedelta(days=90)
_REFUSAL = "rpc error: code = InvalidArgument desc = "


def list_trips(
    request: SimRequest,
    world: World,
    now: datetime,
    conditions: Conditions,  # noqa: ARG001  Every endpoint is asked alike.
) -> bytes:
    """List the complete trips that overlap the window; the ongoing one is not there yet."""
    vehicle_id = str(_number(request, "vehicleId"))
    start, end = instant(_number(request, "startMs")), instant(_number(request, "endMs"))
    if start > end:
        raise _refused("startMs must be before endMs")
    if end - start > _LONGEST:
        raise _refused("requested time range cannot exceed 90 days")
    known = {vehicle.id for vehicle in world.vehicles}
    trips = world.trips(vehicle_id, start, end, now) if vehicle_id in known else []
    return msgspec.json.encode({"trips": [_show(trip) for trip in trips]})


def _show(trip: Journey) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "startMs": milliseconds(trip.starts_at),
        "endMs": milliseconds(trip.ends_at),
        "driverId": int(trip.driver_id or 0),  # 0: nobody had signed in
        "codriverIds": [int(id_) for id_ in trip.codriver_ids],
        "assetIds": [],
        "distanceMeters": trip.metres,
        "tollMeters": 0,
        "startCoordinates": _coordinates(trip.origin),
        "endCoordinates": _coordinates(trip.destination),
    }
    if trip.fuel_ml is not None:
        shown["fuelConsumedMl"] = trip.fuel_ml
    if trip.odometer_m is not None:
        shown["startOdometer"], shown["endOdometer"] = trip.odometer_m
    for key, spot in (("startLocation", trip.origin), ("endLocation", trip.destination)):
        if spot.address:
            shown[key] = spot.address
    return shown


def _coordinates(spot: Spot) -> dict[str, float]:
    return {"latitude": spot.latitude, "longitude": spot.longitude}


def _number(request: SimRequest, name: str) -> int:
    text = request.argument(name)
    if not text:
        raise _refused(f"Missing parameter: {name}")
    # Fifteen digits are a vehicle's; a date of more than fourteen lies beyond what can be counted.
    most = 18 if name == "vehicleId" else 14
    if not text.isascii() or not text.isdigit() or len(text) > most:
        raise _refused(f"Invalid parameter: {name}")
    return int(text)


def _refused(reason: str) -> Declined:
    return Declined(400, _REFUSAL + reason, plain=True)
