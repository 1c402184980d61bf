"""Turns Motive's logs into the unified model: duty statuses, daily logs, the time that is left; pure."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock, units
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.days import less
from milepost.kit.salvage import UNREADABLE, Window, entity_cut, moment, read, text
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
from milepost.providers.motive import shapes
from milepost.providers.motive.mapping import km, known
from milepost.providers.motive.paging import unwrap

# Special driving says more than the status that it is counted as.
SPECIAL: dict[str, HOSStatus] = {
    "pc": "personal_conveyance",
    "ym": "yard_move",
    "wt": "waiting_time",
}
STATUSES: dict[str, HOSStatus] = {
    "off_duty": "off_duty",
    "sleeper": "sleeper_bed",
    "sleeper_berth": "sleeper_bed",
    "driving": "driving",
    "on_duty": "on_duty",
    "personal_conveyance": "personal_conveyance",
    "yard_move": "yard_move",
    "waiting": "waiting_time",
}


def logs_cut(body: Raw, window: Window, identity: Identity, provider: str) -> Cut:
    """Cut the duty statuses that began in the window out of a driver's day.

    A status that spans midnight comes in two, one a day, and stays so: each has an id of its own that
    lasts, and a day that is edited changes nothing but itself (README, “Decisions of the mapping”).
    """
    raw = bytes(body)
    records: list[HOSLog] = []
    ordinals: list[int] = []
    rejects: list[Reject] = []
    log = read(raw, shapes.Log, rejects)
    driver = known(log.driver) if log is not None else None
    if log is not None and driver is None:
        rejects.append(Reject("driver.id: missing"))
    floor, ceiling = window.bounds()
    for at, entry in enumerate(log.events or [] if log is not None and driver else []):
        event = read(unwrap(entry, "event"), shapes.Event, rejects, at)
        if event is None or log is None:
            continue
        if not floor <= event.start_time < ceiling:
            if bad := window.verdict(event.start_time):
                rejects.append(Reject(f"start_time: {bad}", at))
            continue
        if event.end_time is not None and (
            event.end_time < event.start_time or window.verdict(event.end_time)
        ):
            rejects.append(Reject("end_time: before start_time, or in the future", at))
            continue
        built = _status(event, log, driver or "", identity, provider)
        if isinstance(built, str):
            rejects.append(Reject(built, at))
        else:
            records.append(built)
            ordinals.append(at)
    return Cut(
        body=raw,
        schema="motive.log",
        path="events",
        records=list(records),
        ordinals=ordinals,
        rejects=rejects,
    )


def daily_log_cut(body: Raw, identity: Identity, provider: str) -> Cut:
    """Cut a driver's day out of its page; its date is the driver's own."""

    def build(raw: shapes.Log) -> HOSDailyLog | Reject:
        driver = known(raw.driver)
        if driver is None:
            return Reject("driver.id: missing")
        date = raw.date.isoformat()
        source_id = f"{driver}:{date}"
        return HOSDailyLog(
            id=identity.of("hos_daily_log", source_id),
            source_id=source_id,
            provider=provider,
            driver=identity.of("driver", driver),
            date=date,
            status_durations=_durations(raw),
            distances=_distances(raw),
        )

    return entity_cut(body, shapes.Log, "motive.log", build)


def available_time(
    body: Raw, identity: Identity, provider: str
) -> tuple[HOSAvailableTime, bytes] | None:
    """Build the time that a driver has left, and the JSON that it comes of; None where it cannot be read."""
    raw = read(body, shapes.DriverLeft, [])
    if raw is None:
        return None
    left = raw.available_time or shapes.TimeLeft()
    said = raw.duty_status or (raw.last_hos_status.status if raw.last_hos_status else None)
    built = HOSAvailableTime(
        provider=provider,
        driver=identity.of("driver", str(raw.id)),
        available_time=HOSClocks(
            cycle=_ms(left.cycle),
            shift=_ms(left.shift),
            drive=_ms(left.drive),
            break_=_ms(left.break_),
        ),
        current_status=STATUSES.get(said or "", UNSET),
    )
    return built, bytes(body)


def status_of(event: shapes.Event) -> HOSStatus | None:
    """Return what an event is, special driving first."""
    return SPECIAL.get(event.sds_type or "") or STATUSES.get(event.type or "")


def _status(
    event: shapes.Event, log: shapes.Log, driver: str, identity: Identity, provider: str
) -> HOSLog | str:
    """Build a duty status, or say in words why it cannot be."""
    status = status_of(event)
    if status is None:
        return f"type: unknown duty status “{(event.type or '')[:40]}”"
    source_id = str(event.id)
    # An event names no vehicle: only a day with one vehicle tells which it was.
    vehicles = {id_ for each in log.vehicles or [] if (id_ := known(each.vehicle))}
    partners = [id_ for each in log.co_drivers or [] if (id_ := known(each.co_driver))]
    codrivers: list[str | Driver] = [identity.of("driver", id_) for id_ in dict.fromkeys(partners)]
    return HOSLog(
        id=identity.of("hos_log", source_id),
        source_id=source_id,
        provider=provider,
        status=status,
        driver=identity.of("driver", driver),
        started_at=clock.iso(event.start_time),
        ended_at=moment(event.end_time),
        vehicle=identity.of("vehicle", vehicles.pop()) if len(vehicles) == 1 else UNSET,
        codrivers=UNSET if log.co_drivers is None else codrivers,
        remarks=_remarks(event, log),
    )


def _remarks(event: shapes.Event, log: shapes.Log) -> list[HOSRemark]:
    """Return the event's own note, and the day's remarks that were made while it lasted."""
    notes = text(event.notes)
    found = [HOSRemark(notes=notes)] if notes is not UNSET else []
    for entry in log.remarks or []:
        remark, said = entry.remark, text(entry.remark.notes)
        ended = event.end_time is not None and remark.time >= event.end_time
        if said is UNSET or remark.time < event.start_time or ended:
            continue
        found.append(
            HOSRemark(
                notes=said,
                source_id=UNSET if remark.id is None else str(remark.id),
                submitted_at=moment(remark.time),
            )
        )
    return found


def _durations(log: shapes.Log) -> HOSStatusDurations:
    """Read a day's sums, each instant for one status: what is special is taken out of what it is counted as."""
    special: dict[HOSStatus, int] = {}
    within: dict[HOSStatus, list[int]] = {}
    for entry in log.events or []:
        try:
            event = msgspec.json.decode(unwrap(entry, "event"), type=shapes.Event)
        except UNREADABLE:
            continue
        status = SPECIAL.get(event.sds_type or "")
        if status is None or status == "waiting_time" or event.end_time is None:
            continue
        length = units.ms_from_seconds((event.end_time - event.start_time).total_seconds())
        special[status] = special.get(status, 0) + length
        counted_as = STATUSES.get(event.type or "")
        if counted_as is not None:
            within.setdefault(counted_as, []).append(length)
    return HOSStatusDurations(
        on_duty=less(_ms(log.on_duty_duration), *within.get("on_duty", ())),
        off_duty=less(_ms(log.off_duty_duration), *within.get("off_duty", ())),
        driving=less(_ms(log.driving_duration), *within.get("driving", ())),
        waiting=_ms(log.waiting_duration),
        sleeper_bed=_ms(log.sleeper_duration),
        personal_conveyance=special.get("personal_conveyance", UNSET),
        yard_move=special.get("yard_move", UNSET),
    )


def _distances(log: shapes.Log) -> HOSDistances | UnsetType:
    # Its own flag says what a log counts in; unlike a vehicle's, it is no display preference.
    if log.total_miles is None:
        return UNSET
    return HOSDistances(total=km(log.total_miles, metric=bool(log.metric_units)))


def _ms(seconds: float | None) -> int | UnsetType:
    return UNSET if seconds is None else units.ms_from_seconds(seconds)
