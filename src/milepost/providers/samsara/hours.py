"""Turns Samsara's hours of service into the unified model: duty statuses, daily logs, clocks; pure."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from msgspec import UNSET, Raw, UnsetType

from milepost import clock, units
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.days import less, zone_named
from milepost.kit.salvage import Window, entity_cut, instant, read, text
from milepost.models.driver import Driver
from milepost.models.hos import (
    HOSAvailableTime,
    HOSClocks,
    HOSDailyLog,
    HOSDistances,
    HOSLog,
    HOSRemark,
    HOSStatus,
    HOSStatusDurations,
)
from milepost.models.location import Coordinates
from milepost.providers.samsara import record_shapes as shapes
from milepost.providers.samsara.shapes import Named

STATUSES: dict[str, HOSStatus] = {
    "offDuty": "off_duty",
    "sleeperBed": "sleeper_bed",
    "driving": "driving",
    "onDuty": "on_duty",
    "yardMove": "yard_move",
    "personalConveyance": "personal_conveyance",
}
"""Waiting is a duration of daily logs only, never a status of its own (README, trap 15)."""


def logs_cut(body: Raw, window: Window, identity: Identity, provider: str) -> Cut:
    """Cut a driver's duty statuses out of their page."""
    raw = bytes(body)
    records: list[HOSLog] = []
    ordinals: list[int] = []
    rejects: list[Reject] = []
    given = read(raw, shapes.DriverLogs, rejects)
    driver = known(given.driver) if given is not None else None
    if given is not None and driver is None:
        rejects.append(Reject("driver.id: missing"))
    if given is not None and driver is not None:
        for at, item in enumerate(given.hosLogs or []):
            log = read(item, shapes.DutyStatus, rejects, at)
            if log is None:
                continue
            built = _log(log, driver, window, identity, provider)
            if isinstance(built, str):
                rejects.append(Reject(built, at))
            else:
                records.append(built)
                ordinals.append(at)
    return Cut(
        body=raw,
        schema="samsara.hosLogs",
        path="hosLogs",
        records=list(records),
        ordinals=ordinals,
        rejects=rejects,
    )


def daily_log_cut(
    body: Raw, zone: ZoneInfo, window: Window, identity: Identity, provider: str
) -> Cut:
    """Cut a driver's day out of its page; `zone` is for a driver who has no time zone of their own."""

    def build(raw: shapes.DailyLog) -> HOSDailyLog | Reject:
        if bad := window.verdict(raw.startTime):
            return Reject(f"startTime: {bad}", 0)
        local = raw.startTime.astimezone(zone_named(raw.driver.timezone) or zone)
        driver, date = str(raw.driver.id), local.date().isoformat()
        source_id = f"{driver}:{date}"
        return HOSDailyLog(
            id=identity.of("hos_daily_log", source_id),
            source_id=source_id,
            provider=provider,
            driver=identity.of("driver", driver),
            date=date,
            status_durations=_durations(raw.dutyStatusDurations or shapes.Durations()),
            distances=_distances(raw.distanceTraveled or shapes.Distances()),
        )

    return entity_cut(body, shapes.DailyLog, "samsara.hosDailyLog", build)


def available_time(
    body: Raw, identity: Identity, provider: str
) -> tuple[HOSAvailableTime, bytes] | None:
    """Build the time that a driver has left, and the JSON that it comes of; None where it cannot be read."""
    raw = read(body, shapes.DriverClocks, [])
    if raw is None:
        return None
    clocks = raw.clocks or shapes.Clocks()
    duty = raw.currentDutyStatus.hosStatusType if raw.currentDutyStatus else None
    left = HOSClocks(
        cycle=_ms(clocks.cycle.cycleRemainingDurationMs if clocks.cycle else None),
        shift=_ms(clocks.shift.shiftRemainingDurationMs if clocks.shift else None),
        drive=_ms(clocks.drive.driveRemainingDurationMs if clocks.drive else None),
        break_=_ms(clocks.break_.timeUntilBreakDurationMs if clocks.break_ else None),
    )
    built = HOSAvailableTime(
        provider=provider,
        driver=identity.of("driver", str(raw.driver.id)),
        available_time=left,
        current_status=STATUSES.get(duty or "", UNSET),
    )
    return built, bytes(body)


def known(named: Named | None) -> str | None:
    """Return the id of somebody or something named; none, `""` and `0` name nobody."""
    return str(named.id) if named is not None and named.id not in {None, "", "0", 0} else None


def _log(
    raw: shapes.DutyStatus, driver: str, window: Window, identity: Identity, provider: str
) -> HOSLog | str:
    """Build a duty status, or say in words why it cannot be."""
    status = STATUSES.get(raw.hosStatusType or "")
    if status is None:
        return f"hosStatusType: unknown duty status “{(raw.hosStatusType or '')[:40]}”"
    bad = window.verdict(raw.logStartTime)
    if bad:
        return f"logStartTime: {bad}"
    started_at = clock.iso(raw.logStartTime)
    source_id = f"{driver}:{started_at}"
    vehicle, remark = known(raw.vehicle), text(raw.remark)
    place = raw.logRecordedLocation
    codrivers: list[str | Driver] | UnsetType = UNSET
    if raw.codrivers is not None:
        named = [each for codriver in raw.codrivers if (each := known(codriver)) is not None]
        codrivers = [identity.of("driver", each) for each in dict.fromkeys(named)]
    return HOSLog(
        id=identity.of("hos_log", source_id),
        source_id=source_id,
        provider=provider,
        status=status,
        driver=identity.of("driver", driver),
        started_at=started_at,
        ended_at=instant(raw.logEndTime),
        vehicle=identity.of("vehicle", vehicle) if vehicle else UNSET,
        codrivers=codrivers,
        location=(
            Coordinates(longitude=place.longitude, latitude=place.latitude) if place else UNSET
        ),
        remarks=[HOSRemark(notes=remark)] if remark is not UNSET else [],
    )


def _durations(raw: shapes.Durations) -> HOSStatusDurations:
    """Read a day's sums, each instant for one status (README, “Decisions of the mapping”)."""
    conveyance, waiting = _ms(raw.personalConveyanceDurationMs), _ms(raw.waitingTimeDurationMs)
    return HOSStatusDurations(
        on_duty=_ms(raw.onDutyDurationMs),
        off_duty=less(_ms(raw.offDutyDurationMs), conveyance, waiting),
        driving=_ms(raw.driveDurationMs),
        waiting=waiting,
        sleeper_bed=_ms(raw.sleeperBerthDurationMs),
        personal_conveyance=conveyance,
        yard_move=_ms(raw.yardMoveDurationMs),
    )


def _distances(raw: shapes.Distances) -> HOSDistances | UnsetType:
    metres = (
        raw.driveDistanceMeters, raw.personalConveyanceDistanceMeters, raw.yardMoveDistanceMeters,
    )  # fmt: skip
    said = [each for each in metres if each is not None]
    if not said:
        return UNSET
    driving, conveyance, yard = (
        UNSET if each is None else units.km_from_metres(each) for each in metres
    )
    return HOSDistances(
        total=units.km_from_metres(sum(said)),
        driving=driving,
        personal_conveyance=conveyance,
        yard_move=yard,
    )


def _ms(value: float | None) -> int | UnsetType:
    return UNSET if value is None else round(value)
