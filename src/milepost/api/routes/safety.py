"""Safety events, and the footage of them."""

from __future__ import annotations

import msgspec

from milepost import clock, ids
from milepost.api import documents, live, records
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    HIDDEN_RECORDS,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    STARTED_AFTER,
    STARTED_BEFORE,
    TOMBSTONES,
    VEHICLE_IDS,
    expand,
    identifier,
)
from milepost.errors import NotFound
from milepost.models.safety import CameraMedia, SafetyEvent
from milepost.store import documents as stored
from milepost.sync.live import line

EXPAND = expand("vehicle", "driver")
ID = identifier("id", "safety_event", "The safety event")


async def list_safety_events(call: Call) -> Page:
    values = call.values
    return await records.listing(
        call, "safety_event", EXPAND, since=values[STARTED_AFTER], until=values[STARTED_BEFORE]
    )


async def get_safety_event(call: Call) -> records.Record:
    return await records.one(call, "safety_event", ID, EXPAND)


async def get_event_camera_media(call: Call) -> CameraMedia:
    """Ask the provider for addresses that are good now; they expire, and are not kept."""
    house, connection, event_id = call.house, call.connection, call.values[ID]
    async with house.database.session() as session:
        found = await stored.by_ids(session, connection.id, "safety_event", [event_id])
    if event_id not in found:
        raise documents.missing("safety_event", event_id)
    event = msgspec.json.decode(found[event_id].body, type=SafetyEvent)
    asked_at = clock.now()
    connector = await line(house.reception.lines, connection, "CameraMedia", "footage")
    try:
        told = await connector.camera_media(event.source_id)
    finally:
        await connector.aclose()
    if told is None:
        shown = ids.show("safety_event", event_id)
        raise NotFound(detail=f"The provider has no footage of {shown}, or none yet")
    media, body = told
    if not call.values[RAW]:
        return media
    raw = live.raw(call, f"{connection.provider}.camera_media", body, asked_at)
    return msgspec.structs.replace(media, raw=[raw])


OPERATIONS = [
    Operation(
        id="listSafetyEvents",
        method="GET",
        path="/safety/events",
        tag="Safety",
        summary="List Safety Events",
        description=f"What the provider saw of harsh driving, violations and crashes. {records.ORDER_NOTE}",
        answer=list[SafetyEvent],
        handler=list_safety_events,
        reads=True,
        parameters=[
            CURSOR, LIMIT, MODIFIED_AFTER, MODIFIED_BEFORE, STARTED_AFTER, STARTED_BEFORE, DRIVER_IDS,
            VEHICLE_IDS, EXPAND, RAW, TOMBSTONES, HIDDEN_RECORDS, KNOWN_AT,
        ],
    ),
    Operation(
        id="getSafetyEvent",
        method="GET",
        path="/safety/events/{id}",
        tag="Safety",
        summary="Get Safety Event",
        description="One safety event, withdrawn ones and those of hidden vehicles too.",
        answer=SafetyEvent,
        handler=get_safety_event,
        reads=True,
        parameters=[ID, EXPAND, RAW, HIDDEN_RECORDS, KNOWN_AT],
        refusals=[404],
    ),
    Operation(
        id="getEventCameraMedia",
        method="GET",
        path="/safety/events/{id}/camera-media",
        tag="Safety",
        summary="Get Event Camera Media",
        description="Addresses of a safety event's footage, asked of the provider at once: they are the "
        "provider's own, need no login, and expire.",
        answer=CameraMedia,
        handler=get_event_camera_media,
        parameters=[ID, RAW],
        refusals=[404, 422, 501, 502],
    ),
]  # fmt: skip
