"""Devices."""

from __future__ import annotations

from milepost.api import documents
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DELETED,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    expand,
)
from milepost.models.device import Device

EXPAND = expand("vehicle")


async def list_devices(call: Call) -> Page:
    return await documents.listing(call, "device", EXPAND)


OPERATIONS = [
    Operation(
        id="listDevices",
        method="GET",
        path="/devices",
        tag="Devices",
        summary="List Devices",
        description="The hardware in the fleet's vehicles that reports, in order of its last modification.",
        answer=list[Device],
        handler=list_devices,
        reads=True,
        parameters=[CURSOR, LIMIT, MODIFIED_AFTER, MODIFIED_BEFORE, RAW, DELETED, EXPAND, KNOWN_AT],
    ),
]
