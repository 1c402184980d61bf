"""Who sits in which synthetic truck on which day: drivers rotate daily, and one rides along now and then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from milepost.kit.world import DriverCard
from milepost.sandbox.shifts import Truck

_RIDES_EVERY = 5  # days; of the first trucks one carries a second driver each day


class Turn(NamedTuple):
    """A driver's work on one day."""

    driver_id: str
    vehicle_id: str
    truck: Truck
    number: int  # of the truck
    day: int
    passenger: bool
    partner_id: str | None  # who else is on board

    @property
    def starts_at(self) -> datetime:
        return self.truck.shift(self.day).starts_at

    @property
    def ends_at(self) -> datetime:
        return self.truck.shift(self.day).ends_at


class Crew:
    """The drivers of a fleet, by day. Trucks beyond the number of drivers drive unassigned."""

    def __init__(self, trucks: Mapping[str, Truck], drivers: Sequence[DriverCard]) -> None:
        self._trucks = list(trucks.items())
        self._ids = [driver.id for driver in drivers if driver.active]
        self._numbers = {id_: number for number, id_ in enumerate(self._ids)}
        self._driven = min(len(self._ids), len(self._trucks))
        # Whoever has no truck of their own is the one who rides along.
        self._rider = self._ids[-1] if len(self._ids) > self._driven else None

    def seats(self, number: int, day: int) -> list[Turn]:
        """Return who sits in a truck, the one at the wheel first."""
        if number >= self._driven:
            return []
        vehicle_id, truck = self._trucks[number]
        driver = self._ids[(number + day) % self._driven]
        rides = number < _RIDES_EVERY and (number + day) % _RIDES_EVERY == 0
        rider = self._rider if rides else None
        found = [Turn(driver, vehicle_id, truck, number, day, False, rider)]
        if rider is not None:
            found.append(Turn(rider, vehicle_id, truck, number, day, True, driver))
        return found

    def turn(self, driver_id: str, day: int) -> Turn | None:
        """Return what a driver does on a day."""
        number = self._numbers.get(driver_id)
        if number is None or day < 0:
            return None
        if number < self._driven:
            return self.seats((number - day) % self._driven, day)[0]
        if driver_id != self._rider:
            return None
        rides = -day % _RIDES_EVERY
        seats = self.seats(rides, day)
        return seats[1] if len(seats) > 1 else None

    def next_turn(self, driver_id: str, day: int) -> Turn | None:
        """Return a driver's first turn after a day; a rider may wait some days for one."""
        later = (self.turn(driver_id, day + ahead) for ahead in range(1, _RIDES_EVERY + 1))
        return next(filter(None, later), None)
