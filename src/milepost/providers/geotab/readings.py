"""Turns Geotab's positions and diagnostics into the unified model; pure, and the hot path of a sync.

A feed's rows stand in the order in which they came in, one vehicle beside the other: they are decoded as
a whole, and sorted into one cut a vehicle. Only a page with a bad row is gone through row by row.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import Raw

from milepost import units
from milepost.kit.contract import Cut, Record, Reject
from milepost.kit.salvage import UNREADABLE, Window, misfit
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatReading, StatType
from milepost.providers.geotab import shapes
from milepost.providers.geotab.wire import Entity, numbered, ref

Row = TypeVar("Row", shapes.LogRecord, shapes.StatusData)

LOG_RECORD, STATUS_DATA = "geotab.LogRecord", "geotab.StatusData"

Drivers = Mapping[str, tuple[Sequence[datetime], Sequence[str | None]]]
"""By device: when somebody else took the wheel, in order of time, and who (None: nobody known)."""


class Source(msgspec.Struct, frozen=True):
    """What a diagnostic becomes, how by its unit of measure, and the values that can be."""

    type: StatType
    units: Mapping[str, Callable[[float], float]]
    low: float = 0
    high: float = float("inf")


def _two(value: float) -> float:
    return round(value, 2)


_TEMPERATURE = {"UnitOfMeasureDegreesCelsiusId": _two}
_PERCENT = {"UnitOfMeasurePercentageId": _two}
_LITRES = {"UnitOfMeasureLitersId": _two}

# What a bus can say of temperatures: -40 to 215 °C (OBD-II PID 05; J1939 SPN 110: to 210 °C).
SOURCES: dict[str, Source] = {
    "DiagnosticOdometerId": Source(
        "odometer",
        {"UnitOfMeasureMetersId": units.km_from_metres, "UnitOfMeasureKilometersId": _two},
    ),
    "DiagnosticEngineHoursId": Source(
        "engine_runtime",
        {
            "UnitOfMeasureSecondsId": units.ms_from_seconds,
            "UnitOfMeasureHoursId": lambda hours: units.ms_from_seconds(hours * 3600),
        },
    ),
    "DiagnosticDeviceTotalFuelId": Source("total_fuel_consumption", _LITRES),
    "DiagnosticFuelLevelId": Source("fuel_level", _PERCENT, high=100),
    "DiagnosticEngineSpeedId": Source("engine_rpm", {"UnitOfMeasureRevolutionsPerMinuteId": _two}),
    "DiagnosticEngineCoolantTemperatureId": Source(
        "engine_coolant_temperature", _TEMPERATURE, low=-40, high=215
    ),
    "DiagnosticEngineOilTemperatureID": Source(
        "engine_oil_temperature", _TEMPERATURE, low=-40, high=1735
    ),
    "DiagnosticOilPressureId": Source(
        "engine_oil_pressure",
        {
            "UnitOfMeasurePascalsId": lambda pascals: units.psi_from_kpa(pascals / 1000),
            "UnitOfMeasureKilopascalsId": units.psi_from_kpa,
        },
    ),
    "DiagnosticEngineOilLevelId": Source("engine_oil_percentage", _PERCENT, high=100),
    "DiagnosticCoolantLevelId": Source("coolant_percentage", _PERCENT, high=100),
    "DiagnosticGoDeviceVoltageId": Source("battery_voltage", {"UnitOfMeasureVoltsId": _two}),
    "DiagnosticIgnitionId": Source("engine_state", {}, high=1),
}
"""One diagnostic a type of reading: two that count from different zeros must not share a series."""

_ON, _OFF = float(ENGINE_STATES.index("on")), float(ENGINE_STATES.index("off"))

_rows = msgspec.json.Decoder(list[Raw])
_positions = msgspec.json.Decoder(list[shapes.LogRecord])
_statuses = msgspec.json.Decoder(list[shapes.StatusData])
_position = msgspec.json.Decoder(shapes.LogRecord)
_status = msgspec.json.Decoder(shapes.StatusData)


class _About(msgspec.Struct, frozen=True, gc=False):
    """Of a row, what it is about; the rest need not be readable."""

    device: Entity | str
    diagnostic: Entity | str = ""


_about = msgspec.json.Decoder(_About)


class _Heap:
    """What has been found of one vehicle in a page."""

    __slots__ = ("bodies", "ordinals", "records", "rejects")

    def __init__(self) -> None:
        self.bodies: list[Raw] = []
        self.records: list[Record] = []
        self.ordinals: list[int] = []
        self.rejects: list[Reject] = []

    def cut(self, subject: str, schema: str) -> Cut:
        whole = len(self.ordinals) == len(self.bodies)
        return Cut(
            body=b'{"data":[%b]}' % b",".join(self.bodies),
            schema=schema,
            subject=subject,
            path="data",
            records=self.records,
            ordinals=None if whole else self.ordinals,
            rejects=self.rejects,
        )


class Logs(msgspec.Struct, frozen=True):
    """A page of LogRecords as they came, and what was read of each."""

    raws: list[Raw]
    read: Sequence[shapes.LogRecord | Reject]


def logs(data: Raw, raws: list[Raw]) -> Logs:
    """Read a page, which was taken apart into `raws`."""
    return Logs(raws, _read(data, raws, _positions, _position))


def positions(data: Raw, window: Window, drivers: Drivers) -> list[Cut]:
    """Read a page of LogRecords and cut it by vehicle."""
    return seated(logs(data, _rows.decode(data)), window, drivers)


def seated(found: Logs, window: Window, drivers: Drivers) -> list[Cut]:
    """Cut a page of LogRecords by vehicle, each with its driver."""
    heaps: dict[str, _Heap] = {}
    floor, ceiling = window.bounds()
    seats = drivers.get
    for raw, log in zip(found.raws, found.read, strict=True):
        if not isinstance(log, shapes.LogRecord):
            _set_aside(heaps, raw, log)
            continue
        at = log.dateTime
        device = log.device
        vehicle = device.id if isinstance(device, Entity) else device
        if not floor <= at < ceiling:
            _refuse_time(heaps, vehicle, raw, window.verdict(at))
            continue
        if at.tzinfo is not UTC:
            at = at.astimezone(UTC)
        heap = heaps.get(vehicle)
        if heap is None:
            heap = heaps[vehicle] = _Heap()
        turns = seats(vehicle)
        driver = None
        if turns is not None:
            place = bisect.bisect_right(turns[0], at)
            driver = turns[1][place - 1] if place else None
        heap.ordinals.append(len(heap.bodies))
        heap.bodies.append(raw)
        heap.records.append(
            Fix(at, log.latitude, log.longitude, None, log.speed, None, driver, log.id)
        )
    return [heap.cut(vehicle, LOG_RECORD) for vehicle, heap in heaps.items()]


def stats(
    data: Raw, raws: list[Raw], measures: Mapping[str, str | None], window: Window
) -> list[Cut]:
    """Cut a page of StatusData by vehicle; rows of other diagnostics than ours are passed over.

    `measures` is the unit of each diagnostic, as the account's own list of them says; `raws` are the rows of
    `data`.
    """
    heaps: dict[str, _Heap] = {}
    floor, ceiling = window.bounds()
    read = _read(data, raws, _statuses, _status)
    for raw, row in zip(raws, read, strict=True):
        if not isinstance(row, shapes.StatusData):
            _set_aside(heaps, raw, row)
            continue
        diagnostic = row.diagnostic
        name = diagnostic.id if isinstance(diagnostic, Entity) else diagnostic
        source = SOURCES.get(name)
        if source is None or row.id is None:
            continue
        vehicle = row.device.id if isinstance(row.device, Entity) else row.device
        if not floor <= row.dateTime < ceiling:
            _refuse_time(heaps, vehicle, raw, window.verdict(row.dateTime))
            continue
        heap = heaps.get(vehicle)
        if heap is None:
            heap = heaps[vehicle] = _Heap()
        value = value_of(name, source, row.data, measures.get(name))
        place = len(heap.bodies)
        heap.bodies.append(raw)
        if isinstance(value, str):
            heap.rejects.append(Reject(value, place))
            continue
        heap.ordinals.append(place)
        heap.records.append(StatReading(source.type, row.dateTime.astimezone(UTC), value, row.id))
    return [heap.cut(vehicle, STATUS_DATA) for vehicle, heap in heaps.items()]


def value_of(name: str, source: Source, data: float, measure: str | None) -> float | str:
    """Convert a value, or say in words why it cannot be."""
    if not source.low <= data <= source.high:
        return f"data: {data:g} cannot be {name}"
    if source.type == "engine_state":
        return _ON if data else _OFF
    convert = source.units.get(measure or "")
    if convert is None:
        return f"data: {name} in an unknown unit, “{(measure or 'none')[:60]}”"
    return convert(data)


def seats(rows: Iterable[Raw]) -> Drivers:
    """Sort changes of drivers by vehicle and time; what cannot be read names nobody."""
    found: dict[str, list[tuple[datetime, str | None]]] = {}
    for raw in rows:
        try:
            change = msgspec.json.decode(raw, type=shapes.DriverChange)
        except UNREADABLE:
            continue
        vehicle = ref(change.device)
        if vehicle is not None:
            found.setdefault(vehicle, []).append((change.dateTime, ref(change.driver)))
    for turns in found.values():
        turns.sort(key=lambda turn: turn[0])
    return {
        vehicle: ([at for at, _ in turns], [driver for _, driver in turns])
        for vehicle, turns in found.items()
    }


def span_of(found: Logs, window: Window) -> tuple[datetime, datetime] | None:
    """Return the first and last time of a page's positions that are wanted; None without any."""
    floor, ceiling = window.bounds()
    times = [
        log.dateTime
        for log in found.read
        if isinstance(log, shapes.LogRecord) and floor <= log.dateTime < ceiling
    ]
    return (min(times), max(times)) if times else None


def _read(
    data: Raw,
    rows: Sequence[Raw],
    whole: msgspec.json.Decoder[list[Row]],
    one: msgspec.json.Decoder[Row],
) -> Sequence[Row | Reject]:
    """Read all rows in one go, or, where one is bad, one by one."""
    try:
        return whole.decode(data)
    except UNREADABLE:
        return [_one_of(raw, one) for raw in rows]


def _one_of(raw: Raw, decoder: msgspec.json.Decoder[Row]) -> Row | Reject:
    try:
        return decoder.decode(numbered(bytes(raw)))
    except UNREADABLE as error:
        return misfit(error)


def _set_aside(heaps: dict[str, _Heap], raw: Raw, bad: Reject) -> None:
    """Keep a row that cannot be read with the vehicle that it is about, or with nobody."""
    try:
        about = _about.decode(raw)
    except UNREADABLE:
        about = _About("")
    name = ref(about.diagnostic)
    if name is not None and name not in SOURCES:
        return
    heap = heaps.setdefault(ref(about.device) or "", _Heap())
    heap.rejects.append(msgspec.structs.replace(bad, at=len(heap.bodies)))
    heap.bodies.append(raw)


def _refuse_time(heaps: dict[str, _Heap], vehicle: str, raw: Raw, bad: str | None) -> None:
    if bad is None:
        return
    heap = heaps.setdefault(vehicle, _Heap())
    heap.rejects.append(Reject(f"dateTime: {bad}", len(heap.bodies)))
    heap.bodies.append(raw)
