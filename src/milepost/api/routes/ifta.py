"""IFTA: vehicles' distances in each jurisdiction, summed up as the reader asks."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from msgspec import UNSET

from milepost import ids
from milepost.api import documents, records
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import (
    CURSOR,
    HIDDEN_RECORDS,
    KNOWN_AT,
    RAW,
    choice,
    expand,
    month,
)
from milepost.models.ifta import IFTASummary
from milepost.models.meta import State
from milepost.store import summaries
from milepost.store.summaries import Grouping, IFTARow

# The contract gives this listing a cursor and no limit.
_PAGE = 1000
_DEFAULT = "vehicle,jurisdiction"
_GROUPINGS = {
    "jurisdiction": Grouping(by_vehicle=False, by_jurisdiction=True, by_month=False),
    "vehicle": Grouping(by_vehicle=True, by_jurisdiction=False, by_month=False),
    _DEFAULT: Grouping(by_vehicle=True, by_jurisdiction=True, by_month=False),
    "vehicle,jurisdiction,month": Grouping(by_vehicle=True, by_jurisdiction=True, by_month=True),
}

EXPAND = expand("vehicle")
START_MONTH = month("startMonth", "From this month on")
END_MONTH = month("endMonth", "Up to this month, it included")
GROUP_BY = choice("groupBy", _GROUPINGS, "What the distances are summed up by", default=_DEFAULT)


async def get_ifta_summary(call: Call) -> Page:
    values = call.values
    grouping = _GROUPINGS[values[GROUP_BY]]
    bookmarks = call.bookmarks(values[GROUP_BY])
    place = call.place(bookmarks, CURSOR)
    rows = await summaries.ifta(
        call.session,
        call.connection.id,
        await records.visible(call, "vehicle"),
        grouping,
        months=(values[START_MONTH], values[END_MONTH]),
        after=(UUID(bytes=place[0]), place[1], place[2]) if place else None,
        raw=values[RAW],
        limit=_PAGE + 1,
    )
    page, last = cut(rows, _PAGE)
    shown = [_shown(call, row, grouping) for row in page]
    if values[RAW]:
        raw_ids = [raw_id for row in page for raw_id, _ in row.raw]
        archive = await documents.archive_of(call, raw_ids)
        shown = documents.with_raw(shown, [row.raw for row in page], archive)
    return Page(
        await documents.expanded(call, shown, values[EXPAND]),
        bookmarks.write(last.vehicle_id.bytes, last.jurisdiction, last.month) if last else UNSET,
    )


def _shown(call: Call, row: IFTARow, grouping: Grouping) -> IFTASummary:
    # What was merged was one of the contract's states.
    jurisdiction = cast("State | None", row.jurisdiction or None)
    return IFTASummary(
        provider=call.connection.provider,
        distance=row.distance,
        vehicle=ids.show("vehicle", row.vehicle_id) if grouping.by_vehicle else UNSET,
        jurisdiction=jurisdiction if grouping.by_jurisdiction else UNSET,
        month=row.month if grouping.by_month else UNSET,
    )


OPERATIONS = [
    Operation(
        id="getIFTASummary",
        method="GET",
        path="/ifta/summary",
        tag="IFTA",
        summary="Get IFTA Summary",
        description="Distances of whole months, summed up by jurisdiction, by vehicle, by both or by both and "
        "month, in that order. A null `jurisdiction` holds what the provider ascribes to none. A month may "
        "still change for some days after its end.",
        answer=list[IFTASummary],
        handler=get_ifta_summary,
        reads=True,
        parameters=[
            CURSOR,
            EXPAND,
            RAW,
            START_MONTH,
            END_MONTH,
            GROUP_BY,
            HIDDEN_RECORDS,
            KNOWN_AT,
        ],
    ),
]
