"""Trips."""

from __future__ import annotations

from milepost.api import records
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    ENDED_AFTER,
    ENDED_BEFORE,
    HIDDEN_RECORDS,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    STARTED_AFTER,
    STARTED_BEFORE,
    TOMBSTONES,
    VEHICLE_IDS,
    expand,
)
from milepost.models.trip import Trip

EXPAND = expand("vehicle", "driver")


async def list_trips(call: Call) -> Page:
    values = call.values
    return await records.listing(
        call,
        "trip",
        EXPAND,
        since=values[STARTED_AFTER],
        until=values[STARTED_BEFORE],
        ended_since=values[ENDED_AFTER],
        ended_until=values[ENDED_BEFORE],
    )


OPERATIONS = [
    Operation(
        id="listTrips",
        method="GET",
        path="/trips",
        tag="Trips",
        summary="List Historical Trips",
        description=f"The stretches of time in which vehicles moved. {records.ORDER_NOTE}",
        answer=list[Trip],
        handler=list_trips,
        reads=True,
        parameters=[
            CURSOR, LIMIT, MODIFIED_AFTER, MODIFIED_BEFORE, STARTED_AFTER, STARTED_BEFORE, ENDED_AFTER,
            ENDED_BEFORE, DRIVER_IDS, VEHICLE_IDS, RAW, EXPAND, TOMBSTONES, HIDDEN_RECORDS, KNOWN_AT,
        ],
    ),
]  # fmt: skip
