"""Vehicles."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from milepost.api import documents
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DELETED,
    DERIVED,
    HIDDEN,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    expand,
    identifier,
)
from milepost.derive.vin import read_vin
from milepost.models.vehicle import Vehicle

EXPAND = expand("groups", "devices")
ID = identifier("id", "vehicle", "The vehicle")


async def list_vehicles(call: Call) -> Page:
    page = await documents.listing(call, "vehicle", EXPAND)
    if call.values[DERIVED]:
        page = msgspec.structs.replace(page, results=[_decoded(each) for each in page.results])
    return page


async def get_vehicle(call: Call) -> documents.Document:
    found = await documents.one(call, "vehicle", ID, EXPAND)
    return _decoded(found) if call.values[DERIVED] else found


def _decoded(document: documents.Document) -> documents.Document:
    """Show beside a vehicle what its identification number says."""
    if not isinstance(document, Vehicle) or document.vin is UNSET:
        return document
    return msgspec.structs.replace(document, derived=read_vin(document.vin))


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
        parameters=[
            CURSOR,
            LIMIT,
            MODIFIED_AFTER,
            MODIFIED_BEFORE,
            RAW,
            HIDDEN,
            DELETED,
            EXPAND,
            DERIVED,
            KNOWN_AT,
        ],
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
        parameters=[ID, RAW, EXPAND, DERIVED, KNOWN_AT],
        refusals=[404],
    ),
]
