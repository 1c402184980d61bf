"""Fault codes."""

from __future__ import annotations

import msgspec

from milepost.api import records
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DERIVED,
    END_AT,
    HIDDEN_RECORDS,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    START_AT,
    TOMBSTONES,
    VEHICLE_IDS,
    expand,
)
from milepost.derive.faults import describe
from milepost.models.fault import FaultCodeEvent

EXPAND = expand("vehicle")


async def list_fault_code_events(call: Call) -> Page:
    values = call.values
    page = await records.listing(
        call, "fault_code_event", EXPAND, since=values[START_AT], until=values[END_AT]
    )
    if not values[DERIVED]:
        return page
    told = [msgspec.structs.replace(each, derived=describe(each)) for each in page.results]
    return msgspec.structs.replace(page, results=told)


OPERATIONS = [
    Operation(
        id="listFaultCodeEvents",
        method="GET",
        path="/fault-codes/events",
        tag="Fault Codes",
        summary="List Fault Code Events",
        description=f"Fault codes as vehicles' own diagnostics told them. {records.ORDER_NOTE}",
        answer=list[FaultCodeEvent],
        handler=list_fault_code_events,
        reads=True,
        parameters=[
            CURSOR, LIMIT, MODIFIED_AFTER, MODIFIED_BEFORE, START_AT, END_AT, VEHICLE_IDS, EXPAND, RAW,
            TOMBSTONES, HIDDEN_RECORDS, DERIVED, KNOWN_AT,
        ],
    ),
]  # fmt: skip
