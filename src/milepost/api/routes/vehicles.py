"""Vehicles."""

from __future__ import annotations

from milepost.api import documents
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DELETED,
    HIDDEN,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    expand,
    identifier,
)
from milepost.models.vehicle import Vehicle

EXPAND = expand("groups", "devices")
ID = identifier("id", "vehicle", "The vehicle")


async def list_vehicles(call: Call) -> Page:
    return await documents.listing(call, "vehicle", EXPAND, filtered=True)


async def get_vehicle(call: Call) -> documents.Document:
    return await documents.one(call, "vehicle", ID, EXPAND)


OPERATIONS = [
    Operation(
        id="listVehicles",
        method="GET",
        path="/vehicles",
        tag="Vehicles",
        summary="List All Vehicles",
        description="The fleet's vehicles, in order of their last modification.",
        answer=list[Vehicle],
        handler=list_vehicles,
        reads=True,
        parameters=[CURSOR, LIMIT, MODIFIED_AFTER, MODIFIED_BEFORE, RAW, HIDDEN, DELETED, EXPAND],
    ),
    Operation(
        id="getVehicle",
        method="GET",
        path="/vehicles/{id}",
        tag="Vehicles",
        summary="Get Vehicle",
        answer=Vehicle,
        handler=get_vehicle,
        reads=True,
        parameters=[ID, RAW, EXPAND],
        refusals=[404],
    ),
]
