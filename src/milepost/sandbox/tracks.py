"""A fleet that drives real GPX traces: one vehicle a file, re-dated so that each file ends at the start.

Only points with a time drive; what is refused is counted by file and reason. A file that is no safe XML
is refused whole and makes no vehicle. Speed and heading come from consecutive points.
"""

from __future__ import annotations

import bisect
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from milepost import units
from milepost.kit import gpx
from milepost.kit.gpx import GPXParser, NotGPX, TrackPoint
from milepost.kit.world import (
    Assignment,
    DriverCard,
    DutyDay,
    DutyLog,
    Edit,
    FaultReading,
    Fleet,
    GroupCard,
    HoursLeft,
    Incident,
    Journey,
    TrailerCard,
    Usage,
    VehicleCard,
    Window,
)
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatReading, StatType
from milepost.sandbox import roster
from milepost.sandbox.corridors import bearing, metres_between
from milepost.sandbox.journeys import trace_journeys

_FIRST_ID = 281_474_976_710_656
_MILLISECOND = timedelta(milliseconds=1)
_ODOMETER_BEAT = timedelta(minutes=5)
# What is faster is a jump of the receiver, not a speed: no lorry or car of the traces drives so.
_FASTEST_KMH = 250


class TrackFile(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file. `unreadable` says why it was refused whole; else the points are counted."""

    file: str
    points: int = 0
    refused: dict[str, int] = {}
    unreadable: str | None = None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    fixes: tuple[Fix, ...]
    states: tuple[StatReading, ...]
    odometer: tuple[StatReading, ...]
    driven_m: tuple[float, ...] = ()  # at each position


class TrackWorld:
    """The vehicles of a folder of GPX files; the simulator's `World`. `start` is cut to whole seconds."""

    def __init__(self, folder: Path, start: datetime, drivers: int = 12, seed: int = 7) -> None:
        self.start = start.astimezone(UTC).replace(microsecond=0)
        self.fleet: Fleet = roster.FLEET
        self.groups: Sequence[GroupCard] = roster.GROUPS
        self.files: list[TrackFile] = []
        self._traces: dict[str, Trace] = {}
        cards: list[VehicleCard] = []
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() == ".gpx"):
            card = _card(path.stem, self.groups, self.start)
            try:
                points, refused = read_points(path)
            except NotGPX as error:
                self.files.append(TrackFile(file=path.name, unreadable=str(error)))
                continue
            self.files.append(TrackFile(file=path.name, points=len(points), refused=refused))
            self._traces[card.id] = _drive(points, self.start)
            cards.append(card)
        if not cards:
            raise ValueError(f"There is no readable GPX file in {folder}.")
        self.vehicles: Sequence[VehicleCard] = sorted(cards, key=lambda card: card.id)
        since = min(
            (t.fixes[0].located_at for t in self._traces.values() if t.fixes), default=start
        )
        self.drivers: Sequence[DriverCard] = roster.draw_drivers(
            seed, drivers, since - timedelta(days=600)
        )
        self.trailers: Sequence[TrailerCard] = []
        driven_by = {a.vehicle_id: a.driver_id for a in self.assignments(since, self.start)}
        self._trips = {
            id_: trace_journeys(id_, trace.fixes, trace.driven_m, driven_by.get(id_))
            for id_, trace in self._traces.items()
        }

    def fixes(self, vehicle_id: str, start: datetime, end: datetime) -> Sequence[Fix]:
        fixes = self._traces[vehicle_id].fixes if vehicle_id in self._traces else ()
        return fixes[_first_fix(fixes, start) : _first_fix(fixes, end)]

    def readings(
        self, vehicle_id: str, type_: StatType, start: datetime, end: datetime
    ) -> Sequence[StatReading]:
        found = self._series(vehicle_id, type_)
        return found[_first_reading(found, start) : _first_reading(found, end)]

    def held(
        self,
        vehicle_id: str,  # noqa: ARG002  Traces have no gaps in reception: every vehicle is alike.
        start: datetime,
        end: datetime,
        at: datetime,
    ) -> list[Window]:
        end = min(end, at + _MILLISECOND)
        return [(start, end)] if start < end else []

    def came_in(
        self,
        vehicle_id: str,  # noqa: ARG002
        since: datetime,
        until: datetime,
    ) -> list[Window]:
        return [(since, until)] if since < until else []

    def silences(
        self,
        vehicle_id: str,  # noqa: ARG002
        start: datetime,  # noqa: ARG002
        end: datetime,  # noqa: ARG002
    ) -> list[Window]:
        return []

    def latest_fix(self, vehicle_id: str, at: datetime) -> Fix | None:
        fixes = self._traces[vehicle_id].fixes if vehicle_id in self._traces else ()
        found = _first_fix(fixes, at + _MILLISECOND)
        return fixes[found - 1] if found else None

    def latest_reading(self, vehicle_id: str, type_: StatType, at: datetime) -> StatReading | None:
        readings = self._series(vehicle_id, type_)
        found = _first_reading(readings, at + _MILLISECOND)
        return readings[found - 1] if found else None

    def assignments(self, start: datetime, end: datetime) -> list[Assignment]:
        """Give the first vehicles with positions a driver each, for as long as their trace lasts."""
        active = [driver for driver in self.drivers if driver.active]
        driven = [(v.id, f) for v in self.vehicles if (f := self._traces[v.id].fixes)]
        return [
            Assignment(
                driver_id=driver.id,
                vehicle_id=vehicle_id,
                starts_at=fixes[0].located_at,
                ends_at=fixes[-1].located_at,
                kind="static",
            )
            for driver, (vehicle_id, fixes) in zip(active, driven, strict=False)
            if fixes[0].located_at < end and fixes[-1].located_at > start
        ]

    def trips(self, vehicle_id: str, start: datetime, end: datetime, at: datetime) -> list[Journey]:
        trips = self._trips.get(vehicle_id, [])
        return [t for t in trips if t.starts_at < end and t.ends_at > start and t.ends_at <= at]

    def usage(self, vehicle_id: str, start: datetime, end: datetime) -> Usage | None:
        """Return distance and engine time; of idling and fuel a trace says nothing."""
        trace = self._traces.get(vehicle_id)
        if trace is None or not trace.fixes:
            return None
        begins = max(start, trace.fixes[0].located_at)
        ends = min(end, trace.fixes[-1].located_at)
        metres = round(self._driven(trace, end)) - round(self._driven(trace, start))
        running = max(timedelta(), ends - begins)
        return Usage(metres=metres, running_ms=running // _MILLISECOND)

    # What a trace says nothing of is not made up: states, duty, safety, faults, trailers.

    def trailer_fix(self, trailer_id: str, at: datetime) -> Fix | None:  # noqa: ARG002
        return None

    def mileage(self, vehicle_id: str, start: datetime, end: datetime) -> dict[str, int]:  # noqa: ARG002
        return {}

    def duty(self, driver_id: str, start: datetime, end: datetime, at: datetime) -> list[DutyLog]:  # noqa: ARG002
        return []

    def duty_day(self, driver_id: str, day: date, at: datetime) -> DutyDay | None:  # noqa: ARG002
        return None

    def hours_left(self, driver_id: str, at: datetime) -> HoursLeft | None:  # noqa: ARG002
        return None

    def incidents(self, start: datetime, end: datetime, at: datetime) -> list[Incident]:  # noqa: ARG002
        return []

    def incident(self, id_: str, at: datetime) -> Incident | None:  # noqa: ARG002
        return None

    def incidents_changed(self, since: datetime, until: datetime) -> list[Incident]:  # noqa: ARG002
        return []

    def faults(self, vehicle_id: str, start: datetime, end: datetime) -> list[FaultReading]:  # noqa: ARG002
        return []

    def latest_faults(self, vehicle_id: str, at: datetime) -> FaultReading | None:  # noqa: ARG002
        return None

    def edits(self, since: datetime, until: datetime) -> list[Edit]:  # noqa: ARG002
        return []

    def _driven(self, trace: Trace, at: datetime) -> float:
        """Return the metres driven by `at`, evenly between two positions."""
        after = _first_fix(trace.fixes, at)
        if after in (0, len(trace.fixes)):
            return trace.driven_m[after - 1] if after else 0.0
        then, until = trace.fixes[after - 1].located_at, trace.fixes[after].located_at
        begun, done = trace.driven_m[after - 1], trace.driven_m[after]
        return begun + (done - begun) * ((at - then) / (until - then))

    def _series(self, vehicle_id: str, type_: StatType) -> tuple[StatReading, ...]:
        trace = self._traces.get(vehicle_id)
        if trace is None:
            return ()
        return {"engine_state": trace.states, "odometer": trace.odometer}.get(type_, ())


Point = tuple[datetime, float, float]


def read_points(path: Path) -> tuple[list[Point], dict[str, int]]:
    """Return a file's timed track points by time, and how many were refused for which reason.

    Raise gpx.NotGPX for what is no GPX or no safe XML.
    """
    parser, refused = GPXParser(), Counter[str]()
    points: dict[datetime, Point] = {}
    for found in [*parser.feed(path.read_bytes()), *parser.finish()]:
        point = _point(found)
        if isinstance(point, str):
            refused[point] += 1
        elif point[0] in points:
            refused["same instant as another point"] += 1
        else:
            points[point[0]] = point
    return sorted(points.values()), dict(sorted(refused.items()))


def _point(found: TrackPoint) -> Point | str:
    if not found.texts.get("time"):
        return "without a time"
    try:
        at = gpx.instant(found.texts["time"])
    except ValueError:
        return "unreadable time"
    try:
        return (at, *gpx.degrees(found.latitude, found.longitude))
    except ValueError:
        return "unreadable position"


def _drive(points: list[Point], start: datetime) -> Trace:
    if not points:
        return Trace(fixes=(), states=(), odometer=())
    shift = start - points[-1][0]
    fixes: list[Fix] = []
    odometer: list[StatReading] = []
    driven_m: list[float] = []
    driven = 0.0
    for i, (at, lat, lon) in enumerate(points):
        heading, kmh = None, None
        if i:
            then, lat0, lon0 = points[i - 1]
            metres = metres_between(lat0, lon0, lat, lon)
            driven += metres
            kmh = round(metres / (at - then).total_seconds() * 3.6, 2)
            heading = round(bearing(lat0, lon0, lat, lon), 1) % 360 if metres else 0.0
        driven_m.append(driven)
        plausible = kmh is not None and math.isfinite(kmh) and kmh <= _FASTEST_KMH
        fixes.append(Fix(at + shift, lat, lon, heading, kmh if plausible else None))
        if not odometer or i == len(points) - 1 or at + shift - odometer[-1].at >= _ODOMETER_BEAT:
            reading = units.km_from_metres(round(driven))
            odometer.append(StatReading("odometer", at + shift, reading))
    on, off = float(ENGINE_STATES.index("on")), float(ENGINE_STATES.index("off"))
    states = [StatReading("engine_state", fixes[-1].located_at, off)]
    if len(fixes) > 1:
        states.insert(0, StatReading("engine_state", fixes[0].located_at, on))
    return Trace(
        fixes=tuple(fixes),
        states=tuple(states),
        odometer=tuple(odometer),
        driven_m=tuple(driven_m),
    )


def _card(stem: str, groups: Sequence[GroupCard], start: datetime) -> VehicleCard:
    # The id comes from the name, so that a file more or less renames no other vehicle.
    number = int.from_bytes(hashlib.blake2b(stem.encode(), digest_size=4).digest())
    regions = [group.id for group in groups if group.parent_id]
    since = start - timedelta(days=365)
    letters = "BCDFGHJKMNPRSTVWXZ23456789"
    serial = "".join(letters[number // 26**k % 26] for k in range(10))
    return VehicleCard(
        id=str(_FIRST_ID + number),
        name=stem,
        gateway_serial=f"{serial[:4]}-{serial[4:7]}-{serial[7:]}",
        gateway_model="AG46",
        diagnostics=False,
        group_ids=(regions[number % len(regions)],),
        created_at=since,
        updated_at=since,
    )


def _first_fix(fixes: Sequence[Fix], at: datetime) -> int:
    return bisect.bisect_left(fixes, at, key=lambda fix: fix.located_at)


def _first_reading(readings: Sequence[StatReading], at: datetime) -> int:
    return bisect.bisect_left(readings, at, key=lambda reading: reading.at)
