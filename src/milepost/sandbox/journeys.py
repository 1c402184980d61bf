"""Trips, as a gateway sees them: a vehicle moves, stands for five minutes or crosses a border, and one ends.

Those of a synthetic truck follow from its shift, those of a trace from its positions. A trace knows no
borders.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from milepost.kit.world import Journey, Spot
from milepost.models.location import Fix
from milepost.sandbox.chance import seeded
from milepost.sandbox.crew import Crew
from milepost.sandbox.shifts import BLOCK_S, Truck

_MOVING_KMH = 8.04672  # 5 mph begin a trip
_STANDING = timedelta(minutes=5)  # below that, end one
_UNSIGNED = 0.12  # of trips: nobody had signed in when they ended (15 % on a live account)
_MILLISECOND = timedelta(milliseconds=1)
_BLOCK = timedelta(seconds=BLOCK_S)


class Journeys:
    """The trips of the synthetic trucks."""

    def __init__(self, seed: int, crew: Crew) -> None:
        self._seed = seed
        self._crew = crew
        self._of_day = functools.lru_cache(maxsize=4_096)(self._draw)

    def between(
        self, vehicle_id: str, number: int, truck: Truck, start: datetime, end: datetime
    ) -> Iterator[Journey]:
        for day in truck.days(start, end):
            for journey in self._of_day(vehicle_id, number, truck, day):
                if journey.starts_at < end and journey.ends_at > start:
                    yield journey

    def _draw(self, vehicle_id: str, number: int, truck: Truck, day: int) -> list[Journey]:
        chance = seeded("trips", self._seed, vehicle_id, day)
        seats = self._crew.seats(number, day)
        found: list[Journey] = []
        for begins, ends in itertools.pairwise(_marks(truck, day)):
            if begins is None or ends is None:
                continue
            signed = seats if chance.random() >= _UNSIGNED else []
            (origin, _), (destination, _) = truck.spot(begins), truck.spot(ends)
            before, after = truck.totals(begins), truck.totals(ends)
            found.append(
                Journey(
                    vehicle_id=vehicle_id,
                    starts_at=begins,
                    ends_at=ends,
                    origin=origin,
                    destination=destination,
                    metres=round(truck.road_m(ends)) - round(truck.road_m(begins)),
                    driver_id=signed[0].driver_id if signed else None,
                    codriver_ids=tuple(turn.driver_id for turn in signed[1:]),
                    fuel_ml=round(after.fuel_ml - before.fuel_ml),
                    odometer_m=(truck.odometer_m(begins), truck.odometer_m(ends)),
                )
            )
        return found


def _marks(truck: Truck, day: int) -> Iterator[datetime | None]:
    """Yield when trips begin and end, with a None for every stop between them."""
    moving = False
    for block in truck.shift(day).blocks:
        if block.state == "on":
            if not moving:
                yield block.starts_at
            moving = True
            yield from _crossings(truck, block.starts_at)
        elif moving:
            yield block.starts_at
            yield None
            moving = False
    if moving:
        yield truck.shift(day).ends_at


def _crossings(truck: Truck, begins: datetime) -> Iterator[datetime]:
    """Yield when, within a block, the truck passes borders."""
    ends = begins + _BLOCK - _MILLISECOND
    for border in truck.road.borders(truck.road_m(begins), truck.road_m(ends)):
        low, high = 1, BLOCK_S * 1000 - 1
        while low < high:
            middle = (low + high) // 2
            if truck.road_m(begins + middle * _MILLISECOND) < border:
                low = middle + 1
            else:
                high = middle
        yield begins + low * _MILLISECOND


def trace_journeys(
    vehicle_id: str, fixes: Sequence[Fix], driven_m: Sequence[float], driver_id: str | None
) -> list[Journey]:
    """Find the trips of a trace; `driven_m` is what it had driven at each position."""
    found: list[Journey] = []
    first = last = None
    for i, fix in enumerate(fixes):
        if fix.speed is None or fix.speed < _MOVING_KMH:
            continue
        if last is not None and first is not None:
            if fixes[i - 1].located_at - fixes[last].located_at >= _STANDING:
                found.append(_trace(vehicle_id, fixes, driven_m, driver_id, first, last))
                first = i - 1
        else:
            first = i - 1
        last = i
    if first is not None and last is not None:
        found.append(_trace(vehicle_id, fixes, driven_m, driver_id, first, last))
    return found


def _trace(
    vehicle_id: str,
    fixes: Sequence[Fix],
    driven_m: Sequence[float],
    driver_id: str | None,
    first: int,
    last: int,
) -> Journey:
    begins, ends = fixes[first], fixes[last]
    return Journey(
        vehicle_id=vehicle_id,
        starts_at=begins.located_at,
        ends_at=ends.located_at,
        origin=Spot(begins.latitude, begins.longitude),
        destination=Spot(ends.latitude, ends.longitude),
        metres=round(driven_m[last] - driven_m[first]),
        driver_id=driver_id,
    )
