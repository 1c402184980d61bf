"""The simulated vendor's stat types: what each is made of, and how a stretch of one is written.

The vendor counts in whole metres, seconds, millilitres, kPa, millivolts, thousandths of °C and mph.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost import units
from milepost.kit.world import VehicleCard, World
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatReading, StatType
from milepost.providers.samsara.sim_dialect import spell_millisecond
from milepost.providers.samsara.sim_faults import Codes, write_codes

Spell = Callable[[datetime], str]


class Series(msgspec.Struct, frozen=True):
    """How the vendor speaks one type of our readings, and which gateways have it."""

    type: StatType
    write: Callable[[float], int | str]
    needs_bus: bool | None = None  # None: any gateway


SERIES: dict[str, Series] = {
    "engineStates": Series("engine_state", lambda v: ENGINE_STATES[int(v)].capitalize()),
    "obdOdometerMeters": Series("odometer", lambda km: round(km * 1000), needs_bus=True),
    "gpsOdometerMeters": Series("odometer", lambda km: round(km * 1000), needs_bus=False),
    "obdEngineSeconds": Series("engine_runtime", lambda ms: round(ms / 1000), needs_bus=True),
    "syntheticEngineSeconds": Series(
        "engine_runtime", lambda ms: round(ms / 1000), needs_bus=False
    ),
    "fuelPercents": Series("fuel_level", round),
    "fuelConsumedMilliliters": Series(
        "total_fuel_consumption", lambda litres: round(litres * 1000)
    ),
    "engineRpm": Series("engine_rpm", round),
    "engineCoolantTemperatureMilliC": Series(
        "engine_coolant_temperature", lambda c: round(c * 1000)
    ),
    "engineOilPressureKPa": Series(
        "engine_oil_pressure", lambda psi: round(psi / units.PSI_PER_KPA)
    ),
    "batteryMilliVolts": Series("battery_voltage", lambda v: round(v * 1000)),
}

KNOWN_TYPES = frozenset(
    """ambientAirTemperatureMilliC barometricPressurePa defLevelMilliPercent ecuSpeedMph
    engineImmobilizer engineLoadPercent faultCodes gps gpsDistanceMeters idlingDurationMilliseconds
    intakeManifoldTemperatureMilliC nfcCardScans evStateOfChargeMilliPercent evChargingStatus
    evChargingEnergyMicroWh evChargingVoltageMilliVolt evChargingCurrentMilliAmp
    evConsumedEnergyMicroWh evRegeneratedEnergyMicroWh evBatteryVoltageMilliVolt
    evBatteryCurrentMilliAmp evBatteryStateOfHealthMilliPercent
    evAverageBatteryTemperatureMilliCelsius evDistanceDrivenMeters spreaderLiquidRate
    spreaderGranularRate spreaderPrewetRate spreaderAirTemp spreaderRoadTemp spreaderOnState
    spreaderActive spreaderBlastState spreaderGranularName spreaderPrewetName spreaderLiquidName
    spreaderPlowStatus seatbeltDriver tellTales ecuDoorStatus""".split()  # noqa: SIM905  Four times as many lines.
).union(SERIES, [f"auxInput{number}" for number in range(1, 14)])
"""The types of API version 2025-10-23; those that are no series here are accepted and have no data."""

SINGULAR = {
    "engineStates": "engineState",
    "fuelPercents": "fuelPercent",
    "nfcCardScans": "nfcCardScan",
}
"""Where the snapshot's key differs from the type's name."""

_encoder = msgspec.json.Encoder()


class ReverseGeo(msgspec.Struct, frozen=True, rename="camel"):
    formatted_location: str


class Position(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """A `gps` reading; `decorations` ride on feed and history only."""

    time: str
    latitude: float
    longitude: float
    heading_degrees: float | None = None
    speed_miles_per_hour: float | None = None
    reverse_geo: ReverseGeo | None = None
    is_ecu_speed: bool | None = None
    decorations: dict[str, Any] | None = None


class Value(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A reading of any other type."""

    time: str
    value: int | str
    decorations: dict[str, Any] | None = None


Reading = Position | Value | Codes


class Piece(msgspec.Struct, frozen=True):
    """A stretch of one series as JSON, without the brackets around it."""

    count: int
    json: bytes


PIECE = timedelta(hours=1)
Shelf = MutableMapping[tuple[str, str, tuple[str, ...], datetime], Piece]
"""Whole hours written ahead. An hour that is held whole never changes, so it can be kept for good."""


def instants(
    world: World, vehicle: VehicleCard, kind: str, start: datetime, end: datetime
) -> list[datetime]:
    """Return when the readings of a series in [start, end) were taken."""
    if kind == "gps":
        return [fix.located_at for fix in world.fixes(vehicle.id, start, end)]
    if kind == "faultCodes":
        return [reading.at for reading in world.faults(vehicle.id, start, end)]
    return [reading.at for reading in _values(world, vehicle, kind, start, end)]


def show_series(
    world: World,
    vehicle: VehicleCard,
    kind: str,
    decorations: tuple[str, ...],
    start: datetime,
    end: datetime,
) -> list[Reading]:
    """Return the readings of [start, end) as feed and history show them, decorated if asked."""
    if kind == "gps":
        fixes = world.fixes(vehicle.id, start, end)
        ats = [fix.located_at for fix in fixes] if decorations else []
        worn = _decorate(world, vehicle, decorations, ats)
        return _show_fixes(fixes, vehicle, spell_millisecond, worn)
    if kind == "faultCodes":
        return _show_faults(world, vehicle, decorations, start, end)
    readings = _values(world, vehicle, kind, start, end)
    worn = _decorate(world, vehicle, decorations, [r.at for r in readings] if decorations else [])
    write = SERIES[kind].write if kind in SERIES else round
    return [
        Value(spell_millisecond(r.at), write(r.value), worn[i] if worn else None)
        for i, r in enumerate(readings)
    ]


def show_latest(
    world: World,
    vehicle: VehicleCard,
    kind: str,
    at: datetime,
    spell: Spell,
    decorations: tuple[str, ...] = (),
) -> Reading | None:
    """Return the last reading that is known at an instant."""
    if kind == "gps":
        fix = world.latest_fix(vehicle.id, at)
        if fix is None:
            return None
        worn = _decorate(world, vehicle, decorations, [fix.located_at])
        return _show_fixes([fix], vehicle, spell, worn)[0]
    if kind == "faultCodes":
        fault = world.latest_faults(vehicle.id, at)
        if fault is None:
            return None
        worn = _decorate(world, vehicle, decorations, [fault.at])
        return write_codes(fault, vehicle, spell(fault.at), worn[0] if worn else None)
    if not _has(vehicle, kind):
        return None
    reading = world.latest_reading(vehicle.id, SERIES[kind].type, at)
    if reading is None:
        return None
    worn = _decorate(world, vehicle, decorations, [reading.at])
    value = SERIES[kind].write(reading.value)
    return Value(spell(reading.at), value, worn[0] if worn else None)


def write_piece(readings: Sequence[Reading]) -> Piece:
    return Piece(len(readings), _encoder.encode(readings)[1:-1])


def _has(vehicle: VehicleCard, kind: str) -> bool:
    series = SERIES.get(kind)
    return series is not None and series.needs_bus in (None, vehicle.diagnostics)


def _values(
    world: World, vehicle: VehicleCard, kind: str, start: datetime, end: datetime
) -> Sequence[StatReading]:
    if not _has(vehicle, kind):
        return []
    return world.readings(vehicle.id, SERIES[kind].type, start, end)


def _show_fixes(
    fixes: Sequence[Fix],
    vehicle: VehicleCard,
    spell: Spell,
    worn: list[dict[str, Any]] | None,
) -> list[Reading]:
    places: dict[str, ReverseGeo] = {}
    found: list[Reading] = []
    for i, fix in enumerate(fixes):
        place = None
        if fix.address is not None:
            place = places.get(fix.address) or places.setdefault(
                fix.address, ReverseGeo(fix.address)
            )
        speed = fix.speed
        if speed is not None:
            # Three decimals of mph bring back two decimals of km/h; a standing truck's is an integer.
            speed = round(speed / units.KM_PER_MILE, 3) or 0
        found.append(
            Position(
                spell(fix.located_at),
                fix.latitude,
                fix.longitude,
                fix.heading or (None if fix.heading is None else 0),
                speed,
                place,
                vehicle.diagnostics and bool(speed),
                worn[i] if worn else None,
            )
        )
    return found


def _show_faults(
    world: World,
    vehicle: VehicleCard,
    decorations: tuple[str, ...],
    start: datetime,
    end: datetime,
) -> list[Reading]:
    faults = world.faults(vehicle.id, start, end)
    worn = _decorate(world, vehicle, decorations, [f.at for f in faults] if decorations else [])
    return [
        write_codes(fault, vehicle, spell_millisecond(fault.at), worn[i] if worn else None)
        for i, fault in enumerate(faults)
    ]


def _decorate(
    world: World, vehicle: VehicleCard, decorations: tuple[str, ...], ats: list[datetime]
) -> list[dict[str, Any]] | None:
    """Return, for each instant, what the vehicle had last said of each decorating type."""
    if not decorations or not ats:
        return None
    worn: list[dict[str, Any]] = [{} for _ in ats]
    for kind in decorations:
        first = show_latest(world, vehicle, kind, ats[0], spell_millisecond)
        end = ats[-1] + timedelta(milliseconds=1)
        taken = instants(world, vehicle, kind, ats[0], end)
        shown = show_series(world, vehicle, kind, (), ats[0], end)
        last, then = first, 0
        for i, at in enumerate(ats):
            while then < len(taken) and taken[then] <= at:
                last, then = shown[then], then + 1
            if last is not None:
                worn[i][kind] = _bare(last)
    return worn


def _bare(reading: Reading) -> dict[str, Any]:
    """Decorations carry the value alone, not when it was taken."""
    shown: dict[str, Any] = msgspec.to_builtins(reading)
    del shown["time"]
    return shown
