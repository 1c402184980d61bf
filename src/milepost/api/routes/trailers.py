"""Trailers."""

from __future__ import annotations

from milepost.api import documents
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DELETED,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    expand,
)
from milepost.models.trailer import Trailer

EXPAND = expand("groups")


async def list_trailers(call: Call) -> Page:
    return await documents.listing(call, "trailer", EXPAND, filtered=False)


OPERATIONS = [
    Operation(
        id="listTrailers",
        method="GET",
        path="/trailers",
        tag="Trailers",
        summary="List Trailers",
        description="The fleet's trailers, in order of their last modification.",
        answer=list[Trailer],
        handler=list_trailers,
        reads=True,
        parameters=[LIMIT, CURSOR, EXPAND, RAW, MODIFIED_AFTER, MODIFIED_BEFORE, DELETED],
    ),
]
