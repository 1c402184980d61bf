"""The simulated vendor's hours of service: duty statuses, daily logs, clocks.

Duty statuses have no id, come grouped by driver, and a driver may appear again on the next page. Edits
change them silently. Daily logs show active drivers unless the deactivated ones are asked for.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import DriverCard, DutyDay, DutyLog, VehicleCard, World
from milepost.models.hos import HOSStatus
from milepost.providers.samsara.sim_dialect import (
    Declined,
    cut_page,
    drivers_wanted,
    external_ids,
    page_size,
    read_cursor,
    read_instant,
    read_list,
    spell_millisecond,
    spell_second,
)

_LOGS_A_PAGE = 200  # Guesses: the endpoints take no limit and state no measure.
_DAYS_A_PAGE = 100
_CERTIFIED_AFTER = timedelta(hours=9)  # most drivers sign a day's log the next morning
_STATUSES: dict[HOSStatus, str] = {
    "off_duty": "offDuty",
    "sleeper_bed": "sleeperBed",
    "driving": "driving",
    "on_duty": "onDuty",
    "yard_move": "yardMove",
    "personal_conveyance": "personalConveyance",
}


def list_logs(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """List the statuses that overlap the window, which is this very instant unless it is given."""
    start, end = read_instant(request, "startTime", now), read_instant(request, "endTime", now)
    if start > end:
        raise Declined(400, "startTime must be before endTime")
    # A window of no length still shows the status that holds then.
    until = end if end > start else end + timedelta(milliseconds=1)
    drivers = {driver.id: driver for driver in drivers_wanted(request, world)}
    size = conditions.page_records or _LOGS_A_PAGE
    place = read_cursor(request, now)
    logs: list[DutyLog] = []
    for id_ in drivers:
        if place is None or place.subject <= f"{id_}/~":
            logs += world.duty(id_, start, until, now)
        # Enough for this page, besides what the page before has shown of its last driver.
        if sum(place is None or _place(log) > place.subject for log in logs) > size:
            break
    page, pagination = cut_page(logs, _place, request, now, size)
    names = {driver.id: driver.name for driver in world.drivers}
    vehicles = {vehicle.id: vehicle for vehicle in world.vehicles}
    data = [
        {
            "driver": _name(drivers[id_]),
            "hosLogs": [_show_log(log, names, vehicles) for log in of_driver],
        }
        for id_, of_driver in groupby(page, lambda log: log.driver_id)
    ]
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _show_log(
    log: DutyLog, names: dict[str, str], vehicles: dict[str, VehicleCard]
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "hosStatusType": _STATUSES[log.status],
        "logStartTime": spell_millisecond(log.starts_at),
        "codrivers": [{"id": id_, "name": names[id_]} for id_ in log.codriver_ids],
        "remark": log.remark,
    }
    if log.ends_at is not None:
        shown["logEndTime"] = spell_millisecond(log.ends_at)
    if log.spot is not None:
        shown["logRecordedLocation"] = {
            "latitude": log.spot.latitude,
            "longitude": log.spot.longitude,
        }
    vehicle = vehicles.get(log.vehicle_id or "")
    if vehicle:
        shown["vehicle"] = _head(vehicle)
    return shown


def list_days(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    first, last = _day(request, "startDate"), _day(request, "endDate")
    if first > last:
        raise Declined(400, "endDate must be greater than or equal to startDate")
    today = now.astimezone(ZoneInfo(world.fleet.timezone)).date()
    if last > today:
        raise Declined(400, "endDate must not be after today in the organization's timezone")
    wanted = request.argument("driverActivationStatus") or "active"
    if wanted not in ("active", "deactivated"):
        raise Declined(400, "Invalid value for driverActivationStatus")
    drivers = {
        driver.id: driver
        for driver in drivers_wanted(request, world)
        if driver.active == (wanted == "active")
    }
    place = read_cursor(request, now)
    dates = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    days = [
        day
        for id_ in drivers
        if place is None or place.subject <= f"{id_}/~"
        for date_ in dates
        if (day := world.duty_day(id_, date_, now))
    ]
    size = conditions.page_records or _DAYS_A_PAGE
    page, pagination = cut_page(days, lambda d: f"{d.driver_id}/{d.day}", request, now, size)
    expanded = "vehicle" in read_list(request, "expand")
    data = [_show_day(day, drivers[day.driver_id], world, now, expanded) for day in page]
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _show_day(
    day: DutyDay, driver: DriverCard, world: World, now: datetime, expanded: bool
) -> dict[str, Any]:
    spent, metres = day.durations_ms, day.metres
    driving, yard = spent.get("driving", 0), spent.get("yard_move", 0)
    conveyance, on_duty = spent.get("personal_conveyance", 0), spent.get("on_duty", 0)
    durations = {
        "activeDurationMs": on_duty + driving + yard,
        "driveDurationMs": driving,
        # Personal conveyance lies inside off duty; yard moves lie beside on duty, as in the examples.
        "offDutyDurationMs": spent.get("off_duty", 0) + conveyance,
        "onDutyDurationMs": on_duty,
        "personalConveyanceDurationMs": conveyance,
        "sleeperBerthDurationMs": spent.get("sleeper_bed", 0),
        "waitingTimeDurationMs": 0,
        "yardMoveDurationMs": yard,
    }
    signed_at = day.ends_at + _CERTIFIED_AFTER
    meta: dict[str, Any] = {
        "carrierName": world.fleet.name,
        "carrierUsDotNumber": world.fleet.dot_number,
        "carrierFormattedAddress": world.fleet.address,
        "homeTerminalName": "",
        "homeTerminalFormattedAddress": "",
        "adverseDrivingClaimed": False,
        "bigDayClaimed": False,
        "isUsShortHaulActive": False,
        "isCertified": signed_at <= now,
        "shippingDocs": "",
        "trailerNames": [],
    }
    if signed_at <= now:
        meta["certifiedAtTime"] = spell_second(signed_at)
    if expanded:
        vehicles = (_vehicle(id_, world) for id_ in day.vehicle_ids)
        meta["vehicles"] = [_show_vehicle(vehicle) for vehicle in vehicles if vehicle]
    return {
        "driver": _name(driver) | {"timezone": driver.timezone},
        "startTime": spell_second(day.starts_at),
        "endTime": spell_second(day.ends_at),
        "dutyStatusDurations": durations,
        "pendingDutyStatusDurations": durations,
        "distanceTraveled": {
            "driveDistanceMeters": metres.get("driving", 0),
            "personalConveyanceDistanceMeters": metres.get("personal_conveyance", 0),
            "yardMoveDistanceMeters": metres.get("yard_move", 0),
        },
        "logMetaData": meta,
    }


def list_clocks(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """List the clocks of all drivers, the inactive ones too, whose app is out of reach: status ""."""
    drivers = [d for d in drivers_wanted(request, world) if world.hours_left(d.id, now)]
    size = page_size(request, conditions)
    page, pagination = cut_page(drivers, lambda d: d.id, request, now, size)
    data = [_show_clocks(driver, world, now) for driver in page]
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _show_clocks(driver: DriverCard, world: World, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {"driver": _name(driver)}
    left = world.hours_left(driver.id, now)
    if left is None:
        return shown
    cycle: dict[str, Any] = {
        "cycleRemainingDurationMs": left.cycle_ms,
        "cycleTomorrowDurationMs": left.cycle_tomorrow_ms,
    }
    if left.cycle_started_at and left.status:
        cycle["cycleStartedAtTime"] = spell_second(left.cycle_started_at)
    shown["clocks"] = {
        "break": {"timeUntilBreakDurationMs": left.break_ms},
        "cycle": cycle,
        "drive": {"driveRemainingDurationMs": left.drive_ms},
        "shift": {"shiftRemainingDurationMs": left.shift_ms},
    }
    status = _STATUSES[left.status] if left.status else ""
    shown["currentDutyStatus"] = {"hosStatusType": status}
    vehicle = _vehicle(left.vehicle_id, world)
    if vehicle:
        shown["currentVehicle"] = _head(vehicle)
    return shown


def _day(request: SimRequest, name: str) -> date:
    text = request.argument(name)
    if text is None:
        raise Declined(400, f"Missing required parameter: {name}")
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  A calendar day.
    except ValueError:
        raise Declined(400, f"Invalid value for {name}. Must be in YYYY-MM-DD format") from None


def _place(log: DutyLog) -> str:
    return f"{log.driver_id}/{spell_millisecond(log.starts_at)}"


def _vehicle(id_: str | None, world: World) -> VehicleCard | None:
    return next((vehicle for vehicle in world.vehicles if vehicle.id == id_), None)


def _head(vehicle: VehicleCard) -> dict[str, Any]:
    # The vendor's document spells it with a capital E here, and nowhere else.
    return {"id": vehicle.id, "name": vehicle.name, "ExternalIds": external_ids(vehicle)}


def _show_vehicle(vehicle: VehicleCard) -> dict[str, Any]:
    shown = {"id": vehicle.id, "name": vehicle.name, "assetType": "vehicle"}
    optional = {"vehicleVin": vehicle.vin, "licensePlate": vehicle.plate}
    return shown | {key: value for key, value in optional.items() if value}


def _name(driver: DriverCard) -> dict[str, str]:
    return {"id": driver.id, "name": driver.name}
