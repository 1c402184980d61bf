"""The synthetic fleet: the same seed gives the same trucks and the same miles, at any time of any year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from msgspec.structs import replace

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
from milepost.models.stats import StatReading, StatType
from milepost.sandbox import roster
from milepost.sandbox.crew import Crew
from milepost.sandbox.hours import Hours
from milepost.sandbox.incidents import Incidents
from milepost.sandbox.journeys import Journeys
from milepost.sandbox.shifts import DAY, FIRST_DAY, Truck
from milepost.sandbox.troubles import Troubles

MILLISECOND = timedelta(milliseconds=1)
TRAILER_BEAT = timedelta(minutes=5)
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
        self.trailers: Sequence[TrailerCard] = roster.draw_trailers(seed, vehicles, FIRST_DAY)
        self._cards = {vehicle.id: vehicle for vehicle in self.vehicles}
        self._trucks = {
            vehicle.id: Truck(number, seed, outages=outages)
            for number, vehicle in enumerate(self.vehicles)
            if vehicle.gateway_serial
        }
        self._numbers = {vehicle_id: number for number, vehicle_id in enumerate(self._trucks)}
        # A trailer hangs behind the truck of its number, and stands where that one rests.
        self._towed_by = {
            trailer.id: vehicle.id
            for trailer, vehicle in zip(self.trailers, self.vehicles, strict=True)
            if trailer.gateway_serial
        }
        self._crew = Crew(self._trucks, self.drivers)
        self._hours = Hours(seed, self.drivers, self._crew, self._trucks)
        self._journeys = Journeys(seed, self._crew)
        self._incidents = Incidents(seed, self._cards, self._trucks, self._crew)
        self._troubles = {
            vehicle_id: Troubles(seed, self._cards[vehicle_id], truck)
            for vehicle_id, truck in self._trucks.items()
            if self._cards[vehicle_id].diagnostics
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
        for lost, found in self.silences(vehicle_id, at - DAY, at):
            if lost <= at < found and lost < end:
                return [w for w in [(start, lost), (max(start, found), end)] if w[0] < w[1]]
        return [(start, end)]

    def came_in(self, vehicle_id: str, since: datetime, until: datetime) -> list[Window]:
        late = [
            (lost, since)
            for lost, found in self.silences(vehicle_id, since - DAY, until)
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

    def trailer_fix(self, trailer_id: str, at: datetime) -> Fix | None:
        """Return where a trailer last reported from: its gateway does so every five minutes only."""
        vehicle_id = self._towed_by.get(trailer_id)
        return (
            self.latest_fix(vehicle_id, at - (at - FIRST_DAY) % TRAILER_BEAT)
            if vehicle_id
            else None
        )

    def assignments(self, start: datetime, end: datetime) -> list[Assignment]:
        """Return one driver a shift, rotating daily; now and then a passenger rides along."""
        found = [
            Assignment(
                driver_id=turn.driver_id,
                vehicle_id=turn.vehicle_id,
                starts_at=turn.starts_at,
                ends_at=turn.ends_at,
                passenger=turn.passenger,
                kind=("hos", "static", "driver_app")[number % 3],
            )
            for number, truck in enumerate(self._trucks.values())
            for day in truck.days(start, end)
            for turn in self._crew.seats(number, day)
            if turn.starts_at < end and turn.ends_at > start
        ]
        return sorted(found, key=lambda a: (a.starts_at, a.vehicle_id, a.passenger))

    def trips(self, vehicle_id: str, start: datetime, end: datetime, at: datetime) -> list[Journey]:
        truck = self._trucks.get(vehicle_id)
        if truck is None:
            return []
        outage = next(
            (o for o in self.silences(vehicle_id, at - DAY, at) if o[0] <= at < o[1]), None
        )
        complete = outage[0] if outage else at
        number = self._numbers[vehicle_id]
        return [
            trip if self._cards[vehicle_id].diagnostics else _without_bus(trip)
            for trip in self._journeys.between(vehicle_id, number, truck, start, end)
            if trip.ends_at <= complete
        ]

    def duty(self, driver_id: str, start: datetime, end: datetime, at: datetime) -> list[DutyLog]:
        return self._hours.duty(driver_id, start, end, at)

    def duty_day(self, driver_id: str, day: date, at: datetime) -> DutyDay | None:
        return self._hours.duty_day(driver_id, day, at)

    def hours_left(self, driver_id: str, at: datetime) -> HoursLeft | None:
        return self._hours.hours_left(driver_id, at)

    def incidents(self, start: datetime, end: datetime, at: datetime) -> list[Incident]:
        return self._incidents.between(start, end, at)

    def incident(self, id_: str, at: datetime) -> Incident | None:
        return self._incidents.find(id_, at)

    def incidents_changed(self, since: datetime, until: datetime) -> list[Incident]:
        return self._incidents.changed(since, until)

    def faults(self, vehicle_id: str, start: datetime, end: datetime) -> list[FaultReading]:
        troubles = self._troubles.get(vehicle_id)
        return troubles.readings(start, end) if troubles else []

    def latest_faults(self, vehicle_id: str, at: datetime) -> FaultReading | None:
        for start, end in self._backwards(vehicle_id, at):
            if found := self.faults(vehicle_id, start, end):
                return found[-1]
        return None

    def usage(self, vehicle_id: str, start: datetime, end: datetime) -> Usage | None:
        truck = self._trucks.get(vehicle_id)
        if truck is None:
            return None
        before, after = truck.totals(start), truck.totals(end)
        with_bus = self._cards[vehicle_id].diagnostics
        return Usage(
            metres=truck.odometer_m(end) - truck.odometer_m(start),
            running_ms=round(1000 * (after.engine_s - before.engine_s)),
            idling_ms=round(1000 * (after.idle_s - before.idle_s)),
            fuel_ml=round(after.fuel_ml - before.fuel_ml) if with_bus else None,
        )

    def mileage(self, vehicle_id: str, start: datetime, end: datetime) -> dict[str, int]:
        truck = self._trucks.get(vehicle_id)
        if truck is None:
            return {}
        exact = truck.mileage(start, end)
        return _whole(exact, truck.odometer_m(end) - truck.odometer_m(start))

    def edits(self, since: datetime, until: datetime) -> list[Edit]:
        found = [*self._hours.edits(since, until), *self._incidents.edits(since, until)]
        return sorted(found, key=lambda edit: (edit.at, edit.subject))

    def silences(self, vehicle_id: str, start: datetime, end: datetime) -> list[Window]:
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


def _without_bus(trip: Journey) -> Journey:
    return replace(trip, odometer_m=None, fuel_ml=None)


def _whole(parts: dict[str, float], total: int) -> dict[str, int]:
    """Round parts to whole metres that still sum to the total: the largest remainders are rounded up."""
    found = {state: int(metres) for state, metres in parts.items()}
    missing = total - sum(found.values())
    by_remainder = sorted(parts, key=lambda state: (found[state] - parts[state], state))
    for state in by_remainder[:missing]:
        found[state] += 1
    return {state: metres for state, metres in sorted(found.items()) if metres}
