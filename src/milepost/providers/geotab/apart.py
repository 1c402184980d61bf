"""What single vehicles lack of Geotab's dense feeds, asked for vehicle by vehicle: a slice in, pages out.

A feed cannot be asked about some vehicles only. Reading all of it again for one that was let in would
cost as much as the first backfill.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timedelta

import msgspec
from msgspec import Raw

from milepost import clock
from milepost.errors import CursorLost
from milepost.kit.contract import Cut, Page, Slice
from milepost.kit.salvage import Window, refuse_strange_page
from milepost.providers.geotab import readings, shapes
from milepost.providers.geotab.client import Ask
from milepost.providers.geotab.line import Line
from milepost.providers.geotab.records import window_of

STRETCH = timedelta(days=30)
"""What a page holds of one vehicle: some 14,000 positions at 460 a day [adapter]."""
POSITIONS = timedelta(days=5)
"""What one question asks for: some 2,300 positions, well below where an answer stops."""
READINGS = timedelta(days=15)
"""The same of one diagnostic; of all together a vehicle tells 1,600 values a day [adapter]."""

CutOne = Callable[[str, datetime, datetime], Awaitable[list[Cut]]]


async def locations(line: Line, slice_: Slice, seated: timedelta) -> AsyncIterator[Page]:
    """Read positions, and who drove from the changes of drivers up to `seated` before them."""
    permission = line.permission("locations")

    async def cut(vehicle: str, starts_at: datetime, ends_at: datetime) -> list[Cut]:
        search = {"deviceSearch": {"id": vehicle}}
        asks = [
            Ask(type="LogRecord", search=search, starts_at=start, ends_at=end)
            for start, end in pieces(starts_at, ends_at, POSITIONS)
        ]
        asks.append(
            Ask(
                type="DriverChange", search=search, starts_at=starts_at - seated, ends_at=ends_at
            )
        )  # fmt: skip
        *found, changes = await line.fetch(asks, permission, "multi_LogRecord")
        window = Window(clock.now(), starts_at, ends_at)
        logs = readings.logs(*_told(found))
        return readings.seated(logs, window, readings.seats(changes))

    async for page in _each(slice_, cut):
        yield page


async def stats(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Read readings, diagnostic by diagnostic: of what a vehicle tells, most is none."""
    permission, measures = line.permission("stats"), await line.measures()

    async def cut(vehicle: str, starts_at: datetime, ends_at: datetime) -> list[Cut]:
        asks = [
            Ask(
                type="StatusData",
                search={"deviceSearch": {"id": vehicle}, "diagnosticSearch": {"id": diagnostic}},
                starts_at=start,
                ends_at=end,
            )
            for diagnostic in readings.SOURCES
            for start, end in pieces(starts_at, ends_at, READINGS)
        ]
        found = await line.fetch(asks, permission, "multi_LogRecord")
        return readings.stats(*_told(found), measures, Window(clock.now(), starts_at, ends_at))

    async for page in _each(slice_, cut):
        yield page


def pieces(
    starts_at: datetime, ends_at: datetime, length: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Cut a window into pieces of a length, the last one shorter."""
    while starts_at < ends_at:
        yield starts_at, min(starts_at + length, ends_at)
        starts_at += length


async def _each(slice_: Slice, cut: CutOne) -> AsyncIterator[Page]:
    """Go through vehicles and stretches; the cursor, `vehicle|instant`, names what comes next."""
    starts_at, ends_at = window_of(slice_)
    wanted = [each for each in sorted(slice_.subjects or ()) if slice_.wants(each)]
    legs = [
        (vehicle, *piece) for vehicle in wanted for piece in pieces(starts_at, ends_at, STRETCH)
    ]
    if slice_.cursor:
        here = _place(slice_.cursor)
        legs = [leg for leg in legs if leg[:2] >= here]
    for at, (vehicle, start, end) in enumerate(legs):
        cuts = await cut(vehicle, start, end)
        refuse_strange_page(cuts)
        last = at == len(legs) - 1
        cursor = None if last else f"{legs[at + 1][0]}|{clock.iso(legs[at + 1][1])}"
        yield Page(cuts=cuts, cursor=cursor, last=last)
    if not legs:
        yield Page(cuts=[], cursor=None, last=True, asked=False)


def _place(cursor: str) -> tuple[str, datetime]:
    vehicle, _, instant = cursor.partition("|")
    try:
        return vehicle, clock.parse(instant)
    except ValueError:
        raise CursorLost from None


def _told(answers: list[list[Raw]]) -> tuple[Raw, list[Raw]]:
    """Put answers together as a feed's page, whole and row by row.

    What was interpolated at their seams has no id and is left out.
    """
    told = dict.fromkeys(
        bytes(row)
        for rows in answers
        for row in rows
        if msgspec.json.decode(row, type=shapes.Numbered).id is not None
    )
    return Raw(b"[%b]" % b",".join(told)), [Raw(row) for row in told]
