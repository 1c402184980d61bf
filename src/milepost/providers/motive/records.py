"""Motive's records, which happen in time: a slice in, pages out."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta

from msgspec import Raw

from milepost import clock
from milepost.kit.contract import Cut, Page, Slice
from milepost.kit.days import DAY, days_of, each_day, each_month, midnight, next_month
from milepost.kit.http import together
from milepost.kit.salvage import Window, refuse_strange_page
from milepost.models.hos import HOSAvailableTime
from milepost.models.safety import CameraMedia
from milepost.providers.motive import faults, hours, readings, reports, safety, trips
from milepost.providers.motive.line import Line
from milepost.providers.motive.paging import Leg, stroll, walk

# Vehicles a page. The documents allow ten calls at once on this endpoint [D]; the client makes four.
VEHICLES_AT_ONCE = 4
FOOTAGE_DAYS = 30  # How far back footage is looked for: events can be asked for by day only.
_WEEK = timedelta(days=7)


async def locations(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask vehicle by vehicle, in the order of their ids; the cursor is the last one done.

    A position in the list would skip or repeat vehicles when one joins the fleet in between.
    """
    starts_at, ends_at = window_of(slice_)
    window = Window(clock.now(), starts_at, ends_at)
    first, last = days_of(starts_at, ends_at)
    permission, metric = line.permission("locations"), await line.metric(slice_.without)
    fleet = [id_ for id_ in await line.fleet() if slice_.wants(id_)]
    waiting = [id_ for id_ in fleet if id_ > (slice_.cursor or "")]
    for at in range(0, max(len(waiting), 1), VEHICLES_AT_ONCE):
        some = waiting[at : at + VEHICLES_AT_ONCE]
        bodies = await together(
            [line.client.history(permission, vehicle, first, last) for vehicle in some]
        )
        cuts = []
        for vehicle, body in zip(some, bodies, strict=True):
            if body is not None:
                cuts.append(readings.history_cut(body, vehicle, window, metric=metric))
                await asyncio.sleep(0)  # One vehicle's days are some 50 ms of mapping at the most.
        refuse_strange_page(cuts)
        done = at + VEHICLES_AT_ONCE >= len(waiting)
        yield Page(cuts=cuts, cursor=None if done else some[-1], last=done, asked=bool(some))


def hos_logs(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    window = Window(clock.now(), *window_of(slice_))
    cut = functools.partial(
        hours.logs_cut, window=window, identity=line.identity, provider=line.code
    )
    return stroll([_logs(line, slice_, cut)], slice_.cursor)


def hos_daily_logs(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    cut = functools.partial(hours.daily_log_cut, identity=line.identity, provider=line.code)
    return stroll([_logs(line, slice_, cut)], slice_.cursor)


def trip_records(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask for the periods that began on the UTC days of the window."""
    window = Window(clock.now(), *window_of(slice_))
    leg = _days_leg(
        line,
        slice_.stream,
        "/v1/driving_periods",
        ("driving_periods", "driving_period"),
        days_of(*window_of(slice_)),
        functools.partial(
            trips.trip_cut, window=window, identity=line.identity, provider=line.code
        ),
    )
    return stroll([leg], slice_.cursor)


def safety_events(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask for events, then for speeding, of the days of the window and one more on either side.

    Nobody says by which clock these days are counted.
    """
    window = Window(clock.now(), *window_of(slice_))
    days = _wider(window_of(slice_))
    legs = [
        _days_leg(
            line,
            slice_.stream,
            "/v2/driver_performance_events",
            ("driver_performance_events", "driver_performance_event"),
            days,
            functools.partial(
                safety.event_cut, window=window, identity=line.identity, provider=line.code
            ),
            label="performance",
            media_required="false",
        ),
        _days_leg(
            line,
            slice_.stream,
            "/v1/speeding_events",
            ("speeding_events", "speeding_event"),
            days,
            functools.partial(
                safety.speeding_cut, window=window, identity=line.identity, provider=line.code
            ),
            label="speeding",
            permission="speeding_events.read",
        ),
    ]
    return stroll(legs, slice_.cursor)


def fault_codes(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Read the whole list, and keep what is open, or was seen since the window began."""
    permission = line.permission(slice_.stream)
    window = Window(clock.now(), window_of(slice_)[0])
    leg = Leg(
        ask=lambda number: line.client.listed("/v1/fault_codes", permission, number),
        plural="fault_codes",
        singular="fault_code",
        cut=functools.partial(
            faults.fault_cut, window=window, identity=line.identity, provider=line.code
        ),
    )
    return stroll([leg], slice_.cursor)


async def utilization_days(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask for one day of the fleet after the other, as soon as it is over where the company is."""
    zone, metric, now = await line.zone(), await line.metric(slice_.without), clock.now()
    legs = [
        _days_leg(
            line,
            slice_.stream,
            "/v2/vehicle_utilization",
            ("vehicle_utilizations", "vehicle_utilization"),
            (day, day),
            functools.partial(
                reports.day_cut,
                day=day,
                identity=line.identity,
                provider=line.code,
                metric=metric,
            ),
            label=day.isoformat(),
        )
        for day in each_day(*days_of(*window_of(slice_)))
        if midnight(day + DAY, zone) <= now
    ]
    async for page in stroll(legs, slice_.cursor):
        yield page


async def ifta_months(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask for every month that the window touches, the present one as far as it has gone."""
    zone, metric = await line.zone(), await line.metric(slice_.without)
    today = clock.now().astimezone(zone).date()
    legs = [
        _days_leg(
            line,
            slice_.stream,
            "/v1/ifta/summary",
            ("ifta_trips", "ifta_trip"),
            (first, min(next_month(first) - DAY, today)),
            functools.partial(
                reports.month_cut,
                month=f"{first:%Y-%m}",
                identity=line.identity,
                provider=line.code,
                metric=metric,
            ),
            label=f"{first:%Y-%m}",
        )
        for first in each_month(*days_of(*window_of(slice_)))
        if first <= today
    ]
    async for page in stroll(legs, slice_.cursor):
        yield page


async def available_times(line: Line) -> list[tuple[HOSAvailableTime, bytes]]:
    """Ask for the time that every driver has left now."""
    permission = "hos_logs.available_time"
    rows = await line.everything(
        lambda number: line.client.listed("/v1/available_time", permission, number),
        "users",
        "user",
    )
    found = [hours.available_time(row, line.identity, line.code) for row in rows]
    return [each for each in found if each is not None]


async def camera_media(line: Line, event: str) -> tuple[CameraMedia, bytes] | None:
    """Look for an event with fresh addresses of its footage, week by week into the past."""
    last = clock.now().date() + DAY
    earliest = last - timedelta(days=FOOTAGE_DAYS)
    while last > earliest and not event.startswith(safety.SPEEDING):
        leg = _days_leg(
            line,
            "safety_events",
            "/v2/driver_performance_events",
            ("driver_performance_events", "driver_performance_event"),
            (last - _WEEK, last),
            lambda _: Cut(body=b"", schema="", records=[]),
            media_required="true",
        )
        async for step in walk(leg.ask, leg.plural, leg.singular):
            for row in step.rows:
                found = safety.footage(row, event)
                if found is not None:
                    return found
        last -= _WEEK
    return None


def window_of(slice_: Slice) -> tuple[datetime, datetime]:
    if slice_.starts_at is None or slice_.ends_at is None:
        raise ValueError("a history slice has a window")
    return slice_.starts_at, slice_.ends_at


def _logs(line: Line, slice_: Slice, cut: Callable[[Raw], Cut]) -> Leg:
    # A driver far from Greenwich begins a day on another UTC day, hence one more on either side.
    days = _wider(window_of(slice_))
    return _days_leg(line, slice_.stream, "/v1/logs", ("logs", "log"), days, cut)


def _days_leg(
    line: Line,
    stream: str,
    path: str,
    wrapped: tuple[str, str],
    days: tuple[date, date],
    cut: Callable[[Raw], Cut],
    label: str = "",
    permission: str | None = None,
    **asked: str,
) -> Leg:
    permission = permission or line.permission(stream)
    return Leg(
        ask=lambda number: line.client.days(
            path, permission, days[0], days[1], number=number, **asked
        ),
        plural=wrapped[0],
        singular=wrapped[1],
        cut=cut,
        label=label,
    )


def _wider(window: tuple[datetime, datetime]) -> tuple[date, date]:
    first, last = days_of(*window)
    return first - DAY, last + DAY
