"""Where vehicles were, from the store, and where they are, from the provider at once."""

from __future__ import annotations

from uuid import UUID

from milepost.api import documents, live, series
from milepost.api.operations import Call, Operation, Reply
from milepost.api.paging import cut, from_micros, micros
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    END_AT,
    KNOWN_AT,
    LIMIT,
    RAW,
    SERIES_LIMIT,
    START_AT,
    VEHICLE_IDS,
    expand,
    identifier,
)
from milepost.api.throttle import HISTORY_NOTE
from milepost.models.location import LatestVehicleLocation, VehicleLocation
from milepost.store import documents as stored
from milepost.store import readings

EXPAND = expand("vehicle", "driver")
VEHICLE_ID = identifier("vehicleId", "vehicle", "The vehicle")


async def list_historical_vehicle_locations(call: Call) -> bytes:
    values, connection = call.values, call.connection
    vehicle_id, limit = values[VEHICLE_ID], values[SERIES_LIMIT]
    bookmarks = call.bookmarks(vehicle_id.hex)
    place = call.place(bookmarks, CURSOR)
    begins = from_micros(place[0]) if place else values[START_AT]
    await call.house.throttle.history(call.session, connection.id, "vehicle_location", begins)
    rows = await readings.positions(
        call.session,
        connection.id,
        vehicle_id,
        after=from_micros(place[0]) if place else None,
        since=values[START_AT],
        until=values[END_AT],
        known_at=call.known_at,
        limit=limit + 1,
    )
    if not rows:
        await require_vehicle(call, vehicle_id)
    page, last = cut(rows, limit)
    archive = None
    if values[RAW]:
        archive = await documents.archive_of(call, [row[9] for row in page])
    write = series.position_writer(connection.id, vehicle_id, connection.provider, archive)
    return await series.written(page, write, bookmarks.write(micros(last[0])) if last else None)


async def list_latest_vehicle_locations(call: Call) -> Reply:
    return await live.listing(call, "vehicle_location", EXPAND)


async def require_vehicle(call: Call, vehicle_id: UUID) -> None:
    """Raise NotFound unless the connection has such a vehicle."""
    if not await stored.by_ids(
        call.session, call.connection.id, "vehicle", [vehicle_id], call.known_at
    ):
        raise documents.missing("vehicle", vehicle_id)


OPERATIONS = [
    Operation(
        id="listLatestVehicleLocations",
        method="GET",
        path="/vehicles/locations",
        tag="Vehicles",
        summary="List Latest Vehicle Locations",
        description=f"{live.NOTE} Vehicles without a known place are left out.",
        answer=list[LatestVehicleLocation],
        handler=list_latest_vehicle_locations,
        parameters=[CURSOR, LIMIT, RAW, VEHICLE_IDS, DRIVER_IDS, EXPAND],
        refusals=[422, 501, 502, 504],
    ),
    Operation(
        id="listHistoricalVehicleLocations",
        method="GET",
        path="/vehicles/{vehicleId}/locations",
        tag="Vehicles",
        summary="List Historical Vehicle Locations",
        description="Every recorded position of a vehicle, oldest first. " + HISTORY_NOTE,
        answer=list[VehicleLocation],
        handler=list_historical_vehicle_locations,
        reads=True,
        parameters=[VEHICLE_ID, CURSOR, SERIES_LIMIT, START_AT, END_AT, RAW, KNOWN_AT],
        refusals=[404],
    ),
]
