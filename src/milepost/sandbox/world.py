"""The synthetic fleet: the same seed gives the same trucks and the same miles, at any time of any year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from milepost.kit.simulation import Assignment, DriverCard, Fleet, GroupCard, VehicleCard, Window
from milepost.models.location import Fix
from milepost.models.stats import StatReading, StatType
from milepost.sandbox import roster
from milepost.sandbox.shifts import DAY, FIRST_DAY, Truck

MILLISECOND = timedelta(milliseconds=1)
# A gateway without an engine bus still knows ignition, distance and hours.
_WITHOUT_BUS: tuple[StatType, ...] = ("engine_state", "odometer", "engine_runtime")


class SyntheticWorld:
    """A seeded fleet as a pure function of time; the simulator's `World`.

    As real time goes on, its trucks drive on: nothing is stored, every answer is computed.
    """

    def __init__(
        self, seed: int = 7, vehicles: int = 10, drivers: int = 12, *, outages: bool = True
    ) -> None:
        self.fleet: Fleet = roster.FLEET
        self.groups: Sequence[GroupCard] = roster.GROUPS
        self.vehicles: Sequence[VehicleCard] = roster.draw_vehicles(seed, vehicles, FIRST_DAY)
        self.drivers: Sequence[DriverCard] = roster.draw_drivers(seed, drivers, FIRST_DAY)
        self._seed = seed
        self._cards = {vehicle.id: vehicle for vehicle in self.vehicles}
        self._trucks = {
            vehicle.id: Truck(number, seed, outages=outages)
            for number, vehicle in enumerate(self.vehicles)
            if vehicle.gateway_serial
        }

    def fixes(self, vehicle_id: str, start: datetime, end: datetime) -> list[Fix]:
        truck = self._trucks.get(vehicle_id)
        return truck.fixes(start, end) if truck else []

    def readings(
        self, vehicle_id: str, type_: StatType, start: datetime, end: datetime
    ) -> list[StatReading]:
        truck = self._trucks.get(vehicle_id)
        if truck is None or not (self._cards[vehicle_id].diagnostics or type_ in _WITHOUT_BUS):
            return []
        return truck.readings(type_, start, end)

    def held(self, vehicle_id: str, start: datetime, end: datetime, at: datetime) -> list[Window]:
        end = min(end, at + MILLISECOND)
        if start >= end:
            return []
        for lost, found in self._outages(vehicle_id, at - DAY, at):
            if lost <= at < found and lost < end:
                return [w for w in [(start, lost), (max(start, found), end)] if w[0] < w[1]]
        return [(start, end)]

    def came_in(self, vehicle_id: str, since: datetime, until: datetime) -> list[Window]:
        late = [
            (lost, since)
            for lost, found in self._outages(vehicle_id, since - DAY, until)
            if since <= found < until and lost < since
        ]
        return late + self.held(vehicle_id, since, until, until - MILLISECOND)

    def latest_fix(self, vehicle_id: str, at: datetime) -> Fix | None:
        for start, end in self._backwards(vehicle_id, at):
            if found := self.fixes(vehicle_id, start, end):
                return found[-1]
        return None

    def latest_reading(self, vehicle_id: str, type_: StatType, at: datetime) -> StatReading | None:
        for start, end in self._backwards(vehicle_id, at):
            if found := self.readings(vehicle_id, type_, start, end):
                return found[-1]
        return None

    def assignments(self, start: datetime, end: datetime) -> list[Assignment]:
        """Return one driver a shift, rotating daily; now and then a passenger rides along."""
        active = [driver for driver in self.drivers if driver.active]
        found: list[Assignment] = []
        for number, vehicle_id in enumerate(self._trucks if active else ()):
            truck = self._trucks[vehicle_id]
            if number >= len(active):
                break  # More trucks than drivers: the rest drive unassigned, as they do in life.
            for day in truck.days(start, end):
                shift = truck.shift(day)
                if shift.starts_at >= end or shift.ends_at <= start:
                    continue
                seats = [(number, False)]
                if (number + day) % 5 == 0 and len(active) > len(self._trucks):
                    seats.append((len(active) - 1, True))
                for seat, passenger in seats:
                    who = seat if passenger else (seat + day) % min(len(active), len(self._trucks))
                    found.append(
                        Assignment(
                            driver_id=active[who].id,
                            vehicle_id=vehicle_id,
                            starts_at=shift.starts_at,
                            ends_at=shift.ends_at,
                            passenger=passenger,
                            kind=("hos", "static", "driver_app")[number % 3],
                        )
                    )
        return sorted(found, key=lambda a: (a.starts_at, a.vehicle_id, a.passenger))

    def _outages(self, vehicle_id: str, start: datetime, end: datetime) -> list[Window]:
        truck = self._trucks.get(vehicle_id)
        if truck is None:
            return []
        found = (truck.shift(day).outage for day in truck.days(start, end))
        return [outage for outage in found if outage]

    def _backwards(self, vehicle_id: str, at: datetime) -> Sequence[Window]:
        """Look back in growing steps; a working truck is found within minutes, its rest within a day."""
        found: list[Window] = []
        later = at + MILLISECOND
        for step in (timedelta(minutes=6), timedelta(hours=1), DAY, 2 * DAY):
            found += reversed(self.held(vehicle_id, later - step, later, at))
            later -= step
        return found
