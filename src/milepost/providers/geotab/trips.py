"""Turns Geotab's trips into the unified model, and adds them up by vehicle and day; pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import Window, read
from milepost.models.location import Coordinates
from milepost.models.trip import Trip
from milepost.models.utilization import UtilizationDurations, VehicleUtilizationDay
from milepost.providers.geotab import shapes
from milepost.providers.geotab.wire import ref, span_ms

TOO_FAR = 5
"""How many times what speed and time allow a distance must be to be taken for metres (README, trap 12)."""


class Drive(NamedTuple):
    """A stretch of driving: how far, from when to when."""

    starts_at: datetime
    ends_at: datetime
    km: float

    def km_in(self, start: datetime, end: datetime) -> float:
        """Return the share of the distance that falls in [start, end), by time."""
        length = self.ends_at - self.starts_at
        within = min(self.ends_at, end) - max(self.starts_at, start)
        return self.km * (within / length) if within > timedelta() < length else 0.0


def kilometres(raw: shapes.Trip) -> float | None:
    """Return how far a trip went: in km, but metres were seen too, which speed and time give away."""
    if raw.distance is None:
        return None
    hours = (raw.stop - raw.start) / timedelta(hours=1)
    likely = (raw.averageSpeed or 0) * hours
    km = raw.distance / 1000 if likely and raw.distance > TOO_FAR * likely else raw.distance
    return round(km, 3)


def trips_cut(
    vehicle: str, rows: Sequence[Raw], window: Window, identity: Identity, provider: str
) -> Cut:
    """Cut a vehicle's trips that begin in the window; a trip begins where the one before it ended.

    A trip that ends when it begins went nowhere, and leaves no record.
    """
    rejects: list[Reject] = []
    floor, ceiling = window.bounds()
    records: list[Trip] = []
    ordinals: list[int] = []
    before: shapes.Point | None = None
    for at, raw in in_order(rows, rejects):
        if bad := window.verdict(raw.start) or window.verdict(raw.stop):
            rejects.append(Reject(f"start or stop: {bad}", at))
            continue
        started_from, before = before, raw.stopPoint
        if raw.stop <= raw.start or not floor <= raw.start < ceiling:
            continue
        records.append(_trip(vehicle, raw, started_from, identity, provider))
        ordinals.append(at)
    return Cut(
        body=b'{"trips":[%b]}' % b",".join(rows),
        schema="geotab.Trip",
        path="trips",
        records=list(records),
        ordinals=ordinals,
        rejects=rejects,
    )


class _Sums:
    """What a vehicle did on a day."""

    def __init__(self) -> None:
        self.km = 0.0
        self.driving: int | None = None
        self.idling: int | None = None
        self.litres: float | None = None


def usage_cut(
    vehicle: str,
    rows: Sequence[Raw],
    fuel: Sequence[Raw],
    zone: ZoneInfo,
    days: tuple[date, date],
    identity: Identity,
    provider: str,
) -> Cut:
    """Add a vehicle's trips and fuel up by the days on which the trips began, in the vehicle's time zone.

    Fuel is dated at a trip's start or at its stop, which may be on the next day: it is of the trip begun last.
    """
    rejects: list[Reject] = []
    sums: dict[date, _Sums] = {}
    begun: list[datetime] = []
    for _, trip in in_order(rows, rejects):
        begun.append(trip.start)
        of_day = sums.setdefault(trip.start.astimezone(zone).date(), _Sums())
        of_day.km += kilometres(trip) or 0.0
        of_day.driving = _more(of_day.driving, span_ms(trip.drivingDuration))
        of_day.idling = _more(of_day.idling, span_ms(trip.idlingDuration))
    for at, row in enumerate(fuel):
        used = read(row, shapes.FuelUsed, rejects, at)
        if used is None or used.totalFuelUsed is None:
            continue
        if place := bisect.bisect_right(begun, used.dateTime):
            burnt = sums[begun[place - 1].astimezone(zone).date()]
            burnt.litres = (burnt.litres or 0.0) + used.totalFuelUsed
    records = [
        _day(vehicle, day, sums[day], identity, provider)
        for day in sorted(sums)
        if days[0] <= day <= days[1]
    ]
    return Cut(
        body=b'{"trips":[%b],"fuelAndEnergyUsed":[%b]}' % (b",".join(rows), b",".join(fuel)),
        schema="geotab.VehicleDays",
        records=list(records),
        ordinals=[0] * len(records),  # A day is made of many rows, and shows them all.
        rejects=rejects,
    )


def drives(rows: Iterable[Raw]) -> list[Drive]:
    """Return when and how far was driven, for whoever adds it up."""
    return [
        Drive(raw.start.astimezone(UTC), raw.stop.astimezone(UTC), km)
        for _, raw in in_order(rows, [])
        if (km := kilometres(raw)) is not None
    ]


def in_order(rows: Iterable[Raw], rejects: list[Reject]) -> list[tuple[int, shapes.Trip]]:
    """Read trips and sort them by their beginning; each with its place in the answer."""
    read_ = [(at, read(raw, shapes.Trip, rejects, at)) for at, raw in enumerate(rows)]
    found = [(at, trip) for at, trip in read_ if trip is not None]
    return sorted(found, key=lambda each: (each[1].start, each[1].stop))


def _trip(
    vehicle: str,
    raw: shapes.Trip,
    started_from: shapes.Point | None,
    identity: Identity,
    provider: str,
) -> Trip:
    started_at, ended_at = clock.iso(raw.start), clock.iso(raw.stop)
    # A trip that is counted anew gets another id; which vehicle set out when stays.
    source_id = f"{vehicle}:{started_at}"
    driver, km, to = ref(raw.driver), kilometres(raw), raw.stopPoint
    return Trip(
        id=identity.of("trip", source_id),
        source_id=source_id,
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        driver=identity.of("driver", driver) if driver else UNSET,
        started_at=started_at,
        ended_at=ended_at,
        duration=round((raw.stop - raw.start) / timedelta(milliseconds=1)),
        start_location=_place(started_from),
        end_location=_place(to),
        distance=UNSET if km is None else km,
    )


def _day(
    vehicle: str, day: date, sums: _Sums, identity: Identity, provider: str
) -> VehicleUtilizationDay:
    durations = UtilizationDurations(
        driving=UNSET if sums.driving is None else sums.driving,
        idling=UNSET if sums.idling is None else sums.idling,
    )
    return VehicleUtilizationDay(
        id=identity.of("vehicle_utilization_day", f"{vehicle}:{day.isoformat()}"),
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        date=day.isoformat(),
        distance=round(sums.km, 3),
        fuel_consumed=UNSET if sums.litres is None else round(sums.litres, 2),
        durations=UNSET if durations == UtilizationDurations() else durations,
    )


def _more(sum_: int | None, ms: int | None) -> int | None:
    return sum_ if ms is None else (sum_ or 0) + ms


def _place(point: shapes.Point | None) -> Coordinates | UnsetType:
    return UNSET if point is None else Coordinates(longitude=point.x, latitude=point.y)
