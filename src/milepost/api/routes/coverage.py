"""Coverage: what is held, what is known to be empty, and what is missing and why (an extension)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from msgspec import UNSET

from milepost import clock, ids
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    END_DATE,
    START_DATE,
    VEHICLE_IDS,
    choice,
    limit,
)
from milepost.kit.contract import StreamSpec
from milepost.kit.days import DAY
from milepost.kit.slices import Span
from milepost.models.coverage import Coverage, DayRows, Lack, LackReason, Stretch
from milepost.store import coverage, inventory
from milepost.store.documents import FIRST
from milepost.store.inventory import Subject
from milepost.sync.inventory import Bounds, Missing, empty, missing, of_subject

# Rows are counted for a month unless another time is asked for.
_USUAL = timedelta(days=31)
# Of one vehicle or driver, each stream is an entry.
LIMIT = limit(500)
_DEFAULT_GROUP = "connection"
GROUP_BY = choice(
    "groupBy",
    ["connection", "vehicle", "driver"],
    "Whose coverage is told: the whole connection's, each vehicle's, or each driver's",
    default=_DEFAULT_GROUP,
)


class Stock:
    """What is known of a connection's streams, read once a request."""

    def __init__(
        self,
        streams: Sequence[StreamSpec],
        held: Mapping[str, Sequence[Span]],
        missing_: Mapping[str, Sequence[Missing]],
        within: Span,
    ) -> None:
        self.streams = streams
        self.held = held
        self.missing = missing_
        self.within = within

    def entry(
        self,
        spec: StreamSpec,
        days: Mapping[date, int],
        lacking: Mapping[LackReason, Sequence[Span]] | None = None,
        subject: UUID | None = None,
    ) -> Coverage:
        held, lacks = list(self.held.get(spec.name, [])), list(self.missing[spec.name])
        if lacking:
            held, more = of_subject(held, lacking)
            lacks = sorted([*lacks, *more])
        whose = UNSET if subject is None else ids.show(spec.subject, subject)
        return Coverage(
            stream=spec.name,
            title=spec.title,
            model=spec.model,
            held=[_stretch(span) for span in held],
            empty=[_stretch(span) for span in empty(held, days.keys(), self.within)],
            missing=[
                Lack(start_at=clock.iso(start), end_at=clock.iso(end), reason=reason)
                for start, end, reason in lacks
            ],
            rows=[DayRows(day=day.isoformat(), rows=rows) for day, rows in days.items()],
            vehicle=whose if spec.subject == "vehicle" else UNSET,
            driver=whose if spec.subject == "driver" else UNSET,
        )


async def get_coverage(call: Call) -> Page:
    by: str = call.values[GROUP_BY]
    stock = await _stock(call)
    if by == "connection":
        counted = await inventory.rows_a_day(
            call.session, call.connection.id, [s.model for s in stock.streams], stock.within
        )
        return Page([stock.entry(s, counted.get((s.model, None), {})) for s in stock.streams])
    subject: Subject = "driver" if by == "driver" else "vehicle"
    return await _by_subject(call, stock, subject)


async def _by_subject(call: Call, stock: Stock, by: Subject) -> Page:
    values, connection_id = call.values, call.connection.id
    streams = [spec for spec in stock.streams if spec.subject == by]
    bookmarks = call.bookmarks(by)
    place = bookmarks.read(values[CURSOR])
    wanted: frozenset[UUID] = values[VEHICLE_IDS] if by == "vehicle" else values[DRIVER_IDS]
    rows = await inventory.subjects(
        call.session,
        connection_id,
        by,
        wanted,
        UUID(bytes=place[0]) if place else None,
        values[LIMIT] + 1,
    )
    page, last = cut(rows, values[LIMIT])
    lacking = await inventory.lacking(call.session, connection_id, page)
    counted = await inventory.rows_a_day(
        call.session, connection_id, [s.model for s in streams], stock.within, by, page
    )
    shown = [
        stock.entry(
            spec, counted.get((spec.model, each), {}), lacking.get((spec.name, each), {}), each
        )
        for each in page
        for spec in streams
    ]
    return Page(shown, bookmarks.write(last.bytes) if last else UNSET)


async def _stock(call: Call) -> Stock:
    connection_id = call.connection.id
    manifest = call.house.registry.manifest(call.connection.provider)
    now = clock.now()
    asked = await inventory.asked(call.session, connection_id)
    held = await coverage.held(call.session, connection_id)
    outcomes = await inventory.outcomes(call.session, connection_id)
    history = now - timedelta(days=manifest.history_days)
    streams = [spec for spec in manifest.streams if spec.kind != "listing"]
    lacks = {
        spec.name: missing(
            asked,
            held.get(spec.name, []),
            Bounds(
                history=history,
                kept=call.house.retention.stream_since(spec, now),
                outcome=outcomes.get(spec.name, "not_yet_fetched"),
            ),
        )
        for spec in streams
    }
    return Stock(streams, held, lacks, _within(call, now))


def _within(call: Call, now: datetime) -> Span:
    start, end = call.values[START_DATE], call.values[END_DATE]
    until = end + DAY if end else now
    since = start or (max(until, FIRST + _USUAL) - _USUAL).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return since.astimezone(UTC), until


def _stretch(span: Span) -> Stretch:
    return Stretch(start_at=clock.iso(span[0]), end_at=clock.iso(span[1]))


OPERATIONS = [
    Operation(
        id="getCoverage",
        method="GET",
        path="/coverage",
        tag="Data Management",
        summary="Get Coverage",
        description="For each stream of the provider: the stretches of record time that are held, the days in "
        "them for which the provider had nothing, what was asked for and is missing with the reason, and how "
        "many records each day has. `rows` and `empty` cover the last 31 days unless `startDate` and `endDate` "
        "say otherwise. By vehicle or driver, a page holds all streams of up to `limit` of them.",
        answer=list[Coverage],
        handler=get_coverage,
        reads=True,
        parameters=[LIMIT, CURSOR, GROUP_BY, START_DATE, END_DATE, VEHICLE_IDS, DRIVER_IDS],
        refusals=[422],
        extension=True,
    ),
]
