"""Measures in which units odometers come: a driving period, always in km, against a vehicle's own history; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from msgspec import Raw

from milepost.kit.salvage import UNREADABLE
from milepost.providers.motive import shapes

MEASURABLE_KM = 5.0  # Over less, the odometer's own steps weigh too much.
TRIED = 3  # Vehicles that are looked at: one may have no odometer.

# Miles show as 0.62 of the kilometres. A record may lie two minutes from the period's end, which on a
# long one is a tenth: so far may a ratio be off.
_MILES, _BETWEEN, _MOST = 0.5, 0.8, 1.3


def longest(rows: Iterable[Raw], without: Collection[str] = ()) -> list[shapes.DrivingPeriod]:
    """Return the longest finished periods that can be measured by, one a vehicle but those in `without`."""
    found: dict[str, shapes.DrivingPeriod] = {}
    for row in rows:
        try:
            period = msgspec.json.decode(row, type=shapes.DrivingPeriod)
        except UNREADABLE:
            continue
        vehicle = str(period.vehicle.id)
        if vehicle not in without and _km(period) >= max(
            MEASURABLE_KM, _km(found[vehicle]) if vehicle in found else 0.0
        ):
            found[vehicle] = period
    return sorted(found.values(), key=_km, reverse=True)[:TRIED]


def ratio(period: shapes.DrivingPeriod, history: bytes) -> float | None:
    """Return by how much the odometer rose for each km of the period; None where that cannot be told.

    The odometer is read at the last record before the period and the first one after it: the vehicle
    stands there.
    """
    try:
        entries = msgspec.json.decode(history, type=shapes.History).vehicle_locations or ()
    except UNREADABLE:
        return None
    read = sorted(
        (loc.located_at, loc.true_odometer)
        for entry in entries
        if (loc := entry.vehicle_location).true_odometer is not None
    )
    ended = period.end_time or period.start_time
    before = [odometer for at, odometer in read if at <= period.start_time]
    after = [odometer for at, odometer in read if at >= ended]
    if not before or not after:
        return None
    found = (after[0] - before[-1]) / _km(period)
    return found if _MILES <= found <= _MOST else None


def is_metric(measured: float) -> bool:
    return measured > _BETWEEN


def _km(period: shapes.DrivingPeriod) -> float:
    if period.start_kilometers is None or period.end_kilometers is None:
        return 0.0
    return period.end_kilometers - period.start_kilometers
