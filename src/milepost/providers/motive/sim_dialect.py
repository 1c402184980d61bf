"""How the simulated Motive spells ids, times, units and pages, and how it reads parameters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from milepost import units
from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import DriverCard, VehicleCard, World
from milepost.providers.motive.zones import RAILS

DEFAULT_PAGE, LARGEST_PAGE = 25, 100

T = TypeVar("T")

Show = Callable[[T], dict[str, Any]]

# Several names mean one zone; Rails offers these first.
_NAMES = {zone: name for name, zone in RAILS.items()} | {
    zone: name for name, zone in RAILS.items() if "(US & Canada)" in name
}


class Declined(Exception):
    """The vendor answers with an error status and `{"error_message": …}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Ask(NamedTuple):
    """A request, and all that its answer depends on."""

    request: SimRequest
    world: World
    now: datetime
    conditions: Conditions

    @property
    def metric(self) -> bool:
        """Without the header the company's own preference holds, which is miles here."""
        return self.request.headers.get("x-metric-units", "").lower() == "true"

    def distance(self, metres: float) -> float:
        return metres / 1000 if self.metric else metres / 1000 / units.KM_PER_MILE

    def fuel(self, litres: float) -> float:
        return litres if self.metric else litres / units.LITRES_PER_GALLON

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.world.fleet.timezone)


def number(*parts: object) -> int:
    """Make a whole number out of what names something, as the vendor numbers its records."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest())


def uuid_of(*parts: object) -> str:
    text = "/".join(map(str, parts)).encode()
    name = hashlib.blake2b(text, digest_size=16).hexdigest()
    return f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"


def ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def whole(at: datetime) -> datetime:
    """Cut an instant down to its second: the vendor shows no more."""
    return at.replace(microsecond=0)


def spell(at: datetime) -> str:
    """Spell an instant, `2026-06-01T12:00:00Z`."""
    return at.astimezone(UTC).isoformat()[:19] + "Z"


def zone_name(iana: str) -> str:
    """Name a zone as Rails does."""
    return _NAMES.get(iana, iana)


def read_day(ask: Ask, name: str, default: date) -> date:
    text = ask.request.argument(name)
    if text is None:
        return default
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Declined(400, f"{name} is invalid") from None


def read_days(ask: Ask, zone: ZoneInfo, most: int | None = None) -> tuple[date, date]:
    """Read `start_date` and `end_date`, today where they are not given."""
    today = ask.now.astimezone(zone).date()
    first, last = read_day(ask, "start_date", today), read_day(ask, "end_date", today)
    if first > last:
        raise Declined(400, "end_date must be after start_date")
    if most is not None and (last - first).days > most:
        raise Declined(400, f"Date range cannot be greater than {most} days")
    return first, last


def begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def page(ask: Ask, items: Sequence[T], plural: str, singular: str, show: Show[T]) -> dict[str, Any]:
    """Cut a numbered page, its rows and itself in their wrappers. Past the end it is empty."""
    size = _whole_number(ask, "per_page", DEFAULT_PAGE)
    size = min(size, LARGEST_PAGE, ask.conditions.page_records or LARGEST_PAGE)
    at = _whole_number(ask, "page_no", 1)
    mishaps, total = ask.conditions.mishaps, len(items)
    start, end = (at - 1) * size, at * size
    if "row_withdrawn" in mishaps:
        items, total = items[1:], max(0, total - 1)
    if "rows_repeated" in mishaps and total:
        # A row came in at the top since the first page was read, and pushed the others down.
        total += 1
        start, end = (start - 1, end - 1) if at > 1 else (start, end)
    rows = items[start:end]
    if "list_cut_short" in mishaps and at > 1:
        rows = []
    return {
        plural: [{singular: show(item)} for item in rows],
        "pagination": {"per_page": size, "page_no": at, "total": total},
    }


def _whole_number(ask: Ask, name: str, default: int) -> int:
    text = ask.request.argument(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise Declined(400, f"{name} is invalid")
    return int(text)


def drivers_by_id(world: World) -> Mapping[str, DriverCard]:
    return {driver.id: driver for driver in world.drivers}


def at_wheel(world: World, vehicle_id: str, at: datetime) -> str | None:
    """Return who drove a vehicle at an instant."""
    later = at + timedelta(milliseconds=1)
    return next(
        (
            a.driver_id
            for a in world.assignments(at, later)
            if a.vehicle_id == vehicle_id and not a.passenger
        ),
        None,
    )


def brief_vehicle(vehicle: VehicleCard) -> dict[str, Any]:
    """Show a vehicle as other records mention it; `metric_units` is a display preference."""
    return {
        "id": int(vehicle.id),
        "number": vehicle.name,
        "year": str(vehicle.year) if vehicle.year else "0",
        "make": vehicle.make or "",
        "model": vehicle.model or "",
        "vin": vehicle.vin,
        "metric_units": False,
    }


def brief_driver(driver: DriverCard | None) -> dict[str, Any] | None:
    if driver is None:
        return None
    first, last = names(driver)
    return {
        "id": int(driver.id),
        "first_name": first,
        "last_name": last,
        "username": driver.username,
        "email": None,
        "driver_company_id": "",
        "status": "active" if driver.active else "deactivated",
        "role": "driver",
    }


def device(vehicle: VehicleCard) -> dict[str, Any] | None:
    """Show a vehicle's gateway; all of them are of the vendor's own making."""
    serial = vehicle.gateway_serial
    if not serial:
        return None
    return {"id": number("eld", serial), "identifier": serial, "model": "lbb-3.6ca"}


def names(driver: DriverCard) -> tuple[str, str]:
    first, _, last = driver.name.rpartition(" ")
    return first or last, last if first else ""


def write(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)
