"""Geotab's feeds, followed from version to version: a slice in, pages out.

A feed tells in the order in which things came in. It fills history too, from the beginning of a window to
the present, since what belongs to the window may have come in at any time after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec
from msgspec import Raw

from milepost import clock
from milepost.errors import Changed, CursorLost
from milepost.kit.contract import Cut, Page, Slice
from milepost.kit.paging import LoopGuard
from milepost.kit.salvage import Window, refuse_strange_page, whole
from milepost.providers.geotab import apart, faults, readings, safety, shapes
from milepost.providers.geotab.client import NAME, Ask
from milepost.providers.geotab.line import Line
from milepost.providers.geotab.records import window_of

MOST_ROWS = 50_000  # Rows that a page of a feed may have.
# Each safety event is up to four questions more, twelve events a call, a call in five seconds: with 1,000 a
# page took three minutes, six times as long as a turn should.
MOST_EXCEPTIONS = 100
EVENTS_AT_ONCE = 12  # So many events' questions fit one call.

SEATED = timedelta(days=3)
"""How long before a position a change of drivers may lie that says who drove."""
LEAD_IN = timedelta(days=7)
"""How far before a window faults are read, to know which are open already."""


class Step(msgspec.Struct, frozen=True):
    """One page of a feed; `asked_at` is the instant just before it was asked for."""

    data: Raw
    rows: list[Raw]
    version: str
    last: bool
    asked_at: datetime


class Follow:
    """Follows a feed to its present end.

    The vendor's cap on a page is not sure for every type: a page is the last where it is empty, or holds
    fewer rows than one before it in the same walk.
    """

    def __init__(
        self, line: Line, slice_: Slice, type_: str, since: str | datetime | None, limit: int
    ) -> None:
        self._line = line
        self._permission = line.permission(slice_.stream)
        self._type = type_
        self._since = since
        self._limit = limit
        self._most = 0
        self._guard = LoopGuard(NAME, since if isinstance(since, str) else None)
        self._done = False

    def __aiter__(self) -> Follow:
        return self

    async def __anext__(self) -> Step:
        if self._done:
            raise StopAsyncIteration
        asked_at = clock.now()
        result = await self._line.client.feed(
            self._type, self._since, self._limit, self._permission
        )
        found = whole(result, shapes.Feed, NAME)
        if not found.toVersion:
            raise Changed(f"{NAME}'s feed gave no version to go on from.")
        rows = whole(found.data, list[Raw], NAME)
        count = len(rows)
        self._done = count == 0 or count < self._most
        self._most = max(self._most, count)
        if not self._done:
            self._guard.passed(found.toVersion)
        self._since = found.toVersion
        return Step(found.data, rows, found.toVersion, self._done, asked_at)


def follow(
    line: Line,
    slice_: Slice,
    type_: str,
    limit: int = MOST_ROWS,
    after: str | None = None,
    lead_in: timedelta = timedelta(),
) -> Follow:
    """Follow a feed from the slice's cursor on; history begins at its window, a feed at the present."""
    since: str | datetime | None = after or slice_.cursor
    if since is None and slice_.mode == "history":
        since = window_of(slice_)[0] - lead_in
    return Follow(line, slice_, type_, since, limit)


def page_of(slice_: Slice, step: Step, cuts: list[Cut], cursor: str | None = None) -> Page:
    refuse_strange_page(cuts)
    feeding = slice_.mode == "feed"
    return Page(
        cuts=cuts,
        cursor=(cursor or step.version) if feeding or not step.last else None,
        last=step.last,
        caught_up_to=step.asked_at if step.last and feeding else None,
    )


async def locations(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Read positions, and who drove from the changes of drivers in the days before them."""
    if slice_.subjects is not None:
        async for page in apart.locations(line, slice_, SEATED):
            yield page
        return
    async for step in follow(line, slice_, "LogRecord"):
        window = _window(slice_)
        seats: readings.Drivers = {}
        logs = readings.logs(step.data, step.rows)
        span = readings.span_of(logs, window)
        if span is not None:
            ask = Ask(type="DriverChange", starts_at=span[0] - SEATED, ends_at=span[1])
            (changes,) = await line.fetch([ask], line.permission("locations"), "multi_names")
            seats = readings.seats(changes)
        yield page_of(slice_, step, readings.seated(logs, window, seats))


async def stats(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    if slice_.subjects is not None:
        async for page in apart.stats(line, slice_):
            yield page
        return
    measures = await line.measures()
    async for step in follow(line, slice_, "StatusData"):
        yield page_of(slice_, step, readings.stats(step.data, step.rows, measures, _window(slice_)))


async def safety_events(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Follow exceptions, and ask what the vehicle told around each that is a safety event."""
    rules = await line.rules()
    async for step in follow(line, slice_, "ExceptionEvent", MOST_EXCEPTIONS):
        window = _window(slice_)
        told = [safety.told(row, rules, window) for row in step.rows]
        cuts = [each for each in told if isinstance(each, Cut)]
        events = [
            each for each in told if isinstance(each, safety.Told) and slice_.wants(each.vehicle)
        ]
        for at in range(0, len(events), EVENTS_AT_ONCE):
            cuts += await _around(line, events[at : at + EVENTS_AT_ONCE])
        page = page_of(slice_, step, cuts)
        yield msgspec.structs.replace(page, withdrawn=safety.withdrawn(step.rows))


async def _around(line: Line, events: list[safety.Told]) -> list[Cut]:
    asks: list[Ask] = []
    for event in events:
        device = {"deviceSearch": {"id": event.vehicle}}
        starts_at, ends_at = event.raw.activeFrom, event.ends_at or event.raw.activeFrom
        asks.append(Ask(type="LogRecord", search=device, starts_at=starts_at, ends_at=ends_at))
        asks += [
            Ask(
                type="StatusData",
                search={**device, "diagnosticSearch": {"id": diagnostic}},
                starts_at=starts_at - safety.BESIDE,
                ends_at=ends_at + safety.BESIDE,
            )
            for diagnostic in event.wants()
        ]
    permission = line.permission("safety_events")
    answers = iter(await line.fetch(asks, permission, "multi_LogRecord"))
    cuts: list[Cut] = []
    rules = await line.rules()
    for event in events:
        logs = next(answers)
        statuses = [row for _ in event.wants() for row in next(answers)]
        cuts.append(safety.event_cut(event, logs, statuses, rules, line.identity, line.code))
    return cuts


class Followed(msgspec.Struct, frozen=True, array_like=True):
    """The cursor of fault codes: the vendor's version, and how faults stand by then that are open or were lately."""

    version: str
    known: dict[str, faults.Seen]


async def fault_codes(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Follow fault data and tell what changed; the first page of a feed only notes what is open by then.

    A feed that opened at the present would tell of faults again that opened long ago.
    """
    followed = _followed(slice_.cursor)
    known, opening = dict(followed.known), slice_.mode == "feed" and slice_.cursor is None
    steps = follow(line, slice_, "FaultData", after=followed.version or None, lead_in=LEAD_IN)
    opened_at = clock.now()
    if opening:
        steps = Follow(line, slice_, "FaultData", opened_at - LEAD_IN, MOST_ROWS)
    async for step in steps:
        diagnostics, modes = faults.named(step.rows)
        book = faults.Book(
            await line.diagnostics(diagnostics, "fault_codes"),
            await line.failure_modes(modes, "fault_codes"),
        )
        window = _window(slice_)
        cuts = faults.page_cuts(step.rows, known, book, window, line.identity, line.code)
        if opening and not step.last:
            continue
        cursor = msgspec.json.encode(Followed(step.version, known)).decode()
        page = page_of(slice_, step, [] if opening else cuts, cursor)
        yield msgspec.structs.replace(page, caught_up_to=opened_at) if opening else page


def _followed(cursor: str | None) -> Followed:
    try:
        return msgspec.json.decode(cursor, type=Followed) if cursor else Followed("", {})
    except msgspec.DecodeError:
        raise CursorLost from None


def _window(slice_: Slice) -> Window:
    if slice_.mode == "history":
        return Window(clock.now(), *window_of(slice_))
    return Window(clock.now())
