"""TT ELD, simulated: its dialect over any `World`; pure. README.md says what of it is documented and what is a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec

from milepost import clock, units
from milepost.kit.simulation import Conditions, SimAnswer, SimRequest
from milepost.kit.world import Assignment, DriverCard, VehicleCard, World
from milepost.models.location import Fix

_PATH = re.compile(
    r"/api/externalservice/(current-units|drivers-list|trackings|units-by-usdot)/[^/]+(?:/([^/]+)/)?"
)
_NAMES = UUID("6e2c7c0a-2f0e-4d55-9b0f-7d3c2b1a0f11")
_RATE = 10.0  # requests a second; a guess
_LONGEST = timedelta(hours=72)


def answer(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> SimAnswer:
    """Answer as the vendor would at instant `now` (aware UTC)."""
    if declined := _declined(request, now, conditions):
        return declined
    found = _PATH.fullmatch(request.path)
    if found is None:
        return _say({"message": "Not Found"}, 404)
    match found[1]:
        case "current-units":
            cards = world.vehicles if _active(request) else []
            return _listed(request, [_unit(world, card, now) for card in cards], conditions)
        case "drivers-list":
            active = _active(request)
            rows = [_driver(card) for card in world.drivers if card.active is active]
            return _listed(request, rows, conditions)
        case "units-by-usdot":
            return _say({"units": _lives(world, now)})
        case _:
            return _track(request, found[2] or "", world, now, conditions)


def uuid_of(card_id: str) -> str:
    """The id under which TT ELD lists a vehicle of the world."""
    return str(uuid5(_NAMES, card_id))


def _declined(request: SimRequest, now: datetime, conditions: Conditions) -> SimAnswer | None:
    mishaps, headers = conditions.mishaps, request.headers
    if "broken_text" in mishaps:
        return SimAnswer(status=502, body=b"Bad Gateway", headers={"content-type": "text/plain"})
    if "broken" in mishaps:
        return _say({"message": "Internal server error"}, 500)
    login = (headers.get("x-api-key", ""), headers.get("provider-token", ""))
    if not all(login) or "token_revoked" in mishaps:
        return _say({"message": "Unauthorized"}, 401)
    if "scope_revoked" in mishaps:
        return _say({"message": "Forbidden"}, 403)
    wait = conditions.throttle.take("/".join(login), _RATE, now) if conditions.throttle else 0.0
    if wait or "throttled" in mishaps:
        seconds = wait or conditions.retry_after or 1.0
        return _say({"message": "Too Many Requests"}, 429, {"retry-after": f"{seconds:.3f}"})
    return None


def _active(request: SimRequest) -> bool:
    return request.argument("is_active") == "true"


def _listed(
    request: SimRequest, rows: Sequence[dict[str, Any]], conditions: Conditions
) -> SimAnswer:
    mishaps = conditions.mishaps
    page, per_page = request.argument("page") or "1", request.argument("perPage") or "10"
    if not (page.isdigit() and per_page.isdigit()) or ("cursor_lost" in mishaps and page != "1"):
        return _say({"message": "page is invalid"}, 400)
    size, number = min(int(per_page), conditions.page_records or 100), int(page)
    shown = list(rows[(number - 1) * size : number * size])
    for row in shown if "unknown_field" in mishaps else []:
        row["newField"] = "new"
    if "bad_record" in mishaps and shown:
        del shown[0]["id"]
    told = {
        "page": 1 if "cursor_repeated" in mishaps else number,
        "perPage": size,
        "total": len(rows),
        "totalPages": max(1, -(-len(rows) // size)),
    }
    return _say({"data": shown, "meta": told})


def _unit(world: World, card: VehicleCard, now: datetime) -> dict[str, Any]:
    names = {driver.id: _driver(driver) for driver in world.drivers}
    seats = [
        a for a in world.assignments(now, now + timedelta(seconds=1)) if a.vehicle_id == card.id
    ]
    wheel = next((names.get(a.driver_id) for a in seats if not a.passenger), None)
    beside = next((names.get(a.driver_id) for a in seats if a.passenger), None)
    return {
        "id": uuid_of(card.id), "vin": card.vin, "truck_number": card.name,
        "driver": wheel, "codriver": beside,
    }  # fmt: skip


def _driver(card: DriverCard) -> dict[str, Any]:
    first, _, second = card.name.partition(" ")
    return {"id": card.id, "first_name": first, "second_name": second}


def _lives(world: World, now: datetime) -> list[dict[str, Any]]:
    shown = []
    for number, card in enumerate(world.vehicles, 200):
        fix = world.latest_fix(card.id, now)
        if fix is None:
            continue
        odometer = world.latest_reading(card.id, "odometer", now)
        point = _point(fix, odometer.value if odometer else None)
        at = point.pop("date")
        shown.append(
            {"truck_number": card.name, "vin": card.vin, "id": number, "timestamp": at, **point}
        )
    return shown


def _track(
    request: SimRequest, vehicle: str, world: World, now: datetime, conditions: Conditions
) -> SimAnswer:
    card = next((card for card in world.vehicles if uuid_of(card.id) == vehicle), None)
    if card is None:
        return _say({"message": "Vehicle not found"}, 404)
    try:
        start = clock.parse(request.argument("from") or "")
        end = clock.parse(request.argument("to") or "")
    except ValueError:
        return _say({"message": "from and to are required"}, 400)
    if end - start > _LONGEST:
        return _say({"message": "The range is longer than 72 hours"}, 400)
    rows = []
    seats = [
        a for a in world.assignments(start, end) if a.vehicle_id == card.id and not a.passenger
    ]
    for window in world.held(card.id, start, end, now):
        odometers = {r.at: r.value for r in world.readings(card.id, "odometer", *window)}
        rows += [
            {
                "address": fix.address or "",
                **_point(fix, odometers.get(fix.located_at)),
                "driverId": _at_wheel(seats, fix.located_at),
            }
            for fix in world.fixes(card.id, *window)
        ]
    if "unknown_field" in conditions.mishaps:
        rows = [{**row, "newField": "new"} for row in rows]
    return _say(rows)


def _at_wheel(seats: Sequence[Assignment], at: datetime) -> str | None:
    return next(
        (s.driver_id for s in seats if s.starts_at <= at and (s.ends_at is None or at < s.ends_at)),
        None,
    )


def _point(fix: Fix, odometer_km: float | None) -> dict[str, Any]:
    return {
        "coordinates": {"lat": fix.latitude, "lng": fix.longitude},
        "rotation": fix.heading,
        "speed": None if fix.speed is None else round(units.mph_from_kmh(fix.speed), 4),
        "odometer": None if odometer_km is None else round(odometer_km / units.KM_PER_MILE, 5),
        "date": clock.iso(fix.located_at),
    }


def _say(told: Any, status: int = 200, headers: dict[str, str] | None = None) -> SimAnswer:
    given = {"content-type": "application/json", **(headers or {})}
    return SimAnswer(status=status, body=msgspec.json.encode(told), headers=given)
