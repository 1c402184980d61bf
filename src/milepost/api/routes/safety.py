"""Safety events."""

from __future__ import annotations

from milepost.api import records
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    HIDDEN_RECORDS,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    STARTED_AFTER,
    STARTED_BEFORE,
    TOMBSTONES,
    VEHICLE_IDS,
    expand,
    identifier,
)
from milepost.models.safety import SafetyEvent

EXPAND = expand("vehicle", "driver")
ID = identifier("id", "safety_event", "The safety event")


async def list_safety_events(call: Call) -> Page:
    values = call.values
    return await records.listing(
        call, "safety_event", EXPAND, since=values[STARTED_AFTER], until=values[STARTED_BEFORE]
    )


async def get_safety_event(call: Call) -> records.Record:
    return await records.one(call, "safety_event", ID, EXPAND)


OPERATIONS = [
    Operation(
        id="listSafetyEvents",
        method="GET",
        path="/safety/events",
        tag="Safety",
        summary="List Safety Events",
        description=f"What the provider saw of harsh driving, violations and crashes. {records.ORDER_NOTE}",
        answer=list[SafetyEvent],
        handler=list_safety_events,
        reads=True,
        parameters=[
            CURSOR, LIMIT, MODIFIED_AFTER, MODIFIED_BEFORE, STARTED_AFTER, STARTED_BEFORE, DRIVER_IDS,
            VEHICLE_IDS, EXPAND, RAW, TOMBSTONES, HIDDEN_RECORDS,
        ],
    ),
    Operation(
        id="getSafetyEvent",
        method="GET",
        path="/safety/events/{id}",
        tag="Safety",
        summary="Get Safety Event",
        description="One safety event, withdrawn ones and those of hidden vehicles too.",
        answer=SafetyEvent,
        handler=get_safety_event,
        reads=True,
        parameters=[ID, EXPAND, RAW, HIDDEN_RECORDS],
        refusals=[404],
    ),
]  # fmt: skip
