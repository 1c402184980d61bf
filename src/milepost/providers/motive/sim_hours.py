"""The simulated Motive's hours of service: a driver's days, cut at the driver's own midnight, and the time left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from milepost import units
from milepost.kit.world import DriverCard, DutyDay, DutyLog, World
from milepost.models.hos import HOSStatus
from milepost.providers.motive.sim_dialect import (
    Ask,
    Declined,
    begins,
    brief_driver,
    brief_vehicle,
    drivers_by_id,
    names,
    number,
    page,
    read_day,
    spell,
    whole,
    write,
    zone_name,
)

_LONGEST_DAYS = 60  # A guess: the vendor states no bound.
# What a status is counted as, and what it is besides.
_KINDS: dict[HOSStatus, tuple[str, str | None]] = {
    "off_duty": ("off_duty", None),
    "sleeper_bed": ("sleeper", None),
    "driving": ("driving", None),
    "on_duty": ("on_duty", None),
    "yard_move": ("on_duty", "ym"),
    "personal_conveyance": ("off_duty", "pc"),
    "waiting_time": ("on_duty", "wt"),
}


class Stretch(NamedTuple):
    """The part of a duty status that lies within one day; `ends_at` is absent while it lasts."""

    log: DutyLog
    starts_at: datetime
    ends_at: datetime | None


def list_logs(ask: Ask) -> bytes:
    """List days of drivers, by date and driver, each by the driver's own clock."""
    today = ask.now.date()
    first, last = read_day(ask, "start_date", today), read_day(ask, "end_date", today)
    if first > last or (last - first).days > _LONGEST_DAYS:
        raise Declined(400, f"Date range cannot be greater than {_LONGEST_DAYS} days")
    days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    found = [
        (driver, day)
        for day in days
        for driver in ask.world.drivers
        if max(driver.created_at, begins(day, ZoneInfo(driver.timezone))) <= ask.now
        and begins(day, ZoneInfo(driver.timezone)) >= driver.created_at
    ]

    def show(each: tuple[DriverCard, date]) -> dict[str, Any]:
        return _show_log(ask.world, each[0], each[1], ask.now)

    return write(page(ask, found, "logs", "log", show))


def list_available_time(ask: Ask) -> bytes:
    """List what is left to drivers, in seconds; those who left the fleet are not in the list."""

    def show(driver: DriverCard) -> dict[str, Any]:
        left = ask.world.hours_left(driver.id, ask.now)
        assert left is not None
        first, last = names(driver)
        status = _KINDS[left.status][0] if left.status else None
        return {
            "id": int(driver.id),
            "first_name": first,
            "last_name": last,
            "driver_company_id": "",
            "duty_status": status,
            "available_time": {
                "drive": left.drive_ms // 1000,
                "shift": left.shift_ms // 1000,
                "cycle": left.cycle_ms // 1000,
                "break": left.break_ms // 1000,
            },
            "recap": None,
            "last_cycle_reset": None,
        }

    working = [d for d in ask.world.drivers if d.active and ask.world.hours_left(d.id, ask.now)]
    return write(page(ask, working, "users", "user", show))


def stretches(
    logs: Sequence[DutyLog], starts_at: datetime, ends_at: datetime, now: datetime
) -> list[Stretch]:
    """Cut statuses down to a day, whose midnights end and begin them."""
    found: list[Stretch] = []
    for log in logs:
        over = log.ends_at if log.ends_at is not None else (ends_at if ends_at <= now else None)
        until = None if over is None else whole(min(over, ends_at))
        found.append(Stretch(log, whole(max(log.starts_at, starts_at)), until))
    return found


def _show_log(world: World, driver: DriverCard, day: date, now: datetime) -> dict[str, Any]:
    known = world.duty_day(driver.id, day, now)
    zone = ZoneInfo(driver.timezone)
    if known is None:
        ends_at = begins(day + timedelta(days=1), zone)
        known = DutyDay(
            driver_id=driver.id,
            day=day,
            starts_at=begins(day, zone),
            ends_at=ends_at,
            durations_ms={},
            metres={},
        )
    found = stretches(
        world.duty(driver.id, known.starts_at, known.ends_at, now),
        known.starts_at,
        known.ends_at,
        now,
    )
    cards = drivers_by_id(world)
    vehicles = [v for v in world.vehicles if v.id in known.vehicle_ids]
    partners = dict.fromkeys(id_ for each in found for id_ in each.log.codriver_ids)
    first, last = names(driver)
    metres = sum(known.metres.values())
    return {
        "id": number("log", driver.id, day),
        "date": day.isoformat(),
        "total_miles": round(metres / 1000 / units.KM_PER_MILE),
        "metric_units": False,
        "driver_signed_at": None,
        "driver_signature_url": None,
        "time_zone": zone_name(driver.timezone),
        "cycle": "70_8",
        "driver_first_name": first,
        "driver_last_name": last,
        "carrier_name": world.fleet.name,
        "carrier_street": world.fleet.address,
        "carrier_city": "",
        "carrier_state": "",
        "carrier_zip": "",
        "notes": None,
        "driver_company_id": "",
        "exception_wait_time": False,
        "eld_mode": "logs",
        "co_driver_full_names": [cards[id_].name for id_ in partners],
        "trailer_numbers": "",
        "vehicle_numbers": ", ".join(vehicle.name for vehicle in vehicles),
        "driver": brief_driver(driver),
        "vehicles": [{"vehicle": brief_vehicle(vehicle)} for vehicle in vehicles],
        "co_drivers": [{"co_driver": brief_driver(cards[id_])} for id_ in partners],
        "remarks": [],
        "cycle_restarts": [],
        "inspection_reports": [],
        "odometers": {},
        **_durations(found, min(now, known.ends_at)),
        "shipping_docs": "None",
        "form_and_manner_errors": [],
        "hos_violations": [],
        "events": [{"event": _show_event(each)} for each in found],
    }


def _durations(found: Sequence[Stretch], until: datetime) -> dict[str, int]:
    """Sum up the day as counted: personal conveyance as off duty, yard moves as on duty."""
    sums = dict.fromkeys(("off_duty", "on_duty", "sleeper", "driving"), 0)
    for each in found:
        kind = _KINDS[each.log.status][0]
        ended = each.ends_at or whole(until)
        sums[kind] += max(0, round((ended - each.starts_at).total_seconds()))
    return {f"{kind}_duration": seconds for kind, seconds in sums.items()} | {"waiting_duration": 0}


def _show_event(each: Stretch) -> dict[str, Any]:
    log = each.log
    kind, special = _KINDS[log.status]
    spot = log.spot
    began = each.starts_at.astimezone(UTC)
    return {
        "id": number("event", log.driver_id, began.isoformat(), log.status),
        "type": kind,
        "notes": log.remark or None,
        "location": spot.address if spot else None,
        "sds_type": special,
        "start_time": spell(began),
        "end_time": spell(each.ends_at) if each.ends_at else None,
    }
