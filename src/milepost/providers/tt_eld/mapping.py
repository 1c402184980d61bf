"""Turns TT ELD's units, drivers and trackings into the unified model: pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock, units
from milepost.errors import Changed
from milepost.ids import Identity
from milepost.kit.contract import Cut, Record, Reject
from milepost.kit.salvage import UNREADABLE, Window, clean, entity_cut, misfit, text, upper, whole
from milepost.models.driver import Driver
from milepost.models.location import Coordinates, Fix, LatestVehicleLocation
from milepost.models.stats import StatReading
from milepost.models.vehicle import Vehicle

PROVIDER = "tt-eld"
_NAME = "TT ELD"


class Meta(msgspec.Struct):
    page: int
    total_pages: int = msgspec.field(name="totalPages")


class Listed(msgspec.Struct):
    """A page of a listing; records stay bytes until they are mapped."""

    data: list[Raw]
    meta: Meta


class Unit(msgspec.Struct):
    """A unit of `current-units`."""

    id: str
    vin: str | None = None
    truck_number: str | None = None


class Person(msgspec.Struct):
    """A driver of `drivers-list`."""

    id: str
    first_name: str | None = None
    second_name: str | None = None


class Place(msgspec.Struct, gc=False):
    lat: float
    lng: float


class Tracking(msgspec.Struct, gc=False):
    """One point of a unit's track; speed in mph, odometer in miles."""

    coordinates: Place
    date: datetime
    rotation: float | None = None
    speed: float | None = None
    odometer: float | None = None
    address: str | None = None
    driver: str | None = msgspec.field(name="driverId", default=None)


class Live(msgspec.Struct):
    """A unit of `units-by-usdot`; its id is another than that of `current-units`."""

    coordinates: Place
    timestamp: datetime
    truck_number: str | None = None
    vin: str | None = None
    rotation: float | None = None
    speed: float | None = None
    odometer: float | None = None


class _Lives(msgspec.Struct):
    units: list[Raw]


def listed(body: bytes) -> Listed:
    """Read a page of a listing; raise Changed where it is none, TryAgain where it stops in the middle."""
    return whole(body, Listed, _NAME)


def lives(body: bytes) -> list[Raw]:
    return whole(body, _Lives, _NAME).units


def vehicle_cut(row: Raw, identity: Identity, *, active: bool) -> Cut:
    def build(unit: Unit) -> Vehicle:
        return Vehicle(
            id=identity.of("vehicle", unit.id),
            source_id=unit.id,
            provider=PROVIDER,
            status="active" if active else "inactive",
            name=text(unit.truck_number),
            vin=upper(unit.vin),
        )

    return entity_cut(row, Unit, "tt-eld.unit", build)


def driver_cut(row: Raw, identity: Identity, *, active: bool) -> Cut:
    def build(person: Person) -> Driver:
        return Driver(
            id=identity.of("driver", person.id),
            source_id=person.id,
            provider=PROVIDER,
            status="active" if active else "inactive",
            first_name=text(person.first_name),
            last_name=text(person.second_name),
        )

    return entity_cut(row, Person, "tt-eld.driver", build)


def track_cut(body: bytes, vehicle: str, window: Window) -> Cut:
    """Cut a unit's track into positions and odometer readings of the window.

    The body is wrapped, since a cut's records stand in a list that has a name.
    """
    wrapped = b'{"trackings":' + body + b"}"
    records: list[Record] = []
    ordinals: list[int] = []
    rejects: list[Reject] = []
    floor, ceiling = window.bounds()
    for at, row in enumerate(whole(body, list[Raw], _NAME)):
        try:
            point = msgspec.json.decode(row, type=Tracking)
        except UNREADABLE as error:
            rejects.append(misfit(error, at))
            continue
        if point.date.tzinfo is None:
            rejects.append(Reject("date: the time has no offset", at))
            continue
        time = point.date.astimezone(UTC)
        if not floor <= time < ceiling:
            if bad := window.verdict(time):
                rejects.append(Reject(f"date: {bad}", at))
            continue
        made = _records(point, time)
        records += made
        ordinals += [at] * len(made)
    return Cut(
        body=wrapped, schema="tt-eld.trackings", subject=vehicle, path="trackings",
        records=records, ordinals=ordinals, rejects=rejects,
    )  # fmt: skip


def _records(point: Tracking, time: datetime) -> list[Record]:
    made: list[Record] = [
        Fix(
            located_at=time,
            latitude=point.coordinates.lat,
            longitude=point.coordinates.lng,
            heading=None if point.rotation is None else point.rotation % 360,
            speed=_speed(point.speed),
            address=clean(point.address) or None,
            driver=clean(point.driver) or None,
        )
    ]
    if point.odometer is not None and point.odometer > 0:
        made.append(
            StatReading(at=time, type="odometer", value=units.km_from_miles(point.odometer))
        )
    return made


def latest(
    row: Raw, known: Mapping[str, str], identity: Identity, now: datetime
) -> tuple[LatestVehicleLocation, bytes] | None:
    """Build where a unit is now; None where it has no usable place or no unit of `current-units` is it."""
    try:
        live = msgspec.json.decode(row, type=Live)
    except UNREADABLE:
        return None
    source_id = known.get(clean(live.vin).upper()) or known.get(f"#{clean(live.truck_number)}")
    floor, ceiling = Window(now).bounds()
    if source_id is None or live.timestamp.tzinfo is None or not floor <= live.timestamp < ceiling:
        return None
    speed = _speed(live.speed)
    odometer: float | UnsetType = UNSET
    if live.odometer is not None and live.odometer > 0:
        odometer = units.km_from_miles(live.odometer)
    built = LatestVehicleLocation(
        provider=PROVIDER,
        vehicle=identity.of("vehicle", source_id),
        located_at=clock.iso(live.timestamp),
        location=Coordinates(longitude=live.coordinates.lng, latitude=live.coordinates.lat),
        heading=UNSET if live.rotation is None else live.rotation % 360,
        speed=UNSET if speed is None else speed,
        odometer=odometer,
    )
    return built, bytes(row)


def by_number_plate(rows: list[Raw]) -> dict[str, str]:
    """Index units by VIN, and by truck number with a `#` before it, which no VIN has."""
    found: dict[str, str] = {}
    for row in rows:
        try:
            unit = msgspec.json.decode(row, type=Unit)
        except UNREADABLE:
            continue
        if vin := clean(unit.vin).upper():
            found[vin] = unit.id
        if number := clean(unit.truck_number):
            found[f"#{number}"] = unit.id
    return found


def unit_ids(rows: list[Raw]) -> list[str]:
    """List the ids of units; raise Changed where none can be read."""
    found = [cut for row in rows if (cut := _id(row)) is not None]
    if rows and not found:
        raise Changed("None of TT ELD's units has an id that can be read.")
    return found


def _id(row: Raw) -> str | None:
    try:
        return msgspec.json.decode(row, type=Unit).id
    except UNREADABLE:
        return None


def _speed(mph: float | None) -> float | None:
    return None if mph is None or mph < 0 else units.kmh_from_mph(mph)
