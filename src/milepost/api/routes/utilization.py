"""How much vehicles were used: their stored days, added up over the range that is asked for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import UNSET

from milepost import clock, ids
from milepost.api import documents, records
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut, from_micros, micros
from milepost.api.parameters import (
    CURSOR,
    END_DATE,
    HIDDEN_RECORDS,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    START_DATE,
    VEHICLE_IDS,
    expand,
)
from milepost.models.utilization import UtilizationDurations, VehicleUtilization
from milepost.store import summaries
from milepost.store.records import Order, Wanted
from milepost.store.summaries import UtilizationRow

EXPAND = expand("vehicle")


async def get_vehicle_utilization(call: Call) -> Page:
    values, limit = call.values, call.values[LIMIT]
    bookmarks = call.bookmarks()
    place = call.place(bookmarks, CURSOR)
    order: Order = place[0] if place else records.order_asked(call)
    wanted = Wanted(
        visible=await records.visible(call, "vehicle"),
        modified_after=values[MODIFIED_AFTER],
        modified_before=values[MODIFIED_BEFORE],
        since=values[START_DATE],
        until=records.day_after(values[END_DATE]),
        vehicles=values[VEHICLE_IDS],
    )
    rows = await summaries.utilization(
        call.session,
        call.connection.id,
        wanted,
        order=order,
        after=(from_micros(place[1]), UUID(bytes=place[2])) if place else None,
        raw=values[RAW],
        limit=limit + 1,
    )
    page, last = cut(rows, limit)
    next_: Any = UNSET
    if last:
        next_ = bookmarks.write(order, micros(last.modified_at), last.vehicle_id.bytes)
    shown = [_shown(call, row) for row in page]
    if values[RAW]:
        raw_ids = [raw_id for row in page for raw_id, _ in row.raw]
        archive = await documents.archive_of(call, raw_ids)
        shown = documents.with_raw(shown, [row.raw for row in page], archive)
    return Page(await documents.expanded(call, shown, values[EXPAND]), next_)


def _shown(call: Call, row: UtilizationRow) -> VehicleUtilization:
    durations = UtilizationDurations(
        driving=UNSET if row.driving is None else row.driving,
        idling=UNSET if row.idling is None else row.idling,
    )
    until = records.day_after(call.values[END_DATE] or row.last_day)
    assert until is not None
    return VehicleUtilization(
        provider=call.connection.provider,
        vehicle=ids.show("vehicle", row.vehicle_id),
        start_at=clock.iso(call.values[START_DATE] or row.first_day),
        end_at=clock.iso(until),
        distance=row.distance,
        fuel_consumed=UNSET if row.fuel_consumed is None else row.fuel_consumed,
        durations=UNSET if durations == UtilizationDurations() else durations,
    )


OPERATIONS = [
    Operation(
        id="getVehicleUtilization",
        method="GET",
        path="/vehicles/utilization",
        tag="Vehicle Utilization",
        summary="Get Vehicle Utilization",
        description="Each vehicle's use, its days within the range added up: from the start of `startDate`, "
        "or of the first day that is known, to the end of `endDate`, or of the last day that is known. In "
        "order of vehicle; in order of modification where `modifiedAfter` or `modifiedBefore` is given, "
        "which choose the vehicles whose sum last changed then: the sum is always of all days of the range.",
        answer=list[VehicleUtilization],
        handler=get_vehicle_utilization,
        reads=True,
        parameters=[
            CURSOR, LIMIT, START_DATE, END_DATE, MODIFIED_AFTER, MODIFIED_BEFORE, VEHICLE_IDS, EXPAND,
            RAW, HIDDEN_RECORDS, KNOWN_AT,
        ],
    ),
]  # fmt: skip
