"""Drivers."""

from __future__ import annotations

from milepost.api import documents
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DELETED,
    HIDDEN,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    expand,
    identifier,
)
from milepost.models.driver import Driver

EXPAND = expand("groups")
ID = identifier("id", "driver", "The driver")


async def list_drivers(call: Call) -> Page:
    return await documents.listing(call, "driver", EXPAND)


async def get_driver(call: Call) -> documents.Document:
    return await documents.one(call, "driver", ID, EXPAND)


OPERATIONS = [
    Operation(
        id="listDrivers",
        method="GET",
        path="/drivers",
        tag="Drivers",
        summary="List All Drivers",
        description="The fleet's drivers, in order of their last modification.",
        answer=list[Driver],
        handler=list_drivers,
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
            KNOWN_AT,
        ],
    ),
    Operation(
        id="getDriver",
        method="GET",
        path="/drivers/{id}",
        tag="Drivers",
        summary="Get Driver",
        answer=Driver,
        handler=get_driver,
        reads=True,
        parameters=[ID, RAW, EXPAND, KNOWN_AT],
        refusals=[404],
    ),
]
