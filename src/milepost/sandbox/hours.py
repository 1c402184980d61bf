"""Hours of service of the synthetic drivers: statuses that follow from their shifts, and what edits change.

A turn begins with an inspection and ends with one, stops of the truck are on duty, its break is off duty,
its slowest blocks are yard moves. Some days later a few turns are edited, as carriers do.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from milepost.kit.world import DriverCard, DutyDay, DutyLog, Edit, HoursLeft
from milepost.models.hos import HOSStatus
from milepost.sandbox.chance import seeded
from milepost.sandbox.clocks import count_hours_left
from milepost.sandbox.crew import Crew, Turn
from milepost.sandbox.shifts import DAY, FIRST_DAY, Block, Truck

MOVING: frozenset[HOSStatus] = frozenset({"driving", "yard_move", "personal_conveyance"})
_INSPECTION = timedelta(minutes=15)
_REST = frozenset({"off_duty", "sleeper_bed"})
_YARD_KMH = 25  # what is slower, on some days, is a move in a yard
_EDITED = 0.06  # of all turns
_EDIT_AFTER_H = (30, 130)  # hours after the turn's day is over

Change = Literal["split", "changed", "withdrawn"]
_CHANGES: tuple[Change, ...] = get_args(Change)


class Written(NamedTuple):
    """A turn's statuses until the next turn, before and after the edit, if there is one."""

    logs: tuple[DutyLog, ...]
    edit: Edit | None = None
    edited: tuple[DutyLog, ...] = ()

    def known(self, at: datetime) -> tuple[DutyLog, ...]:
        return self.edited if self.edit and self.edit.at <= at else self.logs


class Hours:
    """The duty statuses of all drivers, as a function of time and of when one asks."""

    def __init__(
        self, seed: int, drivers: Sequence[DriverCard], crew: Crew, trucks: Mapping[str, Truck]
    ) -> None:
        self._seed = seed
        self._cards = {driver.id: driver for driver in drivers}
        self._crew = crew
        self._trucks = trucks
        self._turn = functools.lru_cache(maxsize=4_096)(self._write)

    def duty(self, driver_id: str, start: datetime, end: datetime, at: datetime) -> list[DutyLog]:
        found: list[DutyLog] = []
        for log in self._known(driver_id, start, end, at):
            ended = log.ends_at if log.ends_at is not None and log.ends_at <= at else None
            if log.starts_at <= at and log.starts_at < end and (ended or end) > start:
                found.append(log if ended == log.ends_at else replace(log, ends_at=None))
        return found

    def duty_day(self, driver_id: str, day: date, at: datetime) -> DutyDay | None:
        card = self._cards[driver_id]
        zone = ZoneInfo(card.timezone)
        starts_at = datetime.combine(day, time(), zone).astimezone(FIRST_DAY.tzinfo)
        ends_at = datetime.combine(day + DAY, time(), zone).astimezone(FIRST_DAY.tzinfo)
        if at < starts_at or starts_at < card.created_at:
            return None
        durations: dict[HOSStatus, int] = {}
        metres: dict[HOSStatus, int] = {}
        vehicles: dict[str, None] = {}
        for log in self.duty(driver_id, starts_at, ends_at, at):
            begins, ends = max(log.starts_at, starts_at), min(log.ends_at or at, ends_at, at)
            length = round((ends - begins) / timedelta(milliseconds=1))
            durations[log.status] = durations.get(log.status, 0) + length
            if log.vehicle_id is not None:
                vehicles[log.vehicle_id] = None
            if log.vehicle_id is not None and log.status in MOVING:
                truck = self._trucks[log.vehicle_id]
                driven = truck.odometer_m(ends) - truck.odometer_m(begins)
                metres[log.status] = metres.get(log.status, 0) + driven
        return DutyDay(
            driver_id=driver_id,
            day=day,
            starts_at=starts_at,
            ends_at=ends_at,
            durations_ms=durations,
            metres=metres,
            vehicle_ids=tuple(vehicles),
        )

    def hours_left(self, driver_id: str, at: datetime) -> HoursLeft:
        card = self._cards[driver_id]
        logs = self.duty(driver_id, at - 10 * DAY, at + DAY, at)
        return count_hours_left(logs, at, ZoneInfo(card.timezone), reachable=card.active)

    def edits(self, since: datetime, until: datetime) -> Iterator[Edit]:
        # A turn lasts up to five days, and is edited up to six days after it.
        first = max(0, (since - FIRST_DAY).days - 13)
        for driver_id in self._cards:
            for day in range(first, (until - FIRST_DAY).days + 1):
                edit = self._turn(driver_id, day).edit
                if edit and since <= edit.at < until:
                    yield edit

    def _known(
        self, driver_id: str, start: datetime, end: datetime, at: datetime
    ) -> Iterator[DutyLog]:
        card = self._cards[driver_id]
        began = self._crew.turn(driver_id, 0) or self._crew.next_turn(driver_id, 0)
        idle_until = _begins(began) if began else None
        since = min(card.created_at, idle_until or card.created_at)
        if idle_until is None or (since < idle_until and start < idle_until):
            yield DutyLog(
                driver_id=driver_id, status="off_duty", starts_at=since, ends_at=idle_until
            )
        # A rider's turn lasts until the next ride, which is five days later at most.
        first = max(0, (start - FIRST_DAY).days - 7)
        for day in range(first, (min(end, at) - FIRST_DAY).days + 1):
            yield from self._turn(driver_id, day).known(at)

    def _write(self, driver_id: str, day: int) -> Written:
        turn = self._crew.turn(driver_id, day)
        after = self._crew.next_turn(driver_id, day) if turn else None
        if turn is None or after is None:
            return Written(())
        until = _begins(after)
        marks = list(_ride(turn) if turn.passenger else self._drive(turn))
        logs = [
            DutyLog(
                driver_id=driver_id,
                status=status,
                starts_at=begins,
                ends_at=ends,
                vehicle_id=turn.vehicle_id if on_board else None,
                spot=turn.truck.spot(begins)[0],
                codriver_ids=(turn.partner_id,) if turn.partner_id and on_board else (),
                remark=remark,
            )
            for (begins, status, remark), (ends, *_) in itertools.pairwise(
                [*marks, (until, "off_duty", "")]
            )
            for on_board in [status not in _REST or (turn.passenger and status == "sleeper_bed")]
        ]
        return self._edit(turn, logs)

    def _drive(self, turn: Turn) -> Iterator[tuple[datetime, HOSStatus, str]]:
        chance = seeded("duty", self._seed, turn.driver_id, turn.day)
        yards, lifts = chance.random() < 0.3, chance.random() < 0.15
        blocks = turn.truck.shift(turn.day).blocks
        yield turn.starts_at - _INSPECTION, "on_duty", "Pre-trip inspection"
        before: HOSStatus = "on_duty"
        for block in blocks:
            status, remark = _status(block, yards=yards)
            if lifts and block is blocks[-1] and block.state == "on":
                status, remark = "personal_conveyance", "To the hotel"
            if status != before or block is blocks[0]:
                yield block.starts_at, status, remark
                before = status
        rests_at = turn.ends_at
        if before != "personal_conveyance":
            yield rests_at, "on_duty", "Post-trip inspection"
            rests_at += _INSPECTION
        yield rests_at, "off_duty", ""
        if int(turn.driver_id) % 2 == 0:
            yield rests_at + timedelta(hours=1), "sleeper_bed", ""
            yield rests_at + timedelta(hours=8), "off_duty", ""

    def _edit(self, turn: Turn, logs: list[DutyLog]) -> Written:
        chance = seeded("edit", self._seed, turn.driver_id, turn.day)
        if chance.random() >= _EDITED:
            return Written(tuple(logs))
        after = timedelta(
            seconds=chance.randrange(_EDIT_AFTER_H[0] * 3600, _EDIT_AFTER_H[1] * 3600)
        )
        over = logs[-1].ends_at or turn.ends_at
        wish = chance.choice(_CHANGES)
        change, number, edited = _change(logs, wish, turn)
        edit = Edit(
            at=over + after,
            model="hos_log",
            change=change,
            subject=turn.driver_id,
            starts_at=logs[number].starts_at,
        )
        return Written(tuple(logs), edit, tuple(edited))


def _change(logs: list[DutyLog], wish: Change, turn: Turn) -> tuple[Change, int, list[DutyLog]]:
    """Return what is done, to which log, and the logs afterwards; where a wish does not fit, a split."""
    rests = [n for n in range(1, len(logs)) if {logs[n - 1].status, logs[n].status} <= _REST]
    stops = [n for n in range(1, len(logs) - 1) if logs[n].status == "on_duty"]
    if wish == "withdrawn" and rests:
        number = rests[0]
        longer = replace(logs[number - 1], ends_at=logs[number].ends_at)
        return "withdrawn", number, [*logs[: number - 1], longer, *logs[number + 1 :]]
    if wish == "changed" and stops:
        number = stops[0]
        changed = replace(
            logs[number], status="off_duty", remark="Was not working", vehicle_id=None
        )
        return "changed", number, [*logs[:number], changed, *logs[number + 1 :]]
    last = logs[-1]
    begins = last.starts_at + timedelta(minutes=40)
    ends = begins + timedelta(minutes=20)
    work = replace(
        last,
        status="on_duty",
        starts_at=begins,
        ends_at=ends,
        vehicle_id=turn.vehicle_id,
        remark="Paperwork",
    )
    halves = replace(last, ends_at=begins), work, replace(last, starts_at=ends)
    return "split", len(logs) - 1, [*logs[:-1], *halves]


def _ride(turn: Turn) -> Iterator[tuple[datetime, HOSStatus, str]]:
    yield turn.starts_at, "sleeper_bed", ""
    yield turn.ends_at, "off_duty", ""


def _status(block: Block, *, yards: bool) -> tuple[HOSStatus, str]:
    if block.state == "off":
        return "off_duty", "Meal break"
    if block.state == "idle":
        return "on_duty", "Loading"
    if yards and block.kmh < _YARD_KMH:
        return "yard_move", ""
    return "driving", ""


def _begins(turn: Turn) -> datetime:
    return turn.starts_at if turn.passenger else turn.starts_at - _INSPECTION
