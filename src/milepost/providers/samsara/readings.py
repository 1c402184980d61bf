"""Turns Samsara's positions and vehicle stats into the unified model; pure, and the hot path of a sync.

Positions: some 500,000 a second on one core, decoding included (Python 3.11, 1,000 a block). A block
is decoded as a whole; only where that fails is it gone through reading by reading.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC
from typing import Any

import msgspec
from msgspec import Raw

from milepost import units
from milepost.errors import Changed
from milepost.kit.contract import Cut, Record, Reject
from milepost.kit.salvage import UNREADABLE, Misfit, Window, misfit
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatReading, StatType
from milepost.providers.samsara import shapes

GPS = "gps"


class StatSource(msgspec.Struct, frozen=True):
    """What one of Samsara's stat types becomes, and the values that can be."""

    type: StatType
    convert: Callable[[float], float]
    low: float = 0
    high: float = float("inf")


STATES: dict[str, float] = {name.title(): float(index) for index, name in enumerate(ENGINE_STATES)}

STATS: dict[str, StatSource] = {
    "obdOdometerMeters": StatSource("odometer", units.km_from_metres),
    "gpsOdometerMeters": StatSource("odometer", units.km_from_metres),
    "obdEngineSeconds": StatSource("engine_runtime", units.ms_from_seconds),
    "syntheticEngineSeconds": StatSource("engine_runtime", units.ms_from_seconds),
    "fuelPercents": StatSource("fuel_level", float, high=100),
    "fuelConsumedMilliliters": StatSource("total_fuel_consumption", units.litres_from_millilitres),
    "engineRpm": StatSource("engine_rpm", float),
    "batteryMilliVolts": StatSource("battery_voltage", units.volts_from_millivolts),
    # What a bus can say is -40 to 215 °C (OBD-II PID 05; J1939 SPN 110: to 210 °C); the vendor's own
    # examples go to 736 °C.
    "engineCoolantTemperatureMilliC": StatSource(
        "engine_coolant_temperature", units.celsius_from_millicelsius, low=-40_000, high=215_000
    ),
    "engineOilPressureKPa": StatSource("engine_oil_pressure", units.psi_from_kpa),
}

PREFERRED = {
    "gpsOdometerMeters": "obdOdometerMeters",
    "syntheticEngineSeconds": "obdEngineSeconds",
}
"""What an estimate gives way to. Both count the same thing from different zeros, so that one series
must not mix them: a vehicle's block that holds any reading of the vehicle's own bus uses only those."""

Sound = shapes.Gps | shapes.Number | shapes.Word

_gps_block = msgspec.json.Decoder(shapes.GpsBlock)
_loose_block = msgspec.json.Decoder(dict[str, Raw])
_raw_list = msgspec.json.Decoder(list[Raw] | None)
_id = msgspec.json.Decoder(shapes.SourceId)


def positions(body: Raw, window: Window) -> list[Cut]:
    """Cut one vehicle's block of positions out of its page."""
    raw = bytes(body)
    floor, ceiling = window.bounds()
    try:
        block = _gps_block.decode(raw)
    except UNREADABLE:
        return _loose(raw, [GPS], window)
    read = block.gps
    if not read:
        return []
    for gps in read:
        if not floor <= gps.time < ceiling:
            return _loose(raw, [GPS], window)
    subject = str(block.id)
    records: list[Record] = [_fix(gps) for gps in read]
    return [Cut(body=raw, schema=_schema(GPS), subject=subject, path=GPS, records=records)]


def stats(body: Raw, keys: list[str], window: Window) -> list[Cut]:
    """Cut one vehicle's block of stats out of its page: one cut a stat type, each with its own list.

    `keys` are the types that were asked for, preferred ones first.
    """
    return _loose(bytes(body), keys, window)


def refuse_renamed(blocks: list[Raw], keys: list[str]) -> None:
    """Raise Changed when a page's vehicles carry none of the types asked for, but something else."""
    strange: set[str] = set()
    for body in blocks:
        try:
            given = _loose_block.decode(body)
        except UNREADABLE:
            continue
        if any(key in given for key in keys):
            return
        strange |= given.keys() - {"id", "name", "externalIds"}
    if strange:
        asked, came = ", ".join(keys), ", ".join(sorted(strange))
        raise Changed(f"Samsara was asked for {asked} and answered with {came}.")


def _fix(gps: shapes.Gps) -> Fix:
    time, speed, geo = gps.time, gps.speedMilesPerHour, gps.reverseGeo
    address = geo.formattedLocation if geo is not None else None
    if address is not None and "\x00" in address:
        address = address.replace("\x00", "")
    return Fix(
        time if time.tzinfo is UTC else time.astimezone(UTC),
        gps.latitude,
        gps.longitude,
        gps.headingDegrees,
        None if speed is None else _kmh(speed),
        address or None,
    )


# A fleet's speeds repeat, those at rest above all. Looking one up spares the rounding, which is a quarter
# of what a position costs here (0.79 and 0.58 µs, decoding included).
@functools.lru_cache(maxsize=4096)
def _kmh(miles_per_hour: float) -> float:
    return round(miles_per_hour * units.KM_PER_MILE, 2)


def _record(key: str, read: Sound) -> Fix | StatReading | str:
    """Build a record, or say in words why its value cannot be."""
    return _fix(read) if isinstance(read, shapes.Gps) else _reading(key, read)


def _reading(key: str, read: shapes.Number | shapes.Word) -> StatReading | str:
    time = read.time if read.time.tzinfo is UTC else read.time.astimezone(UTC)
    if isinstance(read, shapes.Word):
        state = STATES.get(read.value)
        if state is None:
            return f"value: unknown engine state “{read.value[:40]}”"
        return StatReading("engine_state", time, state)
    source = STATS[key]
    if not source.low <= read.value <= source.high:
        return f"value: {read.value:g} cannot be in {key}"
    return StatReading(source.type, time, source.convert(read.value))


def _loose(raw: bytes, keys: list[str], window: Window) -> list[Cut]:
    """Read a block list by list; raise nothing, whatever it holds."""
    try:
        given = _loose_block.decode(raw)
        subject = str(_id.decode(given["id"]))
    except (KeyError, *UNREADABLE) as error:
        missing = isinstance(error, KeyError)
        bad = Misfit("id: missing", field="id") if missing else misfit(error, within="id")
        # Its id cannot be read: it is nobody's.
        return [Cut(body=raw, schema=_schema(keys[0]), subject="", records=[], rejects=[bad])]
    cuts: list[Cut] = []
    chosen: set[str] = set()
    for key in keys:
        if key not in given or PREFERRED.get(key) in chosen:
            continue
        cut = _series(raw, subject, key, given, window)
        if cut.records or cut.rejects:
            cuts.append(cut)
        if cut.records:
            chosen.add(key)
    return cuts


def _series(raw: bytes, subject: str, key: str, given: dict[str, Raw], window: Window) -> Cut:
    """Read one list of readings: in one go if it is sound, else one by one."""
    listed = given[key]
    # A block holds several types; each is archived once, with the id that it belongs to.
    body = raw if key == GPS else b'{"id":%b,"%b":%b}' % (given["id"], key.encode(), listed)
    records = _sound(key, listed, window)
    ordinals: list[int] | None = None
    rejects: list[Reject] = []
    if records is None:
        records, ordinals, rejects = _one_by_one(key, listed, window)
    return Cut(
        body=body,
        schema=_schema(key),
        subject=subject,
        path=key,
        records=records,
        ordinals=ordinals,
        rejects=rejects,
    )


def _sound(key: str, listed: Raw, window: Window) -> list[Record] | None:
    """Read a list that is good throughout; None where it is not."""
    floor, ceiling = window.bounds()
    try:
        items = _LISTS[key].decode(listed) or ()
    except UNREADABLE:
        return None
    records: list[Record] = []
    for read in items:
        if not floor <= read.time < ceiling:
            return None
        record = _record(key, read)
        if isinstance(record, str):
            return None
        records.append(record)
    return records


def _one_by_one(
    key: str, listed: Raw, window: Window
) -> tuple[list[Record], list[int] | None, list[Reject]]:
    """Read a list with something wrong in it; the second result says where each record stands."""
    records: list[Record] = []
    ordinals: list[int] = []
    rejects: list[Reject] = []
    floor, ceiling = window.bounds()
    try:
        items = _raw_list.decode(listed) or []
    except UNREADABLE as error:
        return [], None, [misfit(error, within=key)]
    for at, item in enumerate(items):
        try:
            read = _ITEMS[key].decode(item)
        except UNREADABLE as error:
            rejects.append(misfit(error, at))
            continue
        if not floor <= read.time < ceiling:
            bad = window.verdict(read.time)
            if bad:
                rejects.append(Reject(f"time: {bad}", at))
            continue
        record = _record(key, read)
        if isinstance(record, str):
            rejects.append(Reject(record, at))
        else:
            records.append(record)
            ordinals.append(at)
    return records, None if len(ordinals) == len(items) else ordinals, rejects


def _schema(key: str) -> str:
    return f"samsara.vehicleStats.{key}"


def _shape(key: str) -> Any:
    if key == GPS:
        return shapes.Gps
    return shapes.Word if key == "engineStates" else shapes.Number


_KEYS = [GPS, "engineStates", *STATS]
_ITEMS: dict[str, msgspec.json.Decoder[Sound]] = {
    key: msgspec.json.Decoder(_shape(key)) for key in _KEYS
}
_LISTS: dict[str, msgspec.json.Decoder[list[Sound] | None]] = {
    key: msgspec.json.Decoder(list[_shape(key)] | None)  # type: ignore[misc]
    for key in _KEYS
}
