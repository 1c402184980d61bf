"""Turns Samsara's snapshots of stats into latest locations, one a vehicle or trailer; pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock, units
from milepost.ids import Identity
from milepost.kit.salvage import UNREADABLE, Window, text
from milepost.models.location import Address, Coordinates, Fuel, LatestVehicleLocation
from milepost.models.stats import ENGINE_STATES, EngineState
from milepost.models.trailer import LatestTrailerLocation
from milepost.providers.samsara import shapes
from milepost.providers.samsara.readings import STATES, STATS
from milepost.providers.samsara.seats import Seats

SNAPSHOTS = (
    ["gps", "engineStates", "obdOdometerMeters"],
    ["fuelPercents", "obdEngineSeconds", "gpsOdometerMeters"],
    ["syntheticEngineSeconds"],
)
"""The calls that a snapshot takes: three stat types each (README, trap 2)."""

_block = msgspec.json.Decoder(dict[str, Raw])


def join(pages: Iterable[Iterable[Raw]]) -> list[dict[str, Raw]]:
    """Join the entries of several snapshots by vehicle, in order of first appearance."""
    joined: dict[bytes, dict[str, Raw]] = {}
    for entries in pages:
        for body in entries:
            try:
                given = _block.decode(body)
            except UNREADABLE:
                continue
            if "id" in given:
                joined.setdefault(bytes(given["id"]), {}).update(given)
    return list(joined.values())


def location(
    given: dict[str, Raw], identity: Identity, provider: str, now: datetime, seats: Seats
) -> tuple[LatestVehicleLocation, bytes] | None:
    """Build a vehicle's latest location and the JSON that it comes of; None without a usable fix.

    The driver is who sat at the wheel at the time of the fix.
    """
    placed = _placed(given, now)
    if placed is None:
        return None
    source_id, gps = placed
    seat = seats.at(source_id, gps.time)
    fuel = _number(given, "fuelPercent", "fuelPercents")
    odometer = _number(given, "obdOdometerMeters") or _number(given, "gpsOdometerMeters")
    runtime = _number(given, "obdEngineSeconds") or _number(given, "syntheticEngineSeconds")
    built = LatestVehicleLocation(
        provider=provider,
        vehicle=identity.of("vehicle", source_id),
        driver=identity.of("driver", seat.driver) if seat else UNSET,
        located_at=clock.iso(gps.time.astimezone(UTC)),
        location=Coordinates(longitude=gps.longitude, latitude=gps.latitude),
        address=_address(gps),
        heading=UNSET if gps.headingDegrees is None else gps.headingDegrees,
        speed=_speed(gps),
        odometer=UNSET if odometer is None else odometer,
        fuel=UNSET if fuel is None else Fuel(primary_percentage=fuel),
        engine_state=_engine_state(given),
        engine_runtime=UNSET if runtime is None else int(runtime),
    )
    told = {**given, "driverAssignment": seat.body} if seat else given
    return built, msgspec.json.encode(told)


def trailer_location(
    body: Raw, identity: Identity, provider: str, now: datetime
) -> tuple[LatestTrailerLocation, bytes] | None:
    """Build a trailer's latest location and the JSON that it comes of; None without a usable fix."""
    try:
        placed = _placed(_block.decode(body), now)
    except UNREADABLE:
        return None
    if placed is None:
        return None
    source_id, gps = placed
    built = LatestTrailerLocation(
        provider=provider,
        trailer=identity.of("trailer", source_id),
        located_at=clock.iso(gps.time.astimezone(UTC)),
        location=Coordinates(longitude=gps.longitude, latitude=gps.latitude),
        address=_address(gps),
        heading=UNSET if gps.headingDegrees is None else gps.headingDegrees,
        speed=_speed(gps),
    )
    return built, bytes(body)


def _placed(given: dict[str, Raw], now: datetime) -> tuple[str, shapes.Gps] | None:
    """Return whose last known place it is, and the place; None where it cannot be used."""
    source_id = _read(given, "id", shapes.SourceId)
    gps = _read(given, "gps", shapes.Gps)
    floor, ceiling = Window(now).bounds()
    if source_id is None or gps is None or not floor <= gps.time < ceiling:
        return None
    return str(source_id), gps


def _address(gps: shapes.Gps) -> Address | UnsetType:
    formatted = text(gps.reverseGeo.formattedLocation if gps.reverseGeo else None)
    return UNSET if formatted is UNSET else Address(formatted=formatted)


def _speed(gps: shapes.Gps) -> float | UnsetType:
    speed = gps.speedMilesPerHour
    return UNSET if speed is None else units.kmh_from_mph(speed)


def _read(given: dict[str, Raw], key: str, shape: Any) -> Any:
    """Read one key if it is there and fits; a snapshot's field that does not is left out."""
    if key not in given:
        return None
    try:
        return msgspec.json.decode(given[key], type=shape)
    except UNREADABLE:
        return None


def _number(given: dict[str, Raw], key: str, source: str | None = None) -> float | None:
    read = _read(given, key, shapes.Number)
    stat = STATS[source or key]
    if read is None or not stat.low <= read.value <= stat.high:
        return None
    return stat.convert(read.value)


def _engine_state(given: dict[str, Raw]) -> EngineState | UnsetType:
    read = _read(given, "engineState", shapes.Word)
    index = STATES.get(read.value) if read is not None else None
    return UNSET if index is None else ENGINE_STATES[int(index)]
