"""The simulated vendor's records of vehicles and drivers: trips, duty, fuel, jurisdictions, who drove when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from milepost.kit.world import DutyLog, Journey, VehicleCard, World
from milepost.models.hos import HOSStatus
from milepost.providers.geotab.sim_dialect import (
    Search,
    geotab_id,
    row_id,
    span,
    spell,
    world_id,
)
from milepost.providers.geotab.sim_entities import Row, vehicle_of

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

STATUSES: dict[HOSStatus, str] = {
    "driving": "D",
    "on_duty": "ON",
    "off_duty": "OFF",
    "sleeper_bed": "SB",
    "personal_conveyance": "PC",
    "yard_move": "YM",
    "waiting_time": "WT",
}
_CLEARS: dict[HOSStatus, HOSStatus] = {
    "personal_conveyance": "off_duty",
    "yard_move": "on_duty",
}


def list_trips(search: Search, world: World) -> list[Row]:
    """List the trips that stopped in the window, of a vehicle or of a driver."""
    start, end = search.window()
    driver = search.named("userSearch")
    cards = vehicle_of(search, world)
    if driver is not None:
        seats = world.assignments(start - 2 * DAY, end)
        driven = {seat.vehicle_id for seat in seats if seat.driver_id == world_id(driver)}
        cards = [card for card in cards if card.id in driven]
    return [
        row
        for card in cards
        for row in _trips(card, world, start, end, search.now)
        if driver is None or row["driver"] == {"id": driver, "isDriver": True}
    ]


def list_fuel_used(search: Search, world: World) -> list[Row]:
    """List the fuel of each trip and of the stop after it, at the time when the trip stopped."""
    start, end = search.window()
    rows: list[Row] = []
    for card in vehicle_of(search, world):
        for trip, resumed in _journeys(card, world, start, end, search.now):
            usage = world.usage(card.id, trip.starts_at, resumed)
            if usage is not None and usage.fuel_ml is not None:
                rows.append(
                    {
                        "id": row_id("fuel", card.id, trip.starts_at),
                        "device": {"id": geotab_id(card.id)},
                        "dateTime": spell(trip.ends_at),
                        "totalFuelUsed": usage.fuel_ml / 1000,
                        "totalIdlingFuelUsedL": (usage.idling_ms or 0) / 3_600_000 * 2.5,
                        "confidence": "None",
                        "version": f"{len(rows):016x}",
                    }
                )
    return rows


def list_fuel_tax(search: Search, world: World) -> list[Row]:
    """List what was driven in which jurisdiction: a detail a trip, or several where it crosses a border."""
    start, end = search.window()
    rows: list[Row] = []
    for card in vehicle_of(search, world):
        for trip in world.trips(card.id, start, end, search.now):
            rows += _details(card, trip, world)
    return rows


def list_duty(search: Search, world: World) -> list[Row]:
    """List the duty statuses that began in the window; the boundary log is the one just before it."""
    start, end = search.window()
    drivers = [search.named("userSearch")]
    if drivers == [None]:
        drivers = [geotab_id(card.id) for card in world.drivers]
    rows: list[Row] = []
    for driver in drivers:
        known = {card.id for card in world.drivers}
        id_ = world_id(driver)
        if id_ is None or id_ not in known:
            continue
        logs = list(world.duty(id_, start - DAY, end, search.now))
        if search.terms.get("includeBoundaryLogs"):
            begins = max((log.starts_at for log in logs if log.starts_at < start), default=start)
        else:
            begins = start
        previous: DutyLog | None = None
        for log in logs:
            if log.starts_at >= begins:
                rows += _log_rows(log, previous)
            previous = log
    return rows


def list_annotations(search: Search, world: World) -> list[Row]:
    driver = search.named("userSearch")
    id_ = world_id(driver)
    if id_ is None or id_ not in {card.id for card in world.drivers}:
        return []
    start, end = search.window()
    return [
        {
            "id": _note_id(log),
            "comment": log.remark,
            "dateTime": spell(log.starts_at),
            "driver": {"id": driver},
            "dutyStatusLog": {"id": _log_id(log)},
            "version": f"{number:016x}",
        }
        for number, log in enumerate(world.duty(id_, start, end, search.now))
        if log.remark and start <= log.starts_at < end
    ]


def list_availability(search: Search, world: World) -> list[Row]:
    driver = search.named("userSearch")
    id_ = world_id(driver)
    if id_ is None or id_ not in {card.id for card in world.drivers}:
        return []
    left = world.hours_left(id_, search.now)
    if left is None:
        return []
    ms = timedelta(milliseconds=1)
    return [
        {
            "driver": {"id": driver},
            "driving": span(left.drive_ms * ms),
            "workday": span(left.shift_ms * ms),
            "duty": span(left.shift_ms * ms),
            "cycle": span(left.cycle_ms * ms),
            "rest": span(left.break_ms * ms),
            "cycleRest": "00:00:00",
            "recap": [],
            "isAdverseDrivingExemptionAvailable": True,
        }
    ]


def list_driver_changes(search: Search, world: World) -> list[Row]:
    """List when somebody took the wheel and when nobody known had it any more."""
    start, end = search.window()
    cards = {card.id for card in vehicle_of(search, world)}
    rows: list[Row] = []
    for seat in world.assignments(start, end):
        if seat.passenger or seat.vehicle_id not in cards:
            continue
        driver = {"id": geotab_id(seat.driver_id), "isDriver": True}
        if start <= seat.starts_at < end:
            rows.append(_change(seat.vehicle_id, seat.starts_at, driver, "Driver"))
        if seat.ends_at is not None and start <= seat.ends_at < end:
            rows.append(_change(seat.vehicle_id, seat.ends_at, "UnknownDriverId", "None"))
    return rows


def _journeys(
    card: VehicleCard, world: World, start: datetime, end: datetime, now: datetime
) -> Iterator[tuple[Journey, datetime]]:
    """Yield the trips that stopped in [start, end), each with when the next one began, as far as known."""
    found: Sequence[Journey] = world.trips(card.id, start - 2 * DAY, end + 3 * DAY, now)
    for number, trip in enumerate(found):
        following = found[number + 1].starts_at if number + 1 < len(found) else now
        if start <= trip.ends_at < end:
            yield trip, following


def _trips(
    card: VehicleCard, world: World, start: datetime, end: datetime, now: datetime
) -> Iterator[Row]:
    for trip, resumed in _journeys(card, world, start, end, now):
        length = trip.ends_at - trip.starts_at
        stopped = resumed - trip.ends_at
        rest = world.usage(card.id, trip.ends_at, resumed)
        idle = timedelta(milliseconds=(rest.idling_ms or 0) if rest else 0)
        driver = trip.driver_id
        row: Row = {
            "id": row_id("trip", card.id, trip.starts_at),
            "device": {"id": geotab_id(card.id)},
            "driver": {"id": geotab_id(driver), "isDriver": True} if driver else "UnknownDriverId",
            "start": spell(trip.starts_at),
            "stop": spell(trip.ends_at),
            "distance": trip.metres / 1000,
            "averageSpeed": trip.metres / 1000 / (length / HOUR),
            "maximumSpeed": 110,
            "drivingDuration": span(length),
            "idlingDuration": span(idle),
            "stopDuration": span(stopped),
            "nextTripStart": spell(resumed),
            "stopPoint": {"x": trip.destination.longitude, "y": trip.destination.latitude},
            "afterHoursDistance": 0,
            "afterHoursStart": False,
            "afterHoursEnd": False,
            "workDistance": trip.metres / 1000,
            "workDrivingDuration": span(length),
            "isSeatBeltOff": False,
            "version": "0000000000000001",
        }
        if trip.odometer_m:
            row["odometer"] = trip.odometer_m[1]
        yield row


def _details(card: VehicleCard, trip: Journey, world: World) -> Iterator[Row]:
    """Cut a trip at borders, by how far it went in each state; full hours stand in a whole trip only."""
    states = world.mileage(card.id, trip.starts_at, trip.ends_at)
    total = sum(states.values())
    at, driven = trip.starts_at, 0
    base = trip.odometer_m[0] if trip.odometer_m else 0
    for number, (state, metres) in enumerate(states.items()):
        driven += metres
        whole = len(states) == 1
        leaves = (
            trip.ends_at
            if driven == total
            else trip.starts_at + ((trip.ends_at - trip.starts_at) * (driven / total))
        )
        gone = driven - metres
        hours = [
            sum(world.mileage(card.id, trip.starts_at, hour).values()) + base
            for hour in (_hours(at, leaves) if whole else ())
        ]
        kind = "Odometer" if trip.odometer_m else "GpsOdometer"
        yield {
            "id": row_id("tax", card.id, trip.starts_at, number),
            "device": {"id": geotab_id(card.id)},
            "driver": (
                {"id": geotab_id(trip.driver_id), "isDriver": True}
                if trip.driver_id
                else "UnknownDriverId"
            ),
            "jurisdiction": state,
            "authority": state,
            "enterTime": spell(at),
            "exitTime": spell(leaves),
            f"enter{kind}": (base + gone) / 1000,
            f"exit{kind}": (base + driven) / 1000,
            "hasHourlyData": whole,
            f"hourly{kind}": [metres_ / 1000 for metres_ in hours],
            "isClusterOdometer": bool(trip.odometer_m),
            "isNegligible": False,
            "versions": ["0000000000000001"],
        }
        at = leaves


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    hour = start.replace(minute=0, second=0, microsecond=0) + HOUR
    while hour < end:
        yield hour
        hour += HOUR


def _log_rows(log: DutyLog, previous: DutyLog | None) -> Iterator[Row]:
    """Yield a log as the vendor keeps it, now and then with one beside it that no status is."""
    clears = previous is not None and _CLEARS.get(previous.status) == log.status
    vehicle, spot = log.vehicle_id, log.spot
    row: Row = {
        "id": _log_id(log),
        "dateTime": spell(log.starts_at),
        "driver": {"id": geotab_id(log.driver_id)},
        "device": {"id": geotab_id(vehicle)} if vehicle else "NoDeviceId",
        "status": "SituationalDrivingClear" if clears else STATUSES[log.status],
        "state": "Active",
        "origin": "Automatic" if log.status == "driving" else "Manual",
        "eventRecordStatus": 1,
        "isIgnored": False,
        "malfunction": "None",
        "deferralStatus": "None",
        "deferralMinutes": 0,
        "sequence": "1f",
        "version": "0000000000000001",
    }
    if log.remark:
        row["annotations"] = [{"id": _note_id(log)}]
    if log.codriver_ids:
        row["coDrivers"] = [{"id": geotab_id(id_)} for id_ in log.codriver_ids]
    if spot is not None:
        row["location"] = {"location": {"x": spot.longitude, "y": spot.latitude}}
    if log.status == "on_duty" and vehicle and previous and previous.status == "off_duty":
        yield row | {"id": row_id("login", _log_id(log)), "status": "Login", "annotations": []}
        # What was changed stays in the log, as a record that no longer holds.
        changed = {"status": "OFF", "state": "Inactive", "eventRecordStatus": 2}
        yield row | {"id": row_id("old", _log_id(log)), "annotations": [], **changed}
    yield row


def _log_id(log: DutyLog) -> str:
    return row_id("duty", log.driver_id, log.starts_at, log.status)


def _note_id(log: DutyLog) -> str:
    return row_id("note", log.driver_id, log.starts_at, log.remark)


def _change(vehicle: str, at: datetime, driver: object, type_: str) -> Row:
    return {
        "id": row_id("change", vehicle, at, type_),
        "device": {"id": geotab_id(vehicle)},
        "driver": driver,
        "dateTime": spell(at),
        "type": type_,
        "version": "0000000000000001",
    }
