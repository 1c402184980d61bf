"""Samsara's records, which happen in time: a slice in, pages out."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from milepost import clock
from milepost.errors import Changed, CursorLost
from milepost.kit.contract import Cut, Page, Slice
from milepost.kit.days import DAY, days_of, each_day, each_month, midnight, next_month
from milepost.kit.http import together
from milepost.kit.salvage import Window, refuse_strange_page
from milepost.models.hos import HOSAvailableTime
from milepost.providers.samsara import faults, hours, mapping, reports, safety
from milepost.providers.samsara import trips as trip_records
from milepost.providers.samsara.line import Line
from milepost.providers.samsara.listings import SWEEPS
from milepost.providers.samsara.walk import Leg, Step, Walk, relay, stroll

# Vehicles a page: some four seconds at five calls a second, the work of one step.
TRIPS_AT_ONCE = 20

SETTLED = timedelta(hours=72)
"""Reports change until so long after what they are about [S]."""

WESTERNMOST = ZoneInfo("Etc/GMT+12")  # Where a month ends last of all, wherever the fleet is.

LEAD_IN = timedelta(days=7)
"""How far before a window fault codes are read, to have what its first ones are compared with [O]."""

# A month that is still being counted, as if nobody had driven in it: the look-back asks again.
NOTHING_YET = b'{"data":{"vehicleReports":[]},"pagination":{"endCursor":"","hasNextPage":false}}'


def hos_logs(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    ask = functools.partial(
        line.client.duty_statuses,
        line.permission("hos_logs"),
        *window_of(slice_),
        slice_.subjects,
    )
    window = Window(clock.now())
    cut = functools.partial(
        hours.logs_cut, window=window, identity=line.identity, provider=line.code
    )
    return stroll(ask, cut, slice_.cursor)


async def hos_daily_logs(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Sweep the days of active drivers, then of deactivated ones.

    A day of a driver far from Greenwich begins on another UTC day, hence one more on either side.
    """
    zone = await line.zone()
    first, last = days_of(*window_of(slice_))
    first, last = first - DAY, min(last + DAY, clock.now().astimezone(zone).date())
    cut = functools.partial(
        hours.daily_log_cut,
        zone=zone,
        window=Window(clock.now()),
        identity=line.identity,
        provider=line.code,
    )
    ask = functools.partial(line.client.daily_logs, line.permission("hos_daily_logs"), first, last)
    legs = [Leg(sweep, functools.partial(ask, sweep), cut) for sweep in SWEEPS]
    async for page in relay(legs if first <= last else [], slice_.cursor):
        yield page


async def trips(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask vehicle by vehicle, in the order of their ids; the cursor is the last one done.

    A position in the list would skip or repeat vehicles when one joins the fleet in between.
    """
    starts_at, ends_at = window_of(slice_)
    window = Window(clock.now())
    permission, done = line.permission("trips"), slice_.cursor or ""

    async def read(vehicle: str) -> Cut:
        body = await line.client.trips(permission, vehicle, starts_at, ends_at)
        return trip_records.trips_cut(body, vehicle, window, line.identity, line.code)

    waiting = [
        each
        for vehicle in await line.fleet()
        if (each := str(vehicle.id)) > done and slice_.wants(each)
    ]
    for at in range(0, max(len(waiting), 1), TRIPS_AT_ONCE):
        some = waiting[at : at + TRIPS_AT_ONCE]
        cuts = await together(read(vehicle) for vehicle in some)
        refuse_strange_page(cuts)
        last = at + TRIPS_AT_ONCE >= len(waiting)
        yield Page(cuts=cuts, cursor=None if last else some[-1], last=last, asked=bool(some))


async def safety_events(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Follow the stream of changed events; the cursor is `since|cursor`, since one belongs to the other.

    History goes through the same stream, from the beginning of its window to the present: whatever
    happened in the window changed after the window began, so that none is missed, nor one that is
    changed while the stream is read.
    """
    asked_first = slice_.starts_at if slice_.mode == "history" else None
    since, bar, after = (slice_.cursor or clock.iso(asked_first or clock.now()) + "|").partition(
        "|"
    )
    if not bar:
        raise CursorLost
    ask = functools.partial(line.client.safety_events, line.permission("safety_events"), since)
    async for step in Walk(ask, after or None):
        window = Window(step.asked_at)
        cuts = [safety.event_cut(entry, window, line.identity, line.code) for entry in step.entries]
        refuse_strange_page(cuts)
        after = step.cursor or after
        following = slice_.mode == "feed"
        yield Page(
            cuts=cuts,
            withdrawn=safety.withdrawn(step.entries),
            cursor=f"{since}|{after}" if following or not step.last else None,
            last=step.last,
            caught_up_to=step.asked_at if step.last and following else None,
        )


async def utilization_days(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask for one day of the fleet after the other, once a day is old enough to be whole."""
    zone = await line.zone()
    permission, now = line.permission("utilization_days"), clock.now()
    legs = [
        Leg(
            day.isoformat(),
            functools.partial(line.client.fuel_energy, permission, midnight(day, zone)),
            functools.partial(reports.day_cut, day=day, identity=line.identity, provider=line.code),
        )
        for day in each_day(*days_of(*window_of(slice_)))
        if midnight(day + DAY, zone) + SETTLED <= now
    ]
    async for page in relay(legs, slice_.cursor, mapping.report):
        yield page


def ifta_months(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Ask for every month that the window touches, once it is old enough to be whole everywhere."""
    now = clock.now()
    legs = [
        Leg(
            f"{first:%Y-%m}",
            functools.partial(_miles, line, first),
            functools.partial(
                reports.month_cut,
                month=f"{first:%Y-%m}",
                identity=line.identity,
                provider=line.code,
            ),
        )
        for first in each_month(*days_of(*window_of(slice_)))
        if midnight(next_month(first), WESTERNMOST) + SETTLED <= now
    ]
    return relay(legs, slice_.cursor, mapping.report)


async def _miles(line: Line, first: date, after: str | None) -> bytes:
    return await line.client.ifta(line.permission("ifta_months"), first, after) or NOTHING_YET


class Followed(msgspec.Struct, frozen=True, array_like=True):
    """The cursor of fault codes: the provider's own, and the sets that the next page is compared with.

    A feed carries every vehicle with open codes, some 100 bytes each; history only those of the page
    before, since it goes from vehicle to vehicle.
    """

    after: str
    known: dict[str, faults.Seen]


async def fault_codes(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Read sets of fault codes and tell what changed; a feed opens with the codes that are open now."""
    followed = _followed(slice_.cursor)
    permission, feeding = line.permission("fault_codes"), slice_.mode == "feed"
    window = Window(clock.now())
    if feeding:
        ask = functools.partial(line.client.stats_feed, permission, [faults.FAULTS])
    else:
        starts_at, ends_at = window_of(slice_)
        window = Window(clock.now(), starts_at, ends_at)
        ask = functools.partial(
            line.client.stats_history,
            permission,
            [faults.FAULTS],
            starts_at - LEAD_IN,
            ends_at,
            vehicles=slice_.subjects,
        )
    known = followed.known
    async for step in Walk(ask, followed.after or None):
        if feeding and not step.cursor:
            raise Changed("Samsara's feed gave no cursor to go on from.")
        cuts, touched = _told(line, step, known, window)
        if not feeding:
            known = {vehicle: seen for vehicle, seen in known.items() if vehicle in touched}
        cursor = msgspec.json.encode(Followed(step.cursor, known)).decode()
        yield Page(
            cuts=cuts,
            cursor=cursor if feeding or not step.last else None,
            last=step.last,
            caught_up_to=step.asked_at if feeding and step.last else None,
        )


def _told(
    line: Line, step: Step, known: dict[str, faults.Seen], window: Window
) -> tuple[list[Cut], set[str]]:
    """Cut a page of fault codes, and bring `known` up to date; return also whose codes it holds."""
    cuts: list[Cut] = []
    touched: set[str] = set()
    for entry in step.entries:
        cut, vehicle, seen = faults.block_cut(entry, known, window, line.identity, line.code)
        cuts.append(cut)
        touched.add(vehicle)
        known.pop(vehicle, None)
        if seen is not None:
            known[vehicle] = seen
    refuse_strange_page(cuts)
    return cuts, touched


def _followed(cursor: str | None) -> Followed:
    try:
        return msgspec.json.decode(cursor, type=Followed) if cursor else Followed("", {})
    except msgspec.DecodeError:
        raise CursorLost from None


async def available_times(line: Line) -> list[tuple[HOSAvailableTime, bytes]]:
    """Ask for the time that every driver has left now."""
    ask = functools.partial(line.client.clocks, line.permission("hos_logs"))
    found = [
        hours.available_time(body, line.identity, line.code) for body in await line.everything(ask)
    ]
    return [each for each in found if each is not None]


def window_of(slice_: Slice) -> tuple[datetime, datetime]:
    if slice_.starts_at is None or slice_.ends_at is None:
        raise ValueError("a history slice has a window")
    return slice_.starts_at, slice_.ends_at
