"""Geotab's records of what vehicles and drivers did, asked for one after the other: a slice in, pages out.

What is derived needs all that one vehicle or driver did, in order: some of them are asked for at once, in
the order of their ids, and the last one done is the cursor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw

from milepost import clock
from milepost.errors import CursorLost
from milepost.kit.contract import Cut, Page, Slice
from milepost.kit.days import DAY, days_of, each_month, midnight, next_month, zone_named
from milepost.kit.salvage import Window, refuse_strange_page
from milepost.models.hos import HOSAvailableTime
from milepost.providers.geotab import fuel_tax, hours, shapes
from milepost.providers.geotab import trips as trip_records
from milepost.providers.geotab.client import Ask
from milepost.providers.geotab.line import Line

AT_ONCE = 25
"""Vehicles or drivers a page: two questions each fit one call."""

FEW = 5
"""Of what may be thousands of rows each: drivers whose status has no end yet, vehicles of a month's miles."""

BEFORE = timedelta(days=14)
"""How far around a window a log is read, to know which status it begins in and when its last one ends."""
LONGEST_TRIP = timedelta(days=2)
"""A trip is found by when it stopped: so much later one may still have begun in the window."""
BEFORE_TRIP = timedelta(days=7)
"""How far before a window the trip is looked for whose end is where the next one began."""

CutSome = Callable[[Sequence[str]], Awaitable[list[Cut]]]


async def hos_logs(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    starts_at, ends_at = window_of(slice_)
    now = clock.now()
    window = Window(now, starts_at, ends_at)

    until = min(ends_at + BEFORE, now)

    async def cut(some: Sequence[str]) -> list[Cut]:
        logs, notes = await _pairs(
            line, some, _log_ask(starts_at, until), _note_ask(starts_at, until), "hos_logs"
        )
        if until < now:
            logs = await _ended(line, some, logs, ends_at, until, now)
        return [
            hours.logs_cut(driver, logs[at], notes[at], window, line.identity, line.code)
            for at, driver in enumerate(some)
        ]

    drivers = [driver.id for driver in await line.drivers() if slice_.wants(driver.id)]
    async for page in _roll(drivers, slice_.cursor, cut):
        yield page


async def hos_daily_logs(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Derive days from logs and trips; a day of a driver far from Greenwich begins on another UTC day."""
    starts_at, ends_at = window_of(slice_)
    now = clock.now()
    first, last = days_of(starts_at, ends_at)
    users = {user.id: user for user in await line.drivers() if slice_.wants(user.id)}
    # East of Greenwich the day before the first begins on the UTC day before that.
    since = _utc(first - 2 * DAY)
    ending = min(_utc(last + 3 * DAY), now)

    async def cut(some: Sequence[str]) -> list[Cut]:
        permission = line.permission("hos_daily_logs")
        asks = list(map(_log_ask(since, ending), some))
        logs = await line.fetch(asks, permission, "multi_DutyStatusLog")
        moved = sorted({v for rows in logs for v in hours.driven_in(hours.timeline(rows, [], now))})
        trips_of = [_trip_ask(vehicle, since, ending + LONGEST_TRIP) for vehicle in moved]
        driven = await line.fetch(trips_of, permission, "multi_Trip")
        drives = dict(zip(moved, map(trip_records.drives, driven), strict=True))
        found = []
        for at, driver in enumerate(some):
            zone = zone_named(users[driver].timeZoneId) or ZoneInfo("UTC")
            days = (first - DAY, min(last + DAY, now.astimezone(zone).date()))
            found.append(
                hours.days_cut(driver, logs[at], drives, zone, days, now, line.identity, line.code)
            )
        return found

    async for page in _roll(list(users), slice_.cursor, cut):
        yield page


async def trips(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    starts_at, ends_at = window_of(slice_)
    now = clock.now()
    window = Window(now, starts_at, ends_at)
    until = min(ends_at + LONGEST_TRIP, now)

    async def cut(some: Sequence[str]) -> list[Cut]:
        asks = [_trip_ask(vehicle, starts_at - BEFORE_TRIP, until) for vehicle in some]
        found = await line.fetch(asks, line.permission("trips"), "multi_Trip")
        return [
            trip_records.trips_cut(vehicle, rows, window, line.identity, line.code)
            for vehicle, rows in zip(some, found, strict=True)
        ]

    vehicles = [v.id for v in await line.vehicles(starts_at) if slice_.wants(v.id)]
    async for page in _roll(vehicles, slice_.cursor, cut):
        yield page


async def utilization_days(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Add up the days that have ended, in the time zone of each vehicle."""
    starts_at, ends_at = window_of(slice_)
    now = clock.now()
    first, last = days_of(starts_at, ends_at)
    since, until = _utc(first - DAY), min(_utc(last + 2 * DAY) + LONGEST_TRIP, now)
    vehicles = {v.id: v for v in await line.vehicles(since) if slice_.wants(v.id)}

    def used(vehicle: str) -> Ask:
        search = {"deviceSearch": {"id": vehicle}}
        return Ask(type="FuelAndEnergyUsed", search=search, starts_at=since, ends_at=until)

    async def cut(some: Sequence[str]) -> list[Cut]:
        driven, fuel = await _pairs(
            line, some, lambda id_: _trip_ask(id_, since, until), used, "utilization_days"
        )
        found = []
        for at, vehicle in enumerate(some):
            zone = _zone(vehicles[vehicle])
            ended = now.astimezone(zone).date() - DAY
            found.append(
                trip_records.usage_cut(
                    vehicle, driven[at], fuel[at], zone, (first, min(last, ended)),
                    line.identity, line.code,
                )
            )  # fmt: skip
        return found

    async for page in _roll(list(vehicles), slice_.cursor, cut):
        yield page


async def ifta_months(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Add up every month that the window touches, the running one too; the cursor is `2025-03:vehicle`."""
    months = list(each_month(*days_of(*window_of(slice_))))
    first = f"{months[0]:%Y-%m}"
    label, _, done = (slice_.cursor or f"{first}:").partition(":")
    labels = [f"{month:%Y-%m}" for month in months]
    if label not in labels:
        raise CursorLost
    listed = await line.vehicles(_utc(months[0]))
    vehicles = {vehicle.id: vehicle for vehicle in listed if slice_.wants(vehicle.id)}
    for number in range(labels.index(label), len(months)):
        final = number == len(months) - 1
        cut = _month(line, vehicles, months[number])
        async for page in _roll(list(vehicles), done, cut, FEW):
            here = f"{labels[number]}:{page.cursor}"
            if page.last:
                here = "" if final else f"{labels[number + 1]}:"
            yield msgspec.structs.replace(page, cursor=here or None, last=page.last and final)
        done = ""


async def available_times(line: Line) -> list[tuple[HOSAvailableTime, bytes]]:
    """Ask for the time that every driver has left now, and for the status that they are in."""
    now, permission = clock.now(), line.permission("hos_logs")
    ruled = [d.id for d in await line.drivers() if d.hosRuleSet not in {None, "None"}]
    found: list[tuple[HOSAvailableTime, bytes]] = []
    for at in range(0, len(ruled), AT_ONCE):
        some = ruled[at : at + AT_ONCE]
        left = [
            Ask(type="DutyStatusAvailability", search={"userSearch": {"id": driver}})
            for driver in some
        ]
        logs = _log_ask(now, now)
        answers = await line.fetch([*left, *map(logs, some)], permission, "multi_DutyStatusLog")
        for rows, duty in zip(answers[: len(some)], answers[len(some) :], strict=True):
            for row in rows:
                raw = hours.availability(row)
                built = raw and hours.available_time(raw, duty, now, line.identity, line.code)
                if built:
                    found.append((built, bytes(row)))
    return found


def window_of(slice_: Slice) -> tuple[datetime, datetime]:
    if slice_.starts_at is None or slice_.ends_at is None:
        raise ValueError("a history slice has a window")
    return slice_.starts_at, slice_.ends_at


def _month(line: Line, vehicles: dict[str, shapes.Device], month: date) -> CutSome:
    async def cut(some: Sequence[str]) -> list[Cut]:
        bounds = [
            (
                midnight(month, _zone(vehicles[id_])),
                midnight(next_month(month), _zone(vehicles[id_])),
            )
            for id_ in some
        ]
        asks = [
            Ask(
                type="FuelTaxDetail",
                search={
                    "deviceSearch": {"id": vehicle},
                    "includeHourlyData": True,
                    "includeBoundaries": True,
                },
                starts_at=start,
                ends_at=end,
            )
            for vehicle, (start, end) in zip(some, bounds, strict=True)
        ]
        found = await line.fetch(asks, line.permission("ifta_months"), "multi_FuelTaxDetail")
        return [
            fuel_tax.month_cut(
                vehicle, rows, bounds[at], f"{month:%Y-%m}", line.identity, line.code
            )
            for at, (vehicle, rows) in enumerate(zip(some, found, strict=True))
        ]

    return cut


async def _roll(
    ids: Sequence[str], done: str | None, cut: CutSome, at_once: int = AT_ONCE
) -> AsyncIterator[Page]:
    """Go through ids in their order, from the one after the last one done; one page where none is left."""
    waiting = [id_ for id_ in sorted(ids) if id_ > (done or "")]
    for at in range(0, max(len(waiting), 1), at_once):
        some = waiting[at : at + at_once]
        cuts = await cut(some) if some else []
        refuse_strange_page(cuts)
        last = at + at_once >= len(waiting)
        telling = [each for each in cuts if each.records or each.rejects]
        yield Page(cuts=telling, cursor=None if last else some[-1], last=last, asked=bool(some))


async def _ended(
    line: Line,
    some: Sequence[str],
    logs: list[list[Raw]],
    ends_at: datetime,
    until: datetime,
    now: datetime,
) -> list[list[Raw]]:
    """Add what ends a status that began in the window and lasted long beyond it: some leave, and come back."""
    lasting = [at for at, rows in enumerate(logs) if hours.lasts(rows, ends_at, now)]
    found = list(logs)
    for first in range(0, len(lasting), FEW):
        few = lasting[first : first + FEW]
        asks = [_log_ask(until + BEFORE, now)(some[at]) for at in few]
        later = await line.fetch(asks, line.permission("hos_logs"), "multi_DutyStatusLog")
        for at, rows in zip(few, later, strict=True):
            bodies = dict.fromkeys(bytes(row) for row in (*logs[at], *rows))
            found[at] = [Raw(body) for body in bodies]
    return found


async def _pairs(
    line: Line,
    some: Sequence[str],
    one: Callable[[str], Ask],
    other: Callable[[str], Ask],
    stream: str,
) -> tuple[list[list[Raw]], list[list[Raw]]]:
    """Ask two questions about each, in one call."""
    asks = [*map(one, some), *map(other, some)]
    found = await line.fetch(asks, line.permission(stream), f"multi_{asks[0].type}")
    return found[: len(some)], found[len(some) :]


def _log_ask(starts_at: datetime, ends_at: datetime) -> Callable[[str], Ask]:
    """Ask for a driver's log around a window; the boundary log is the one that it begins with."""

    def ask(driver: str) -> Ask:
        search = {"userSearch": {"id": driver}, "includeBoundaryLogs": True}
        return Ask(
            type="DutyStatusLog", search=search, starts_at=starts_at - BEFORE, ends_at=ends_at
        )

    return ask


def _note_ask(starts_at: datetime, ends_at: datetime) -> Callable[[str], Ask]:
    def ask(driver: str) -> Ask:
        search = {"userSearch": {"id": driver}}
        return Ask(
            type="AnnotationLog", search=search, starts_at=starts_at - BEFORE, ends_at=ends_at
        )

    return ask


def _trip_ask(vehicle: str, starts_at: datetime, ends_at: datetime) -> Ask:
    search = {"deviceSearch": {"id": vehicle}}
    return Ask(type="Trip", search=search, starts_at=starts_at, ends_at=ends_at)


def _zone(device: shapes.Device) -> ZoneInfo:
    return zone_named(device.timeZoneId) or ZoneInfo("UTC")


def _utc(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
