"""What Samsara's answers about things that happen look like: logs, trips, events, faults, reports.

As in `shapes`: names and types of the OpenAPI document of API version 2025-10-23 (README, source S), and
a field that may be missing may also be null.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from milepost.providers.samsara.shapes import Moment, Named, SourceId


class Point(msgspec.Struct, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]


class DriverLogs(msgspec.Struct, frozen=True):
    """The duty statuses of one driver; a driver may come again on a later page."""

    driver: Named
    hosLogs: list[Raw] | None  # noqa: N815  Their spelling, here and below.


class DutyStatus(msgspec.Struct, frozen=True):
    logStartTime: Moment  # noqa: N815
    hosStatusType: str | None = None  # noqa: N815
    logEndTime: str | None = None  # noqa: N815
    logRecordedLocation: Point | None = None  # noqa: N815
    vehicle: Named | None = None
    codrivers: list[Named] | None = None
    remark: str | None = None


class LoggedDriver(msgspec.Struct, frozen=True):
    id: SourceId
    timezone: str | None = None


class Distances(msgspec.Struct, frozen=True):
    driveDistanceMeters: float | None = None  # noqa: N815
    personalConveyanceDistanceMeters: float | None = None  # noqa: N815
    yardMoveDistanceMeters: float | None = None  # noqa: N815


class Durations(msgspec.Struct, frozen=True):
    driveDurationMs: float | None = None  # noqa: N815
    offDutyDurationMs: float | None = None  # noqa: N815
    onDutyDurationMs: float | None = None  # noqa: N815
    personalConveyanceDurationMs: float | None = None  # noqa: N815
    sleeperBerthDurationMs: float | None = None  # noqa: N815
    waitingTimeDurationMs: float | None = None  # noqa: N815
    yardMoveDurationMs: float | None = None  # noqa: N815


class DailyLog(msgspec.Struct, frozen=True):
    driver: LoggedDriver
    startTime: Moment  # noqa: N815
    distanceTraveled: Distances | None = None  # noqa: N815
    dutyStatusDurations: Durations | None = None  # noqa: N815


class DutyNow(msgspec.Struct, frozen=True):
    hosStatusType: str | None = None  # noqa: N815


class BreakClock(msgspec.Struct, frozen=True):
    timeUntilBreakDurationMs: float | None = None  # noqa: N815


class CycleClock(msgspec.Struct, frozen=True):
    cycleRemainingDurationMs: float | None = None  # noqa: N815


class DriveClock(msgspec.Struct, frozen=True):
    driveRemainingDurationMs: float | None = None  # noqa: N815


class ShiftClock(msgspec.Struct, frozen=True):
    shiftRemainingDurationMs: float | None = None  # noqa: N815


class Clocks(msgspec.Struct, frozen=True, rename={"break_": "break"}):
    break_: BreakClock | None = None
    cycle: CycleClock | None = None
    drive: DriveClock | None = None
    shift: ShiftClock | None = None


class DriverClocks(msgspec.Struct, frozen=True):
    driver: LoggedDriver
    clocks: Clocks | None = None
    currentDutyStatus: DutyNow | None = None  # noqa: N815


class TripsAnswer(msgspec.Struct, frozen=True):
    """The one page of a legacy endpoint: no envelope."""

    trips: list[Raw] | None


class Trip(msgspec.Struct, frozen=True):
    startMs: int  # noqa: N815
    endMs: int  # noqa: N815
    driverId: SourceId | None = None  # noqa: N815
    distanceMeters: float | None = None  # noqa: N815
    startCoordinates: Point | None = None  # noqa: N815
    endCoordinates: Point | None = None  # noqa: N815


class Label(msgspec.Struct, frozen=True):
    label: str | None = None


class EventPlace(msgspec.Struct, frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    headingDegrees: Annotated[float, Meta(ge=0, le=360)] | None = None  # noqa: N815


class Media(msgspec.Struct, frozen=True):
    input: str | None = None
    url: str | None = None


Speed = Annotated[float, Meta(ge=0, le=1610)]
"""km/h; 1,000 mph is beyond any vehicle, and the document's own examples are of 10^18."""


class Speeding(msgspec.Struct, frozen=True):
    maxSpeedKilometersPerHour: Speed | None = None  # noqa: N815
    postedSpeedLimitKilometersPerHour: Speed | None = None  # noqa: N815


class SafetyEvent(msgspec.Struct, frozen=True):
    """`startMs` and `endMs` are texts by the document, and milliseconds by their names; both are read."""

    id: SourceId
    asset: Named
    startMs: Moment | int  # noqa: N815
    endMs: Moment | int | None = None  # noqa: N815
    behaviorLabels: list[Label] | None = None  # noqa: N815
    driver: Named | None = None
    location: EventPlace | None = None
    maxAccelerationGForce: float | None = None  # noqa: N815
    media: list[Media] | None = None
    speedingMetadata: Speeding | None = None  # noqa: N815


Amount = Annotated[float, Meta(ge=0)]


class EnergyReport(msgspec.Struct, frozen=True):
    vehicle: Named
    distanceTraveledMeters: Amount  # noqa: N815
    fuelConsumedMl: Amount | None = None  # noqa: N815
    engineRunTimeDurationMs: Amount | None = None  # noqa: N815
    engineIdleTimeDurationMs: Amount | None = None  # noqa: N815


class VehicleMiles(msgspec.Struct, frozen=True):
    vehicle: Named
    jurisdictions: list[Raw] | None


class JurisdictionMiles(msgspec.Struct, frozen=True):
    totalMeters: Amount  # noqa: N815
    jurisdiction: str | None = None


class VendorText(msgspec.Struct, frozen=True):
    dtcDescription: str | None = None  # noqa: N815


class J1939Fault(msgspec.Struct, frozen=True):
    spnId: int  # noqa: N815
    fmiId: int  # noqa: N815
    txId: int = 0  # noqa: N815
    milStatus: int | None = None  # noqa: N815
    occurrenceCount: int | None = None  # noqa: N815
    spnDescription: str | None = None  # noqa: N815
    fmiDescription: str | None = None  # noqa: N815
    vendorSpecificFields: VendorText | None = None  # noqa: N815


class J1939Faults(msgspec.Struct, frozen=True):
    diagnosticTroubleCodes: list[J1939Fault] | None = None  # noqa: N815


class ObdiiFault(msgspec.Struct, frozen=True):
    dtcShortCode: str | None = None  # noqa: N815
    dtcDescription: str | None = None  # noqa: N815


class ObdiiUnit(msgspec.Struct, frozen=True):
    txId: int = 0  # noqa: N815
    milStatus: bool | None = None  # noqa: N815
    confirmedDtcs: list[ObdiiFault] | None = None  # noqa: N815
    permanentDtcs: list[ObdiiFault] | None = None  # noqa: N815
    pendingDtcs: list[ObdiiFault] | None = None  # noqa: N815


class ObdiiFaults(msgspec.Struct, frozen=True):
    checkEngineLightIsOn: bool | None = None  # noqa: N815
    diagnosticTroubleCodes: list[ObdiiUnit] | None = None  # noqa: N815


class FaultReading(msgspec.Struct, frozen=True):
    """All the codes that a vehicle complained of at a time."""

    time: Moment
    j1939: J1939Faults | None = None
    obdii: ObdiiFaults | None = None


class FaultBlock(msgspec.Struct, frozen=True):
    id: SourceId
    faultCodes: list[Raw] | None = None  # noqa: N815
