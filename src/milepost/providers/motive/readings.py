"""Turns a vehicle's history at Motive into positions and readings; pure, and the hot path of a sync.

One record is both: a position, and what the vehicle's bus said then. An answer is decoded as a whole; only
where that fails is it gone through record by record. README, “Speed”, has the figures.
"""

from __future__ import annotations

import bisect
import functools
import operator
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock, units
from milepost.ids import Identity
from milepost.kit.contract import Cut, Record, Reject
from milepost.kit.days import DAY
from milepost.kit.salvage import (
    FIRST_PLAUSIBLE,
    UNREADABLE,
    Window,
    clean,
    misfit,
    text,
    whole,
)
from milepost.models.location import Address, Coordinates, Fix, Fuel, LatestVehicleLocation
from milepost.models.stats import ENGINE_STATES, EngineState, StatReading
from milepost.providers.motive import shapes
from milepost.providers.motive.mapping import km, known, litres

SCHEMA = "motive.vehicle_location"
PATH = "vehicle_locations"

ON, OFF, IDLE = (float(ENGINE_STATES.index(state)) for state in ("on", "off", "idle"))

# What the type of a record says of the engine; README, “Engine states”.
RUNNING = {"engine_start", "ignition_on", "vehicle_moving", "gps_moving"}
RESTING = {"engine_stop", "ignition_off"}
STANDING = {"vehicle_stopped", "gps_stopped"}  # Idle if the engine was running before.
BREADCRUMB = "breadcrumb"  # Running where the vehicle moves; else it says nothing.

_history = msgspec.json.Decoder(shapes.History)
_entry = msgspec.json.Decoder(shapes.LocationEntry)


def history_cut(body: bytes, vehicle: str, window: Window, *, metric: bool) -> Cut:
    """Cut a vehicle's answer into positions and readings of the window.

    The answer holds whole UTC days. What depends on the records before, it decides by the day, so that
    the same day gives the same readings whatever window it is read in.
    """
    rejects: list[Reject] = []
    try:
        locations = [
            entry.vehicle_location for entry in _history.decode(body).vehicle_locations or ()
        ]
        numbers: Sequence[int] = range(len(locations))
    except UNREADABLE:
        numbers, locations = _one_by_one(body, rejects)
    times = [location.located_at for location in locations]
    if not all(map(operator.le, times, times[1:])):  # Motive promises no order.
        order = sorted(range(len(times)), key=times.__getitem__)
        numbers = [numbers[at] for at in order]
        locations = [locations[at] for at in order]
        times = [times[at] for at in order]
    rejects += _impossible(numbers, times, window)
    read = _Read(metric, [], [], rejects)
    floor, ceiling = window.bounds()
    first, end = bisect.bisect_left(times, floor), bisect.bisect_left(times, ceiling)
    at = bisect.bisect_left(times, FIRST_PLAUSIBLE)
    while at < end:
        midnight = times[at].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        until = bisect.bisect_left(times, midnight + DAY, at)
        _read_day(numbers[at:until], locations[at:until], first - at, end - at, read)
        at = until
    return Cut(
        body=body,
        schema=SCHEMA,
        subject=vehicle,
        path=PATH,
        records=read.records,
        ordinals=read.ordinals,
        rejects=rejects,
    )


def latest(
    body: Raw, identity: Identity, provider: str, now: datetime, *, metric: bool
) -> tuple[LatestVehicleLocation, bytes] | None:
    """Build where a vehicle is now, and the JSON that it comes of; None without a usable fix."""
    try:
        raw = msgspec.json.decode(body, type=shapes.Located)
    except UNREADABLE:
        return None
    at = raw.current_location
    floor, ceiling = Window(now).bounds()
    if at is None or not floor <= at.located_at < ceiling:
        return None
    odometer, hours = (
        _first(at.true_odometer, at.odometer),
        _first(at.true_engine_hours, at.engine_hours),
    )
    speed = at.kph if at.kph is not None else _speed(at.speed, metric)
    address, driver = text(at.description), known(raw.current_driver)
    built = LatestVehicleLocation(
        provider=provider,
        vehicle=identity.of("vehicle", str(raw.id)),
        located_at=clock.iso(at.located_at),
        location=Coordinates(longitude=at.lon, latitude=at.lat),
        driver=identity.of("driver", driver) if driver else UNSET,
        address=UNSET if address is UNSET else Address(formatted=address),
        heading=UNSET if at.bearing is None else at.bearing,
        speed=UNSET if speed is None else round(speed, 2),
        odometer=UNSET if odometer is None or odometer < 0 else km(odometer, metric=metric),
        fuel=_fuel(at),
        engine_state=_state_now(at.type),
        engine_runtime=UNSET if hours is None or hours < 0 else round(hours * 3_600_000),
    )
    return built, bytes(body)


class _Read(NamedTuple):
    """What has been read of an answer so far."""

    metric: bool
    records: list[Record]
    ordinals: list[int]
    rejects: list[Reject]


def _impossible(numbers: Sequence[int], times: Sequence[datetime], window: Window) -> list[Reject]:
    """Name the records at both ends whose times cannot be; the others may only lie outside the window."""
    rejects: list[Reject] = []
    for ends in (zip(numbers, times, strict=True), zip(numbers[::-1], times[::-1], strict=True)):
        for at, time in ends:
            bad = window.verdict(time)
            if bad is None:
                break
            rejects.append(Reject(f"located_at: {bad}", at))
    return rejects


def _read_day(
    numbers: Sequence[int],
    locations: Sequence[shapes.Location],
    first: int,
    end: int,
    read: _Read,
) -> None:
    """Read one UTC day, of which the records from `first` to `end` are wanted."""
    records, ordinals, metric = read.records, read.ordinals, read.metric
    # The bus and the dashboard count from different zeros, so that one series must not mix them.
    bus_metres = any(loc.true_odometer is not None for loc in locations)
    bus_hours = any(loc.true_engine_hours is not None for loc in locations)
    first = max(first, 0)
    state: float | None = None
    for loc in locations[:first]:
        state = _state(loc, state)
    for at, loc in zip(numbers[first:end], locations[first:end], strict=True):
        time, driver, before = loc.located_at, loc.driver, state
        if time.tzinfo is not UTC:
            time = time.astimezone(UTC)
        records.append(
            Fix(
                time,
                loc.lat,
                loc.lon,
                loc.bearing,
                _speed(loc.speed, metric),
                _place(loc.description),
                None if driver is None else known(driver),
                loc.id,
            )
        )
        ordinals.append(at)
        found = len(records)
        odometer = loc.true_odometer if bus_metres else loc.odometer
        hours = loc.true_engine_hours if bus_hours else loc.engine_hours
        if odometer is not None:
            records.append(StatReading("odometer", time, km(odometer, metric=metric)))
        if hours is not None:
            records.append(StatReading("engine_runtime", time, float(round(hours * 3_600_000))))
        if loc.fuel is not None:
            fuel = litres(loc.fuel, metric=metric)
            records.append(StatReading("total_fuel_consumption", time, fuel))
        if loc.fuel_primary_remaining_percentage is not None:
            records.append(StatReading("fuel_level", time, loc.fuel_primary_remaining_percentage))
        if loc.battery_voltage is not None:
            records.append(StatReading("battery_voltage", time, round(loc.battery_voltage, 2)))
        if loc.type is not None:
            state = _state(loc, state)
            if state is not None and state != before:
                records.append(StatReading("engine_state", time, state))
        if len(records) > found:
            _judge(records, found, at, read.rejects)
            ordinals.extend([at] * (len(records) - found))


def _judge(records: list[Record], first: int, at: int, rejects: list[Reject]) -> None:
    """Take back the readings from `first` on that cannot be."""
    for number in range(len(records) - 1, first - 1, -1):
        reading = records[number]
        assert isinstance(reading, StatReading)
        if reading.value < 0 or (reading.type == "fuel_level" and reading.value > 100):
            del records[number]
            rejects.append(Reject(f"{reading.type}: {reading.value:g} cannot be", at))


def _one_by_one(body: bytes, rejects: list[Reject]) -> tuple[list[int], list[shapes.Location]]:
    """Read an answer with something wrong in it; return where each record stands, and the records."""
    numbers: list[int] = []
    locations: list[shapes.Location] = []
    for at, entry in enumerate(whole(body, shapes.RawHistory, "Motive").vehicle_locations or ()):
        try:
            locations.append(_entry.decode(entry).vehicle_location)
            numbers.append(at)
        except UNREADABLE as error:
            rejects.append(misfit(error, at))
    return numbers, locations


@functools.lru_cache(maxsize=4096)
def _place(description: str | None) -> str | None:
    return clean(description) or None


def _state(loc: shapes.Location, before: float | None) -> float | None:
    """Return what is known of the engine after a record, given what was known before it."""
    said = loc.type
    if said == BREADCRUMB:
        return ON if loc.speed else before
    if said in RUNNING:
        return ON
    if said in RESTING:
        return OFF
    if said in STANDING:
        return IDLE if before in {ON, IDLE} else before
    return before


def _state_now(said: str | None) -> EngineState | UnsetType:
    if said in RUNNING:
        return "on"
    return "off" if said in RESTING else UNSET


def _fuel(at: shapes.CurrentLocation) -> Fuel | UnsetType:
    primary, secondary = (
        each if each is not None and 0 <= each <= 100 else None
        for each in (at.fuel_primary_remaining_percentage, at.fuel_secondary_remaining_percentage)
    )
    if primary is None:
        return UNSET
    return Fuel(
        primary_percentage=primary,
        secondary_percentage=UNSET if secondary is None else secondary,
    )


@functools.lru_cache(maxsize=4096)
def _speed(speed: float | None, metric: bool) -> float | None:
    if speed is None:
        return None
    return round(speed, 2) if metric else units.kmh_from_mph(speed)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
