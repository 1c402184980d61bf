"""Trailers, from the store, and where they are, from the provider."""

from __future__ import annotations

from milepost.api import documents, live
from milepost.api.operations import Call, Operation, Reply
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
from milepost.models.trailer import LatestTrailerLocation, Trailer

EXPAND = expand("groups")
EXPAND_TRAILER = expand("trailer")


async def list_trailers(call: Call) -> Page:
    return await documents.listing(call, "trailer", EXPAND)


async def list_latest_trailer_locations(call: Call) -> Reply:
    return await live.listing(call, "trailer_location", EXPAND_TRAILER)


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
        parameters=[LIMIT, CURSOR, EXPAND, RAW, MODIFIED_AFTER, MODIFIED_BEFORE, DELETED, KNOWN_AT],
    ),
    Operation(
        id="listLatestTrailerLocations",
        method="GET",
        path="/trailers/locations",
        tag="Trailers",
        summary="Latest Trailer Locations",
        description=f"{live.NOTE} Trailers without a known place are left out.",
        answer=list[LatestTrailerLocation],
        handler=list_latest_trailer_locations,
        parameters=[LIMIT, CURSOR, EXPAND_TRAILER, RAW],
        refusals=[422, 501, 502, 504],
    ),
]
