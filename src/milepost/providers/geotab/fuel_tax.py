"""Turns Geotab's fuel tax details into what a vehicle drove by month and jurisdiction; pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Raw

from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import clean, read
from milepost.models.ifta import IFTAVehicleMonth
from milepost.providers.geotab import shapes
from milepost.providers.geotab.mapping import STATES

HOUR = timedelta(hours=1)


def month_cut(
    vehicle: str,
    rows: Sequence[Raw],
    bounds: tuple[datetime, datetime],
    month: str,
    identity: Identity,
    provider: str,
) -> Cut:
    """Add up what a vehicle drove in a month, `bounds` of it in the vehicle's time zone: a record a jurisdiction.

    A jurisdiction that the model does not know, such as a state of Mexico, is null and has its own record.
    """
    rejects: list[Reject] = []
    sums: dict[str, float] = {}
    for at, raw in enumerate(rows):
        detail = read(raw, shapes.FuelTaxDetail, rejects, at)
        if detail is None or detail.isNegligible:
            continue
        km = sum(share for start, share in pieces(detail) if bounds[0] <= start < bounds[1])
        if km > 0:
            code = clean(detail.jurisdiction).upper()
            sums[code] = sums.get(code, 0.0) + km
    records = [
        IFTAVehicleMonth(
            id=identity.of("ifta_vehicle_month", f"{vehicle}:{month}:{code}"),
            provider=provider,
            vehicle=identity.of("vehicle", vehicle),
            month=month,
            jurisdiction=STATES.get(code),
            distance=round(km, 3),
        )
        for code, km in sorted(sums.items())
    ]
    return Cut(
        body=b'{"data":[%b]}' % b",".join(rows),
        schema="geotab.FuelTaxDetail",
        records=list(records),
        ordinals=[0] * len(records),  # A month is made of many details, and shows them all.
        rejects=rejects,
    )


def pieces(detail: shapes.FuelTaxDetail) -> Iterator[tuple[datetime, float]]:
    """Yield when each piece of a detail began and how long it is, in km.

    A detail within one hour is one piece. A longer one is cut at full hours, where its hourly odometers
    stand, or evenly by time where it has none.
    """
    total = _between(detail.enterOdometer, detail.exitOdometer)
    marks = detail.hourlyOdometer
    if total is None:
        total = _between(detail.enterGpsOdometer, detail.exitGpsOdometer)
        marks = detail.hourlyGpsOdometer
    if total is None or total <= 0:
        return
    edges = [detail.enterTime, *_full_hours(detail.enterTime, detail.exitTime), detail.exitTime]
    if len(edges) == 2 or detail.exitTime <= detail.enterTime:
        yield detail.enterTime, total
        return
    readings = _readings(detail, marks, len(edges))
    if readings is None:
        length = detail.exitTime - detail.enterTime
        for start, end in itertools.pairwise(edges):
            yield start, total * ((end - start) / length)
        return
    for start, (before, after) in zip(edges[:-1], itertools.pairwise(readings), strict=True):
        yield start, max(0.0, after - before)


def _readings(
    detail: shapes.FuelTaxDetail, marks: list[float] | None, edges: int
) -> list[float] | None:
    """Return the odometer at each edge; the hourly ones come with or without the detail's own ends."""
    if not detail.hasHourlyData or not marks:
        return None
    if len(marks) == edges:
        return marks
    by_bus = marks is detail.hourlyOdometer
    first = detail.enterOdometer if by_bus else detail.enterGpsOdometer
    last = detail.exitOdometer if by_bus else detail.exitGpsOdometer
    if len(marks) == edges - 2 and first is not None and last is not None:
        return [first, *marks, last]
    return None


def _full_hours(start: datetime, end: datetime) -> list[datetime]:
    first = start.replace(minute=0, second=0, microsecond=0) + HOUR
    count = max(0, -((first - end) // HOUR))
    return [first + number * HOUR for number in range(count)]


def _between(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else last - first
