"""The simulated vendor's reports: fuel and energy by vehicle, and IFTA miles by jurisdiction."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import Usage, VehicleCard, World
from milepost.providers.samsara.sim_dialect import (
    Declined,
    cut_page,
    external_ids,
    read_list,
    vehicles_wanted,
)

_REPORTS_A_PAGE = 100  # as live probes found; the endpoints take no limit
_PROCESSING = timedelta(hours=72)
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]  # fmt: skip
_QUARTERS = ("Q1", "Q2", "Q3", "Q4")
_METRES_A_MILE = 1_609.344
_ML_A_GALLON = 3_785.411784
_DOLLARS_A_LITRE = 1.02
_KG_CO2_A_LITRE = 2.68


def list_fuel(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """Report [startDate, endDate], both inclusive; of each only the date and the offset count.

    Vehicles without activity are absent, and no row says which days it is about.
    """
    start, end = _midnight(request, "startDate"), _midnight(request, "endDate")
    if start > end:
        raise Declined(400, "endDate must not be before startDate")
    until = min(end + timedelta(days=1), now)
    used = [
        (vehicle, usage)
        for vehicle in vehicles_wanted(request, world)
        if request.argument("energyType") in (None, "fuel")
        and start < until
        and (usage := world.usage(vehicle.id, start, until))
        and (usage.metres or usage.running_ms)
    ]
    size = conditions.page_records or _REPORTS_A_PAGE
    page, pagination = cut_page(used, lambda item: item[0].id, request, now, size)
    data = {"vehicleReports": [_show_usage(vehicle, usage) for vehicle, usage in page]}
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _show_usage(vehicle: VehicleCard, usage: Usage) -> dict[str, Any]:
    fuel = usage.fuel_ml or 0
    gallons, miles = fuel / _ML_A_GALLON, usage.metres / _METRES_A_MILE
    shown: dict[str, Any] = {
        "vehicle": _head(vehicle) | {"energyType": "fuel"},
        "distanceTraveledMeters": usage.metres,
        "engineRunTimeDurationMs": usage.running_ms,
        "efficiencyMpge": round(miles / gallons, 1) if gallons else 0,
        "estFuelEnergyCost": {
            "amount": round(fuel / 1000 * _DOLLARS_A_LITRE, 2),
            "currencyCode": "USD",
        },
    }
    if usage.idling_ms is not None:
        shown["engineIdleTimeDurationMs"] = usage.idling_ms
    if usage.fuel_ml is not None:
        shown["fuelConsumedMl"] = usage.fuel_ml
        shown["estCarbonEmissionsKg"] = round(fuel / 1000 * _KG_CO2_A_LITRE, 1)
    return shown


def list_ifta(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """Report a month or a quarter of the organisation's own calendar, once it is 72 hours old."""
    year, period, start, end = _period(request, ZoneInfo(world.fleet.timezone))
    if now < end + _PROCESSING:
        raise Declined(400, "IFTA data may still be processing")
    asked = set(read_list(request, "jurisdictions"))
    driven = [
        (vehicle, states)
        for vehicle in vehicles_wanted(request, world)
        if (
            states := {
                state: metres
                for state, metres in world.mileage(vehicle.id, start, end).items()
                if not asked or state in asked
            }
        )
    ]
    size = conditions.page_records or _REPORTS_A_PAGE
    page, pagination = cut_page(driven, lambda item: item[0].id, request, now, size)
    reports = [
        {
            "vehicle": _head(vehicle),
            "jurisdictions": [
                {"jurisdiction": state, "totalMeters": metres, "taxableMeters": metres}
                for state, metres in sorted(states.items())
            ],
        }
        for vehicle, states in page
    ]
    troubles = {
        "noPurchasesFound": True,
        "unassignedFuelTypePurchases": 0,
        "unassignedFuelTypeVehicles": 0,
        "unassignedVehiclePurchases": 0,
    }
    data = {"year": year, "troubleshooting": troubles, "vehicleReports": reports} | period
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _period(request: SimRequest, zone: ZoneInfo) -> tuple[int, dict[str, str], datetime, datetime]:
    text, month = request.argument("year") or "", request.argument("month")
    quarter = request.argument("quarter")
    if not text.isascii() or not text.isdigit() or not 2015 <= int(text) <= 2100:
        raise Declined(400, "Invalid value for year. Must be between 2015 and 2100")
    if (month is None) == (quarter is None):
        raise Declined(400, "Exactly one of month and quarter must be provided")
    if month is not None and month not in _MONTHS:
        raise Declined(400, f"Invalid value for month. Can only be one of {', '.join(_MONTHS)}")
    if quarter is not None and quarter not in _QUARTERS:
        raise Declined(400, "Invalid value for quarter. Can only be one of Q1, Q2, Q3, Q4")
    year = int(text)
    first = _MONTHS.index(month) if month else 3 * _QUARTERS.index(quarter or "")
    after = first + (1 if month else 3)
    start = datetime(year, first + 1, 1, tzinfo=zone).astimezone(UTC)
    end = datetime(year + after // 12, after % 12 + 1, 1, tzinfo=zone).astimezone(UTC)
    return year, {"month": month} if month else {"quarter": quarter or ""}, start, end


def _midnight(request: SimRequest, name: str) -> datetime:
    """Read the date and the offset of a parameter, and nothing else; without an offset it is UTC."""
    text = request.argument(name)
    if text is None:
        raise Declined(400, f"Missing required parameter: {name}")
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise Declined(400, f"Invalid value for {name}. Must be in RFC 3339 format") from None
    offset = given.tzinfo or UTC
    return datetime.combine(given.date(), time(), offset).astimezone(UTC)


def _head(vehicle: VehicleCard) -> dict[str, Any]:
    head: dict[str, Any] = {"id": vehicle.id, "name": vehicle.name}
    if ids := external_ids(vehicle):
        head["externalIds"] = ids
    return head
