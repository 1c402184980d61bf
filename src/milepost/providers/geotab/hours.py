"""Turns Geotab's duty statuses into the unified model: logs, the days that they add up to, time left; pure.

The dialect tells only when a status begins, and has no daily logs: both are derived here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.days import DAY, each_day, midnight
from milepost.kit.salvage import Misfit, Window, clean, read
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
from milepost.providers.geotab import shapes
from milepost.providers.geotab.trips import Drive
from milepost.providers.geotab.wire import ref, span_ms

STATUSES: dict[str, HOSStatus] = {
    "D": "driving",
    "ON": "on_duty",
    "OFF": "off_duty",
    "SB": "sleeper_bed",
    "PC": "personal_conveyance",
    "PC_Exempted": "personal_conveyance",
    "YM": "yard_move",
    "WT": "waiting_time",
}
"""The statuses among what the log holds; the rest of it is logins, certificates, exemptions and such."""

MOVING: frozenset[HOSStatus] = frozenset({"driving", "personal_conveyance", "yard_move"})
_REST: frozenset[HOSStatus] = frozenset({"off_duty", "sleeper_bed"})

_CLEAR = "SituationalDrivingClear"
_UNDER: dict[HOSStatus, HOSStatus] = {
    "personal_conveyance": "off_duty",
    "yard_move": "on_duty",
}
"""What is left when a driver ends a personal conveyance or a yard move."""


class Stretch(NamedTuple):
    """A duty status from its beginning to the next one's; `at` is where its log stands in the answer."""

    status: HOSStatus
    starts_at: datetime
    ends_at: datetime | None
    at: int
    logs: tuple[shapes.DutyStatusLog, ...]  # itself, and those of the same status that follow


def timeline(rows: Iterable[Raw], rejects: list[Reject], now: datetime) -> list[Stretch]:
    """Read a driver's log: active records in order, each status until the next, neighbours alike as one.

    Work in another vehicle is another stretch; rest is rest. What is dated more than a day ahead of `now`
    ends nothing.
    """
    window = Window(now)
    kept: list[tuple[datetime, int, shapes.DutyStatusLog]] = []
    for at, raw in enumerate(rows):
        log = read(raw, shapes.DutyStatusLog, rejects, at)
        if log is None or not _counts(log):
            continue
        if bad := window.verdict(log.dateTime):
            rejects.append(Reject(f"dateTime: {bad}", at))
            continue
        kept.append((log.dateTime.astimezone(UTC), at, log))
    kept.sort(key=lambda each: each[:2])
    found: list[Stretch] = []
    for starts_at, at, log in kept:
        status = _status(log, found[-1].status if found else None)
        if status is None:
            continue
        if found and found[-1].starts_at == starts_at:
            found.pop()  # It lasted no time at all.
        if found and _same(found[-1], status, log):
            # What lasted no time at all may have ended it.
            found[-1] = found[-1]._replace(logs=(*found[-1].logs, log), ends_at=None)
            continue
        if found:
            found[-1] = found[-1]._replace(ends_at=starts_at)
        found.append(Stretch(status, starts_at, None, at, (log,)))
    return found


def lasts(rows: Iterable[Raw], ends_at: datetime, now: datetime) -> bool:
    """Say whether the last status of a log began before `ends_at` and has no end in it."""
    found = timeline(rows, [], now)
    return bool(found) and found[-1].starts_at < ends_at


def driven_in(stretches: Iterable[Stretch]) -> set[str]:
    """Return the vehicles that a driver moved."""
    found = (ref(stretch.logs[0].device) for stretch in stretches if stretch.status in MOVING)
    return {vehicle for vehicle in found if vehicle is not None}


def logs_cut(
    driver: str,
    rows: Sequence[Raw],
    notes: Sequence[Raw],
    window: Window,
    identity: Identity,
    provider: str,
) -> Cut:
    """Cut a driver's duty statuses that begin in the window out of their log, with its annotations."""
    rejects: list[Reject] = []
    comments = _comments(notes)
    floor, ceiling = window.bounds()
    records: list[HOSLog] = []
    ordinals: list[int] = []
    for stretch in timeline(rows, rejects, window.now):
        if not floor <= stretch.starts_at < ceiling:
            continue
        records.append(_log(driver, stretch, comments, identity, provider))
        ordinals.append(stretch.at)
    return Cut(
        body=b'{"dutyStatusLogs":[%b],"annotationLogs":[%b]}' % (b",".join(rows), b",".join(notes)),
        schema="geotab.DutyStatusLog",
        path="dutyStatusLogs",
        records=list(records),
        ordinals=ordinals,
        rejects=rejects,
    )


def days_cut(
    driver: str,
    rows: Sequence[Raw],
    drives: Mapping[str, Sequence[Drive]],
    zone: ZoneInfo,
    days: tuple[date, date],
    now: datetime,
    identity: Identity,
    provider: str,
) -> Cut:
    """Derive a driver's days, each from midnight to midnight where they are at home, from their log.

    Each instant counts for one status. How far a driver moved is told by the trips of the vehicles that
    the log names, whoever is said to have driven them; a trip is shared out by time.
    """
    rejects: list[Reject] = []
    stretches = timeline(rows, rejects, now)
    records: list[HOSDailyLog] = []
    for day in each_day(*days):
        # As UTC: between two instants of one zone Python counts what clocks show, 24 hours on every day.
        begins, ends = (midnight(each, zone).astimezone(UTC) for each in (day, day + DAY))
        ends = min(ends, now)
        shares = [
            (each, max(each.starts_at, begins), min(each.ends_at or now, ends))
            for each in stretches
        ]
        lasting = [(each, start, end) for each, start, end in shares if start < end]
        if not lasting:
            continue
        source_id = f"{driver}:{day.isoformat()}"
        records.append(
            HOSDailyLog(
                id=identity.of("hos_daily_log", source_id),
                source_id=source_id,
                provider=provider,
                driver=identity.of("driver", driver),
                date=day.isoformat(),
                status_durations=_durations(lasting),
                distances=_distances(drives, lasting),
            )
        )
    return Cut(
        body=b'{"dutyStatusLogs":[%b]}' % b",".join(rows),
        schema="geotab.DutyStatusLog",
        records=list(records),
        ordinals=[0] * len(records),  # A day is made of many logs, and shows them all.
        rejects=[each for each in rejects if not isinstance(each, Misfit)],
    )


def available_time(
    availability: shapes.Availability,
    rows: Sequence[Raw],
    now: datetime,
    identity: Identity,
    provider: str,
) -> HOSAvailableTime | None:
    """Build the time that a driver has left; what is less than nothing is nothing."""
    driver = ref(availability.driver)
    if driver is None:
        return None
    stretches = timeline(rows, [], now)
    return HOSAvailableTime(
        provider=provider,
        driver=identity.of("driver", driver),
        available_time=HOSClocks(
            cycle=_left(availability.cycle),
            shift=_left(availability.workday or availability.duty),
            drive=_left(availability.driving),
            break_=_left(availability.rest),
        ),
        current_status=stretches[-1].status if stretches else UNSET,
    )


def _counts(log: shapes.DutyStatusLog) -> bool:
    """Say whether a record holds: changed and requested ones stay in the log beside what replaced them."""
    return (
        log.state in {None, "Active"}
        and log.eventRecordStatus in {None, 1}
        and not log.isIgnored
        and not log.isHidden
        and (log.status in STATUSES or log.status == _CLEAR)
    )


def _status(log: shapes.DutyStatusLog, before: HOSStatus | None) -> HOSStatus | None:
    if log.status == _CLEAR:
        return _UNDER.get(before) if before else None
    return STATUSES[log.status]


def _same(before: Stretch, status: HOSStatus, log: shapes.DutyStatusLog) -> bool:
    where = ref(log.device) == ref(before.logs[0].device)
    return before.status == status and (where or status in _REST)


def _log(
    driver: str,
    stretch: Stretch,
    comments: Mapping[str, HOSRemark],
    identity: Identity,
    provider: str,
) -> HOSLog:
    log = stretch.logs[0]
    started_at = clock.iso(stretch.starts_at)
    # An edit gives a record another id; who began what when stays.
    source_id = f"{driver}:{started_at}"
    vehicle, place = ref(log.device), log.location.location if log.location else None
    notes = [note.id for each in stretch.logs for note in each.annotations or ()]
    codrivers: list[str | Driver] | UnsetType = UNSET
    if log.coDrivers is not None:
        named = dict.fromkeys(each for given in log.coDrivers if (each := ref(given)))
        codrivers = [identity.of("driver", each) for each in named]
    return HOSLog(
        id=identity.of("hos_log", source_id),
        source_id=source_id,
        provider=provider,
        status=stretch.status,
        driver=identity.of("driver", driver),
        started_at=started_at,
        ended_at=clock.iso(stretch.ends_at) if stretch.ends_at else UNSET,
        vehicle=identity.of("vehicle", vehicle) if vehicle else UNSET,
        codrivers=codrivers,
        location=Coordinates(longitude=place.x, latitude=place.y) if place else UNSET,
        remarks=[comments[note] for note in dict.fromkeys(notes) if note in comments],
    )


def _comments(notes: Iterable[Raw]) -> dict[str, HOSRemark]:
    found: dict[str, HOSRemark] = {}
    for raw in notes:
        note = read(raw, shapes.AnnotationLog, [])
        comment = clean(note.comment) if note else ""
        if note is not None and comment:
            at = clock.iso(note.dateTime) if note.dateTime else UNSET
            found[note.id] = HOSRemark(notes=comment, source_id=note.id, submitted_at=at)
    return found


Share = tuple[Stretch, datetime, datetime]
"""The part of a stretch that falls in a day."""


def _durations(lasting: Iterable[Share]) -> HOSStatusDurations:
    sums: dict[HOSStatus, timedelta] = {}
    for stretch, start, end in lasting:
        sums[stretch.status] = sums.get(stretch.status, timedelta()) + (end - start)
    ms = {status: round(length / timedelta(milliseconds=1)) for status, length in sums.items()}
    return HOSStatusDurations(
        on_duty=ms.get("on_duty", 0),
        off_duty=ms.get("off_duty", 0),
        driving=ms.get("driving", 0),
        waiting=ms.get("waiting_time", 0),
        sleeper_bed=ms.get("sleeper_bed", 0),
        personal_conveyance=ms.get("personal_conveyance", 0),
        yard_move=ms.get("yard_move", 0),
    )


def _distances(drives: Mapping[str, Sequence[Drive]], lasting: Iterable[Share]) -> HOSDistances:
    km = dict.fromkeys(MOVING, 0.0)
    for stretch, start, end in lasting:
        if stretch.status in MOVING:
            vehicle = ref(stretch.logs[0].device) or ""
            km[stretch.status] += sum(drive.km_in(start, end) for drive in drives.get(vehicle, ()))
    return HOSDistances(
        total=round(sum(km.values()), 3),
        driving=round(km["driving"], 3),
        personal_conveyance=round(km["personal_conveyance"], 3),
        yard_move=round(km["yard_move"], 3),
    )


def _left(span: str | None) -> int | UnsetType:
    ms = span_ms(span)
    return UNSET if ms is None else max(0, ms)


def availability(row: Raw) -> shapes.Availability | None:
    """Read what a driver's rules leave them; None where it cannot be read."""
    try:
        return msgspec.json.decode(row, type=shapes.Availability)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
