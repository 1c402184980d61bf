"""What Geotab's entities look like, as far as we read them; the mapping's typed view of their JSON.

Keys are left out rather than null, but either is read. Names and types: README, [live], [types].
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from milepost.providers.geotab.wire import Entity, Ref

Moment = Annotated[datetime, Meta(tz=True)]


class Feed(msgspec.Struct, frozen=True):
    """A page of a feed; its list of rows stays raw bytes, to be decoded as its type."""

    data: Raw
    toVersion: str  # noqa: N815  Their spelling, here and below.


class Identified(msgspec.Struct, frozen=True):
    id: str


class Numbered(msgspec.Struct, frozen=True):
    """A row that has an id, unless it was interpolated."""

    id: str | None = None


class Device(msgspec.Struct, frozen=True):
    """What reports: a unit in a vehicle, or a trailer. Which fields there are depends on the hardware."""

    id: str
    name: str | None = None
    serialNumber: str | None = None  # noqa: N815
    deviceType: str | None = None  # noqa: N815
    productId: int | None = None  # noqa: N815
    vehicleIdentificationNumber: str | None = None  # noqa: N815
    engineVehicleIdentificationNumber: str | None = None  # noqa: N815
    vinInfoMake: str | None = None  # noqa: N815
    vinInfoModel: str | None = None  # noqa: N815
    vinInfoYear: str | int | None = None  # noqa: N815
    licensePlate: str | None = None  # noqa: N815
    licenseState: str | None = None  # noqa: N815
    fuelTankCapacity: float | None = None  # noqa: N815  litres
    groups: list[Entity] | None = None
    timeZoneId: str | None = None  # noqa: N815
    tmpTrailerId: str | None = None  # noqa: N815
    activeFrom: Moment | None = None  # noqa: N815
    activeTo: Moment | None = None  # noqa: N815


class User(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    firstName: str | None = None  # noqa: N815
    lastName: str | None = None  # noqa: N815
    phoneNumber: str | None = None  # noqa: N815
    countryCode: str | None = None  # noqa: N815
    licenseNumber: str | None = None  # noqa: N815
    licenseProvince: str | None = None  # noqa: N815
    companyGroups: list[Entity] | None = None  # noqa: N815
    driverGroups: list[Entity] | None = None  # noqa: N815
    timeZoneId: str | None = None  # noqa: N815
    hosRuleSet: str | None = None  # noqa: N815
    activeFrom: Moment | None = None  # noqa: N815
    activeTo: Moment | None = None  # noqa: N815


class Group(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    comments: str | None = None
    children: list[Entity] | None = None
    parent: Entity | None = None


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """One position. The bounds are checked while decoding, in C; what fails them is set aside."""

    id: str
    device: Entity | str
    dateTime: Moment  # noqa: N815
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    speed: Annotated[float, Meta(ge=0, le=1000)] | None = None  # km/h


class StatusData(msgspec.Struct, frozen=True, gc=False):
    device: Entity | str
    diagnostic: Entity | str
    dateTime: Moment  # noqa: N815
    data: float
    id: str | None = None  # None: interpolated at the bounds of a window


class DriverChange(msgspec.Struct, frozen=True, gc=False):
    device: Entity | str
    dateTime: Moment  # noqa: N815
    driver: Ref = None


class Measured(msgspec.Struct, frozen=True):
    """The last value of a diagnostic, as DeviceStatusInfo adds them."""

    diagnostic: Ref
    data: float | None = None
    dateTime: Moment | None = None  # noqa: N815


class DeviceStatusInfo(msgspec.Struct, frozen=True):
    device: Ref
    dateTime: Moment | None = None  # noqa: N815
    latitude: float | None = None
    longitude: float | None = None
    speed: float | None = None
    bearing: float | None = None
    driver: Ref = None
    isHistoricLastDriver: bool = False  # noqa: N815
    isDriving: bool | None = None  # noqa: N815
    statusData: list[Measured] | None = None  # noqa: N815


class Diagnostic(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    code: int | None = None
    unitOfMeasure: Ref = None  # noqa: N815
    source: Ref = None
    diagnosticType: str | None = None  # noqa: N815


class FailureMode(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    code: int | None = None


class Point(msgspec.Struct, frozen=True):
    """x is the longitude."""

    x: float
    y: float


class Place(msgspec.Struct, frozen=True):
    """Where a duty status was set: coordinates, or an address only."""

    location: Point | None = None


class DutyStatusLog(msgspec.Struct, frozen=True):
    id: str
    dateTime: Moment  # noqa: N815
    status: str
    driver: Ref = None
    device: Ref = None
    state: str | None = None
    eventRecordStatus: int | None = None  # noqa: N815
    isIgnored: bool = False  # noqa: N815
    isHidden: bool = False  # noqa: N815
    annotations: list[Entity] | None = None
    coDrivers: list[Entity | str] | None = None  # noqa: N815
    location: Place | None = None


class AnnotationLog(msgspec.Struct, frozen=True):
    id: str
    comment: str | None = None
    dateTime: Moment | None = None  # noqa: N815


class Availability(msgspec.Struct, frozen=True):
    """DutyStatusAvailability: what a driver's rules leave them; durations as TimeSpan."""

    driver: Ref
    driving: str | None = None
    workday: str | None = None
    duty: str | None = None
    cycle: str | None = None
    rest: str | None = None


class Trip(msgspec.Struct, frozen=True):
    device: Ref
    start: Moment
    stop: Moment
    driver: Ref = None
    distance: float | None = None  # km
    averageSpeed: float | None = None  # noqa: N815  km/h
    drivingDuration: str | None = None  # noqa: N815
    idlingDuration: str | None = None  # noqa: N815
    stopPoint: Point | None = None  # noqa: N815


class FuelUsed(msgspec.Struct, frozen=True):
    device: Ref
    dateTime: Moment  # noqa: N815
    totalFuelUsed: float | None = None  # noqa: N815  litres


class FuelTaxDetail(msgspec.Struct, frozen=True):
    device: Ref
    enterTime: Moment  # noqa: N815
    exitTime: Moment  # noqa: N815
    jurisdiction: str | None = None
    enterOdometer: float | None = None  # noqa: N815  km, unlike elsewhere
    exitOdometer: float | None = None  # noqa: N815
    enterGpsOdometer: float | None = None  # noqa: N815
    exitGpsOdometer: float | None = None  # noqa: N815
    isNegligible: bool = False  # noqa: N815
    hasHourlyData: bool = False  # noqa: N815
    hourlyOdometer: list[float] | None = None  # noqa: N815
    hourlyGpsOdometer: list[float] | None = None  # noqa: N815


class FaultStates(msgspec.Struct, frozen=True):
    effectiveStatus: str | None = None  # noqa: N815


class FaultData(msgspec.Struct, frozen=True):
    device: Ref
    dateTime: Moment  # noqa: N815
    diagnostic: Ref = None
    failureMode: Ref = None  # noqa: N815
    controller: Ref = None
    faultState: str | None = None  # noqa: N815
    faultStates: FaultStates | None = None  # noqa: N815
    count: int | None = None
    sourceAddress: int | None = None  # noqa: N815
    malfunctionLamp: bool | None = None  # noqa: N815


class Condition(msgspec.Struct, frozen=True):
    """A knot of the tree of what a rule looks for."""

    conditionType: str | None = None  # noqa: N815
    diagnostic: Ref = None
    children: list[Condition] | None = None


class Rule(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    condition: Condition | None = None


class ExceptionEvent(msgspec.Struct, frozen=True):
    id: str
    activeFrom: Moment  # noqa: N815
    device: Ref
    rule: Ref
    activeTo: Moment | None = None  # noqa: N815
    driver: Ref = None
    state: Ref = None


class Along(msgspec.Struct, frozen=True):
    """A position beside an event; interpolated ones at its bounds have no id."""

    dateTime: Moment  # noqa: N815
    latitude: float
    longitude: float
    speed: float | None = None
    id: str | None = None
