"""What vehicles' sensors read, from the store."""

from __future__ import annotations

from milepost import ids
from milepost.api import documents, series
from milepost.api.operations import Call, Operation
from milepost.api.paging import cut, from_micros, micros
from milepost.api.parameters import (
    CURSOR,
    END_AT,
    KNOWN_AT,
    RAW,
    SERIES_LIMIT,
    START_AT,
    choices,
    expand,
)
from milepost.api.routes.locations import VEHICLE_ID, require_vehicle
from milepost.api.throttle import HISTORY_NOTE
from milepost.models.stats import STAT_TYPES, VehicleStatLog
from milepost.store import readings

EXPAND = expand("vehicle")
TYPES = choices("types", STAT_TYPES, "Only these types of readings, with commas")


async def list_historical_vehicle_stats(call: Call) -> bytes:
    values, connection = call.values, call.connection
    vehicle_id, limit = values[VEHICLE_ID], values[SERIES_LIMIT]
    bookmarks = call.bookmarks(vehicle_id.hex)
    place = call.place(bookmarks, CURSOR)
    wanted = values[TYPES] or STAT_TYPES
    begins = from_micros(place[0]) if place else values[START_AT]
    await call.house.throttle.history(call.session, connection.id, "vehicle_stat", begins)
    rows = await readings.stats(
        call.session,
        connection.id,
        vehicle_id,
        after=(from_micros(place[0]), place[1]) if place else None,
        since=values[START_AT],
        until=values[END_AT],
        known_at=call.known_at,
        types=[number for number, name in enumerate(STAT_TYPES) if name in wanted],
        limit=limit + 1,
    )
    if not rows:
        await require_vehicle(call, vehicle_id)
    page, last = cut(rows, limit)
    archive = None
    if values[RAW]:
        archive = await documents.archive_of(call, [row[5] for row in page])
    vehicle = ids.show("vehicle", vehicle_id)
    shown: str | documents.Document = vehicle
    if "vehicle" in values[EXPAND]:
        known = await documents.by_public_id(call, "vehicle", [vehicle])
        shown = known.get(vehicle, vehicle)
    write = series.stat_writer(connection.id, vehicle_id, connection.provider, shown, archive)
    return await series.written(
        page, write, bookmarks.write(micros(last[0]), last[1]) if last else None
    )


OPERATIONS = [
    Operation(
        id="listHistoricalVehicleStats",
        method="GET",
        path="/vehicles/{vehicleId}/stats/historical",
        tag="Vehicles",
        summary="List Historical Vehicle Stats",
        description="Every recorded reading of a vehicle's sensors, oldest first. " + HISTORY_NOTE,
        answer=list[VehicleStatLog],
        handler=list_historical_vehicle_stats,
        reads=True,
        parameters=[
            VEHICLE_ID,
            CURSOR,
            SERIES_LIMIT,
            EXPAND,
            START_AT,
            END_AT,
            TYPES,
            RAW,
            KNOWN_AT,
        ],
        refusals=[404],
    ),
]
