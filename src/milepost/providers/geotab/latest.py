"""Turns Geotab's present status of devices into latest locations; pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.salvage import UNREADABLE, Window
from milepost.models.location import Coordinates, Fuel, LatestVehicleLocation
from milepost.models.stats import ENGINE_STATES, EngineState
from milepost.models.trailer import LatestTrailerLocation
from milepost.providers.geotab import readings, shapes
from milepost.providers.geotab.wire import numbered, ref

ALONG = [
    "DiagnosticOdometerId", "DiagnosticFuelLevelId", "DiagnosticEngineHoursId",
    "DiagnosticIgnitionId",
]  # fmt: skip
"""The diagnostics whose last values are asked for beside the positions."""


def read(rows: Iterable[Raw], now: datetime) -> list[tuple[str, shapes.DeviceStatusInfo, bytes]]:
    """Read where devices are now, by id; what has no place or no plausible time is left out."""
    found: list[tuple[str, shapes.DeviceStatusInfo, bytes]] = []
    for row in rows:
        try:
            status = msgspec.json.decode(numbered(bytes(row)), type=shapes.DeviceStatusInfo)
        except UNREADABLE:
            continue
        id_, at = ref(status.device), status.dateTime
        if id_ is None or at is None or Window(now).verdict(at) is not None:
            continue
        if _place(status) is not None:
            found.append((id_, status, bytes(row)))
    return found


def vehicle_location(
    vehicle: str,
    status: shapes.DeviceStatusInfo,
    measures: dict[str, str | None],
    identity: Identity,
    provider: str,
) -> LatestVehicleLocation:
    values = {
        name: reading
        for each in status.statusData or ()
        if (name := ref(each.diagnostic) or "") in readings.SOURCES and each.data is not None
        for reading in [
            readings.value_of(name, readings.SOURCES[name], each.data, measures.get(name))
        ]
        if not isinstance(reading, str)
    }
    driver, fuel = ref(status.driver), values.get("DiagnosticFuelLevelId")
    runtime = values.get("DiagnosticEngineHoursId")
    return LatestVehicleLocation(
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        located_at=clock.iso(status.dateTime or clock.now()),
        location=_place(status) or Coordinates(longitude=0, latitude=0),
        driver=(
            identity.of("driver", driver) if driver and not status.isHistoricLastDriver else UNSET
        ),
        heading=_heading(status),
        speed=_speed(status),
        odometer=values.get("DiagnosticOdometerId", UNSET),
        fuel=UNSET if fuel is None else Fuel(primary_percentage=fuel),
        engine_state=_engine(status, values.get("DiagnosticIgnitionId")),
        engine_runtime=UNSET if runtime is None else round(runtime),
    )


def trailer_location(
    trailer: str, status: shapes.DeviceStatusInfo, identity: Identity, provider: str
) -> LatestTrailerLocation:
    return LatestTrailerLocation(
        provider=provider,
        trailer=identity.of("trailer", trailer),
        located_at=clock.iso(status.dateTime or clock.now()),
        location=_place(status) or Coordinates(longitude=0, latitude=0),
        heading=_heading(status),
        speed=_speed(status),
    )


def _place(status: shapes.DeviceStatusInfo) -> Coordinates | None:
    latitude, longitude = status.latitude, status.longitude
    if latitude is None or longitude is None or not (-90 <= latitude <= 90):
        return None
    return Coordinates(longitude=longitude, latitude=latitude) if -180 <= longitude <= 180 else None


def _heading(status: shapes.DeviceStatusInfo) -> float | UnsetType:
    """Return the bearing; -1 says that it is not known."""
    bearing = status.bearing
    return UNSET if bearing is None or not 0 <= bearing <= 360 else bearing


def _speed(status: shapes.DeviceStatusInfo) -> float | UnsetType:
    speed = status.speed
    return UNSET if speed is None or not 0 <= speed <= 1000 else speed


def _engine(status: shapes.DeviceStatusInfo, ignition: float | None) -> EngineState | UnsetType:
    if status.isDriving:
        return "on"
    if ignition is None:
        return UNSET
    return "off" if ENGINE_STATES[int(ignition)] == "off" else "idle"
