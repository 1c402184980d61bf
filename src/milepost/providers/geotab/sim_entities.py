"""The simulated vendor's entities: devices, users, groups, rules, diagnostics, and how devices are now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from milepost.kit.world import DriverCard, TrailerCard, TroubleCode, VehicleCard, World
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatType
from milepost.providers.geotab.sim_dialect import (
    END_OF_TIME,
    MILLISECOND,
    Search,
    geotab_id,
    row_id,
    spell,
    world_id,
)

Row = dict[str, Any]

SERVICE_USER = "b1"
OWN_SPEEDING = "aR3spdLim1tOfTheFleet00"
OWN_BELT = "aR3seatBe1tOfTheFleet00"
PARTNER = "aR3partnerCameraEvent00"

# The vendor's own rules, and three of the fleet's: two that the vendor's conditions explain, and one of
# a camera maker's, which only its name does.
RULES: list[Row] = [
    {"id": "RuleHarshBrakingId", "name": "Harsh braking"},
    {"id": "RuleJackrabbitStartsId", "name": "Hard acceleration"},
    {"id": "RuleHarshCorneringId", "name": "Harsh cornering"},
    {"id": "RulePostedSpeedingId", "name": "Speeding"},
    {"id": "RuleSeatbeltId", "name": "Seat belt"},
    {"id": "RuleEnhancedMajorCollisionId", "name": "Major collision"},
    {"id": "RuleIdlingId", "name": "Idling"},
    {
        "id": OWN_SPEEDING,
        "name": "Over the limit for long",
        "condition": {
            "id": "aC1",
            "conditionType": "And",
            "children": [
                {"id": "aC2", "conditionType": "DurationLongerThan", "value": 30},
                {"id": "aC3", "conditionType": "SpeedLimit", "value": 8},
            ],
        },
    },
    {
        "id": OWN_BELT,
        "name": "Belt open above 20",
        "condition": {
            "id": "aC4",
            "conditionType": "Fault",
            "diagnostic": {"id": "DiagnosticDriverSeatbeltId"},
        },
    },
    {"id": PARTNER, "name": "Camera event", "condition": {"id": "aC5", "conditionType": "Aux1"}},
]

# Diagnostic id by type of reading, with the vendor's unit and what a value is multiplied by.
DIAGNOSTICS: dict[StatType, tuple[str, str, float]] = {
    "odometer": ("DiagnosticOdometerId", "UnitOfMeasureMetersId", 1000),
    "engine_runtime": ("DiagnosticEngineHoursId", "UnitOfMeasureSecondsId", 0.001),
    "total_fuel_consumption": ("DiagnosticDeviceTotalFuelId", "UnitOfMeasureLitersId", 1),
    "fuel_level": ("DiagnosticFuelLevelId", "UnitOfMeasurePercentageId", 1),
    "engine_rpm": ("DiagnosticEngineSpeedId", "UnitOfMeasureRevolutionsPerMinuteId", 1),
    "engine_coolant_temperature": (
        "DiagnosticEngineCoolantTemperatureId", "UnitOfMeasureDegreesCelsiusId", 1,
    ),
    "engine_oil_temperature": (
        "DiagnosticEngineOilTemperatureID", "UnitOfMeasureDegreesCelsiusId", 1,
    ),
    "engine_oil_pressure": ("DiagnosticOilPressureId", "UnitOfMeasurePascalsId", 6894.757293168),
    "engine_oil_percentage": ("DiagnosticEngineOilLevelId", "UnitOfMeasurePercentageId", 1),
    "coolant_percentage": ("DiagnosticCoolantLevelId", "UnitOfMeasurePercentageId", 1),
    "battery_voltage": ("DiagnosticGoDeviceVoltageId", "UnitOfMeasureVoltsId", 1),
    "engine_state": ("DiagnosticIgnitionId", "UnitOfMeasureNoneId", 1),
}  # fmt: skip
_SYSTEMS = {
    "P": "ControllerObdPowertrainId", "B": "ControllerObdBodyId", "C": "ControllerObdChassisId",
    "U": "ControllerObdNetworkingId",
}  # fmt: skip
_LOOKED_BACK = (timedelta(days=40), timedelta(days=400))


def list_devices(search: Search, world: World) -> list[Row]:
    """List vehicles and trailers, which are devices alike."""
    zone = world.fleet.timezone
    rows = [_device(card, zone) for card in world.vehicles]
    rows += [_trailer(card, zone) for card in world.trailers]
    return [row for row in rows if search.id in {None, row["id"]}]


def list_users(search: Search, world: World) -> list[Row]:
    rows = [_driver(card) for card in world.drivers]
    if not search.terms.get("isDriver"):
        rows.append(
            {
                "id": SERVICE_USER,
                "name": "milepost@fleet.example",
                "firstName": "Milepost",
                "lastName": "Service",
                "isDriver": False,
                "companyGroups": [{"id": "GroupCompanyId"}],
                "securityGroups": [{"id": "GroupViewOnlySecurityId"}],
                "timeZoneId": world.fleet.timezone,
                "activeFrom": "2024-01-01T00:00:00.000Z",
                "activeTo": END_OF_TIME,
            }
        )
    return [row for row in rows if search.id in {None, row["id"]}]


def list_groups(search: Search, world: World) -> list[Row]:
    """List the fleet's groups below the company's, and the vendor's own, which sort and permit."""
    below: dict[str | None, list[str]] = {}
    for group in world.groups:
        below.setdefault(group.parent_id, []).append(geotab_id(group.id))
    own = ["GroupAssetInformationId", "GroupSecurityId"]
    rows = [_group("GroupCompanyId", "Company Group", [*below.get(None, []), *own])]
    rows += [_group(geotab_id(g.id), g.name, below.get(g.id, [])) for g in world.groups]
    rows += [
        _group(
            "GroupAssetInformationId", "Asset Information", ["GroupVehicleId", "GroupTrailerId"]
        ),
        _group("GroupVehicleId", "Vehicle", []),
        _group("GroupTrailerId", "Trailer", []),
        _group("GroupSecurityId", "Security", ["GroupViewOnlySecurityId"]),
        _group("GroupViewOnlySecurityId", "**ViewOnlySecurity**", []),
    ]
    return [row for row in rows if search.id in {None, row["id"]}]


def list_rules(search: Search, world: World) -> list[Row]:  # noqa: ARG001  Every fleet has the same.
    shown = {"baseType": "Stock", "activeTo": END_OF_TIME, "groups": [{"id": "GroupCompanyId"}]}
    return [{**shown, **rule} for rule in RULES if search.id in {None, rule["id"]}]


def list_diagnostics(search: Search, world: World) -> list[Row]:
    """List the diagnostics of readings, or the one of a fault that is asked for by its id."""
    rows = [
        {
            "id": id_,
            "name": type_.replace("_", " ").capitalize(),
            "code": number,
            "unitOfMeasure": unit,
            "diagnosticType": "GoDiagnostic",
            "source": {"id": "SourceGeotabGoId"},
        }
        for number, (type_, (id_, unit, _)) in enumerate(DIAGNOSTICS.items(), start=5)
        if search.id in {None, id_}
    ]
    if search.id is None or rows:
        return rows
    code = next((c for c in _codes(world, search.now) if diagnostic_of(c) == search.id), None)
    if code is None:
        return []
    heavy = code.protocol == "j1939"
    return [
        {
            "id": search.id,
            "name": code.description,
            "code": code.spn if heavy else int(code.dtc[1:], 16),
            "diagnosticType": "SuspectParameter" if heavy else "ObdFault",
            "source": {"id": "SourceJ1939Id" if heavy else "SourceObdId"},
            "unitOfMeasure": "UnitOfMeasureNoneId",
        }
    ]


def list_failure_modes(search: Search, world: World) -> list[Row]:
    code = next((c for c in _codes(world, search.now) if failure_mode_of(c) == search.id), None)
    if code is None or search.id is None:
        return []
    return [
        {
            "id": search.id,
            "name": code.fmi_description,
            "code": code.fmi,
            "source": {"id": "SourceJ1939Id"},
        }
    ]


def list_statuses(search: Search, world: World) -> list[Row]:
    """Show how every device is now; with the last values of the diagnostics that are asked for."""
    asked = {each.get("id") for each in search.terms.get("diagnostics", [])}
    only = search.named("deviceSearch")
    rows: list[Row] = []
    present = world.assignments(search.now, search.now + MILLISECOND)
    seats = {seat.vehicle_id: seat.driver_id for seat in present if not seat.passenger}
    for vehicle in world.vehicles:
        fix = world.latest_fix(vehicle.id, search.now)
        if fix is None or only not in {None, geotab_id(vehicle.id)}:
            continue
        row = _status(geotab_id(vehicle.id), fix, search.now)
        driver = seats.get(vehicle.id)
        row["driver"] = {"id": geotab_id(driver), "isDriver": True} if driver else "UnknownDriverId"
        if asked:
            row["statusData"] = list(_last_values(vehicle, world, search.now, asked))
        rows.append(row)
    for trailer in world.trailers:
        fix = world.trailer_fix(trailer.id, search.now)
        if fix is not None and only in {None, geotab_id(trailer.id)}:
            rows.append(_status(geotab_id(trailer.id), fix, search.now))
    return rows


def diagnostic_of(code: TroubleCode) -> str:
    return f"aSPN{code.spn:019d}" if code.protocol == "j1939" else f"aDTC{code.dtc:0>19}"


def failure_mode_of(code: TroubleCode) -> str | None:
    return f"bFA{code.fmi:X}" if code.protocol == "j1939" else None


def controller_of(code: TroubleCode) -> Any:
    if code.protocol == "j1939":
        return "ControllerNoneId"
    return {"id": _SYSTEMS[code.dtc[0]]}


def vehicle_of(search: Search, world: World) -> list[VehicleCard]:
    """Return the vehicles that a search is about: one, or all; an unknown one is none, and no error."""
    asked = search.named("deviceSearch")
    if asked is None:
        return list(world.vehicles)
    return [vehicle for vehicle in world.vehicles if vehicle.id == world_id(asked)]


def vendor_value(type_: StatType, value: float) -> float:
    """Return a reading in the vendor's unit."""
    if type_ == "engine_state":
        return 0 if ENGINE_STATES[int(value)] == "off" else 1
    return round(value * DIAGNOSTICS[type_][2], 3)


def _codes(world: World, now: datetime) -> Iterator[TroubleCode]:
    """Yield the trouble codes that any vehicle has told of, those of late first."""
    for length in _LOOKED_BACK:
        for vehicle in world.vehicles:
            for reading in world.faults(vehicle.id, now - length, now):
                yield from reading.codes


def _device(card: VehicleCard, zone: str) -> Row:
    live = card.gateway_serial is not None
    row: Row = {
        "id": geotab_id(card.id),
        "name": card.name,
        "serialNumber": card.gateway_serial or "",
        "deviceType": "GO9" if live else "GO7",
        "productId": 120 if live else 105,
        "vehicleIdentificationNumber": card.vin or "",
        "engineVehicleIdentificationNumber": card.vin if card.diagnostics and card.vin else "?",
        "licensePlate": card.plate or "",
        "licenseState": "",
        "fuelTankCapacity": 0,
        "groups": [
            {"id": "GroupVehicleId"},
            {"id": "GroupDieselId"},
            *({"id": geotab_id(group)} for group in card.group_ids),
        ],
        "timeZoneId": zone,
        "activeFrom": spell(card.created_at),
        "activeTo": END_OF_TIME,
        "ignoreDownloadsUntil": "1986-01-01T00:00:00.000Z",
        "comment": "",
        "odometerFactor": 1,
        "odometerOffset": 0,
        "engineHourOffset": 0,
        "workTime": "WorkTimeStandardHoursId",
        "maxSecondsBetweenLogs": 200,
        "deviceFlags": {"activeFeatures": ["GeotabDriveHos"], "isHOSAllowed": True},
        "customProperties": [],
    }
    if card.make:
        row |= {
            "vinInfoMake": card.make,
            "vinInfoModel": card.model,
            "vinInfoYear": str(card.year),
            "vinInfoVehicleType": 15,
        }
    return row


def _trailer(card: TrailerCard, zone: str) -> Row:
    live = card.gateway_serial is not None
    return {
        "id": geotab_id(card.id),
        "name": card.name,
        "serialNumber": card.gateway_serial or "",
        "deviceType": "CustomDevice" if live else "None",
        "productId": 10_000 if live else -1,
        "vehicleIdentificationNumber": card.vin or "",
        "engineVehicleIdentificationNumber": "?",
        "licensePlate": card.plate or "",
        "licenseState": "",
        "groups": [{"id": "GroupTrailerId"}, *({"id": geotab_id(g)} for g in card.group_ids)],
        "timeZoneId": zone,
        "activeFrom": spell(card.created_at),
        "activeTo": END_OF_TIME,
        "tmpTrailerId": row_id("trailer", card.id),
        "comment": "",
        "customProperties": [],
    }


def _driver(card: DriverCard) -> Row:
    first, _, last = card.name.partition(" ")
    left = spell(card.updated_at)
    row: Row = {
        "id": geotab_id(card.id),
        "name": card.username,
        "firstName": first,
        "lastName": last,
        "isDriver": True,
        "phoneNumber": card.phone or "",
        "countryCode": "us",
        "employeeNo": card.id,
        "companyGroups": [{"id": geotab_id(group)} for group in card.group_ids],
        "driverGroups": [{"id": geotab_id(group)} for group in card.group_ids],
        "securityGroups": [{"id": "GroupNothingSecurityId", "name": "**NothingSecurity**"}],
        "timeZoneId": card.timezone,
        "hosRuleSet": "America8Day",
        "activeFrom": spell(card.created_at),
        "activeTo": END_OF_TIME if card.active else left,
        "isMetric": True,
        "language": "en",
    }
    if card.license_number:
        row |= {"licenseNumber": card.license_number, "licenseProvince": card.license_state or ""}
    return row


def _group(id_: str, name: str, children: list[str]) -> Row:
    return {
        "id": id_,
        "name": name,
        "children": [{"id": child} for child in children],
        "color": {"r": 0, "g": 0, "b": 0, "a": 255},
        "comments": "",
        "reference": "",
        "isGlobalReportingGroup": False,
    }


def _status(device: str, fix: Fix, now: datetime) -> Row:
    return {
        "device": {"id": device},
        "dateTime": spell(fix.located_at),
        "latitude": fix.latitude,
        "longitude": fix.longitude,
        "speed": fix.speed or 0,
        "bearing": -1 if fix.heading is None else fix.heading,
        "isDriving": bool(fix.speed),
        "isDeviceCommunicating": now - fix.located_at < timedelta(hours=1),
        "driver": "UnknownDriverId",
        "isHistoricLastDriver": False,
        "currentStateDuration": "00:05:00",
        "groups": [],
        "exceptionEvents": [],
    }


def _last_values(
    vehicle: VehicleCard, world: World, now: datetime, asked: set[Any]
) -> Iterator[Row]:
    for type_, (id_, _, _) in DIAGNOSTICS.items():
        if id_ not in asked or not (vehicle.diagnostics or type_ == "engine_state"):
            continue
        reading = world.latest_reading(vehicle.id, type_, now)
        if reading is not None:
            yield {
                "device": {"id": geotab_id(vehicle.id)},
                "diagnostic": {"id": id_},
                "dateTime": spell(reading.at),
                "data": vendor_value(type_, reading.value),
                "controller": "ControllerNoneId",
                "id": row_id(vehicle.id, id_, reading.at),
            }
