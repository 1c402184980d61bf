"""Groups."""

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
from milepost.models.group import Group

EXPAND = expand("parent")


async def list_groups(call: Call) -> Page:
    return await documents.listing(call, "group", EXPAND)


OPERATIONS = [
    Operation(
        id="listGroups",
        method="GET",
        path="/groups",
        tag="Groups",
        summary="List All Groups",
        description="How the provider sorts the fleet's vehicles and drivers.",
        answer=list[Group],
        handler=list_groups,
        reads=True,
        parameters=[LIMIT, CURSOR, EXPAND, RAW, MODIFIED_AFTER, MODIFIED_BEFORE, DELETED, KNOWN_AT],
    ),
]
