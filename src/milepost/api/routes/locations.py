"""Where vehicles were, from the store, and where they are, from the provider at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from milepost import clock, ids
from milepost.api import documents, series
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut, from_micros, micros
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    END_AT,
    LIMIT,
    RAW,
    SERIES_LIMIT,
    START_AT,
    VEHICLE_IDS,
    expand,
    identifier,
)
from milepost.api.throttle import HISTORY_NOTE
from milepost.errors import NotSupported, Unprocessable
from milepost.models.location import LatestVehicleLocation, VehicleLocation
from milepost.models.meta import RawData
from milepost.store import documents as stored
from milepost.store import readings

EXPAND = expand("vehicle", "driver")
VEHICLE_ID = identifier("vehicleId", "vehicle", "The vehicle")


async def list_historical_vehicle_locations(call: Call) -> bytes:
    values, connection = call.values, call.connection
    vehicle_id, limit = values[VEHICLE_ID], values[SERIES_LIMIT]
    bookmarks = call.bookmarks(vehicle_id.hex)
    place = bookmarks.read(values[CURSOR])
    begins = from_micros(place[0]) if place else values[START_AT]
    await call.house.throttle.history(call.session, connection.id, "vehicle_location", begins)
    rows = await readings.positions(
        call.session,
        connection.id,
        vehicle_id,
        after=from_micros(place[0]) if place else None,
        since=values[START_AT],
        until=values[END_AT],
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


async def list_latest_vehicle_locations(call: Call) -> Page:
    """Ask the provider where every vehicle is; the page is cut from its answer, in order of vehicle id."""
    asked_at = clock.now()
    found = [each for each in await _ask(call) if _is_wanted(call, each[0])]
    found.sort(key=lambda each: str(each[0].vehicle))
    bookmarks = call.bookmarks()
    place = bookmarks.read(call.values[CURSOR])
    if place:
        found = [each for each in found if str(each[0].vehicle) > place[0]]
    page, last = cut(found, call.values[LIMIT])
    if call.values[RAW]:
        shown = [_with_raw(call, location, body, asked_at) for location, body in page]
    else:
        shown = [location for location, _ in page]
    if call.values[EXPAND]:
        shown = await _expanded(call, shown, call.values[EXPAND])
    return Page(shown, bookmarks.write(str(last[0].vehicle)) if last else UNSET)


async def require_vehicle(call: Call, vehicle_id: UUID) -> None:
    """Raise NotFound unless the connection has such a vehicle."""
    if not await stored.by_ids(call.session, call.connection.id, "vehicle", [vehicle_id]):
        raise documents.missing("vehicle", vehicle_id)


async def _ask(call: Call) -> list[tuple[LatestVehicleLocation, bytes]]:
    connection, registry = call.connection, call.house.registry
    if connection.status != "connected":
        raise Unprocessable(
            "Connection must be connected to perform this action", code="connection_disconnected"
        )
    if connection.provider not in registry:
        raise NotSupported(detail=f"The provider {connection.provider} is not installed here")
    support = registry.manifest(connection.provider).supported_models.get("LatestVehicleLocation")
    if support != "supported":
        raise NotSupported(detail=f"{connection.provider} does not tell where vehicles are now")
    connector = call.house.reception.lines.open(connection, live=True)
    try:
        return await connector.latest_locations()
    finally:
        await connector.aclose()


def _is_wanted(call: Call, location: LatestVehicleLocation) -> bool:
    vehicles, drivers = call.values[VEHICLE_IDS], call.values[DRIVER_IDS]
    if vehicles and ids.read("vehicle", str(location.vehicle)) not in vehicles:
        return False
    if not drivers:
        return True
    return isinstance(location.driver, str) and ids.read("driver", location.driver) in drivers


def _with_raw(
    call: Call, location: LatestVehicleLocation, body: bytes, asked_at: datetime
) -> LatestVehicleLocation:
    raw = RawData(
        provider=call.connection.provider,
        schema=f"{call.connection.provider}.latest_location",
        extracted_at=clock.iso(asked_at),
        data=msgspec.json.decode(body),
    )
    return msgspec.structs.replace(location, raw=[raw])


async def _expanded(
    call: Call, shown: Sequence[LatestVehicleLocation], expand_: frozenset[str]
) -> list[LatestVehicleLocation]:
    async with call.house.database.session() as session:
        call.borrowed = session
        vehicles = drivers = {}
        if "vehicle" in expand_:
            vehicles = await documents.by_public_id(
                call, "vehicle", {str(each.vehicle) for each in shown}
            )
        if "driver" in expand_:
            named = {each.driver for each in shown if isinstance(each.driver, str)}
            drivers = await documents.by_public_id(call, "driver", named)
    return [
        msgspec.structs.replace(
            each,
            vehicle=vehicles.get(str(each.vehicle), each.vehicle),
            driver=drivers.get(str(each.driver), each.driver),
        )
        for each in shown
    ]


OPERATIONS = [
    Operation(
        id="listLatestVehicleLocations",
        method="GET",
        path="/vehicles/locations",
        tag="Vehicles",
        summary="List Latest Vehicle Locations",
        description="Asks the provider at once; vehicles without a known place are left out.",
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
        parameters=[VEHICLE_ID, CURSOR, SERIES_LIMIT, START_AT, END_AT, RAW],
        refusals=[404],
    ),
]
