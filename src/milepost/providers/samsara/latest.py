"""Joins Samsara's snapshots of stats into one latest location a vehicle; pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from milepost import clock, units
from milepost.ids import Identity
from milepost.kit.salvage import UNREADABLE, Window, text
from milepost.models.location import Address, Coordinates, Fuel, LatestVehicleLocation
from milepost.models.stats import ENGINE_STATES, EngineState
from milepost.providers.samsara import shapes
from milepost.providers.samsara.readings import STATES, STATS

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
    given: dict[str, Raw], identity: Identity, provider: str, now: datetime
) -> tuple[LatestVehicleLocation, bytes] | None:
    """Build a vehicle's latest location and the JSON that it comes of; None without a usable fix."""
    source_id = _read(given, "id", shapes.SourceId)
    gps = _read(given, "gps", shapes.Gps)
    floor, ceiling = Window(now).bounds()
    if source_id is None or gps is None or not floor <= gps.time < ceiling:
        return None
    fuel = _number(given, "fuelPercent", "fuelPercents")
    odometer = _number(given, "obdOdometerMeters") or _number(given, "gpsOdometerMeters")
    runtime = _number(given, "obdEngineSeconds") or _number(given, "syntheticEngineSeconds")
    speed = gps.speedMilesPerHour
    address = text(gps.reverseGeo.formattedLocation if gps.reverseGeo else None)
    built = LatestVehicleLocation(
        provider=provider,
        vehicle=identity.of("vehicle", str(source_id)),
        located_at=clock.iso(gps.time.astimezone(UTC)),
        location=Coordinates(longitude=gps.longitude, latitude=gps.latitude),
        address=UNSET if address is UNSET else Address(formatted=address),
        heading=UNSET if gps.headingDegrees is None else gps.headingDegrees,
        speed=UNSET if speed is None else units.kmh_from_mph(speed),
        odometer=UNSET if odometer is None else odometer,
        fuel=UNSET if fuel is None else Fuel(primary_percentage=fuel),
        engine_state=_engine_state(given),
        engine_runtime=UNSET if runtime is None else int(runtime),
    )
    return built, msgspec.json.encode(given)


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


def _engine_state(given: dict[str, Raw]) -> EngineState | msgspec.UnsetType:
    read = _read(given, "engineState", shapes.Word)
    index = STATES.get(read.value) if read is not None else None
    return UNSET if index is None else ENGINE_STATES[int(index)]
