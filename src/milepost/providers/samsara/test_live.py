"""What is asked of Samsara at this moment: where trailers are, and fresh addresses of footage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw

from milepost import clock
from milepost.errors import NotAllowed
from milepost.kit.ledger import unknown_fields
from milepost.providers.samsara import fields, record_fields
from milepost.providers.samsara.seats import Seats
from milepost.providers.samsara.test_stream_fixtures import scripted

TRAILERS = Path(__file__).parent / "fixtures" / "trailer_locations.json"
NOW = clock.parse("2025-03-01T17:00:00Z")
EVENT = "212f1a55-0c9e-4b1e-b8a0-5b8d0c9f7a01"
END = {"endCursor": "", "hasNextPage": False}


def event(media: Any, id_: str = EVENT) -> dict[str, Any]:
    """The answer about one safety event, after SafetyEventsV2 of OpenAPI 2025-10-23."""
    told = {
        "id": id_,
        "asset": {"id": "281474990000101"},
        "startMs": "2025-03-01T16:00:00.000Z",
        "behaviorLabels": [{"label": "Braking", "source": "automated"}],
        **({} if media is None else {"media": media}),
    }
    return {
        "path": "/safety-events",
        "query": {"safetyEventIds": EVENT},
        "body": {"data": [told], "pagination": END},
    }


async def test_trailers_are_told_where_they_are_and_those_without_a_place_left_out() -> None:
    given = json.loads(TRAILERS.read_text())

    async with scripted(given["answers"]) as (connector, _, script):
        with clock.held_at(NOW):
            found = await connector.trailer_locations()

    assert script.told_all
    assert [msgspec.to_builtins(location) for location, _ in found] == given["expected"]
    sent = [each for answer in given["answers"] for each in answer["body"]["data"]]
    assert [json.loads(raw) for _, raw in found] == [sent[0], sent[3]]
    for each in sent:
        assert not unknown_fields(json.dumps(each).encode(), fields.TRAILER_STATS)


async def test_without_the_right_to_read_trailers_statistics_the_permission_is_named() -> None:
    answers = [{"path": "/fleet/trailers/stats", "status": 403, "body": {"message": "no"}}]

    async with scripted(answers) as (connector, _, _):
        with pytest.raises(NotAllowed) as caught:
            await connector.trailer_locations()

    assert caught.value.permission == "Read Trailer Statistics"


async def test_footage_is_told_by_the_side_that_its_camera_faces() -> None:
    media = [
        {"input": "analog1", "url": "https://media.example/a.mp4"},
        {"input": "dashcamDriverFacing", "url": "https://media.example/in.mp4"},
        {"input": "dashcamRoadFacing", "url": ""},
        {"input": "dashcamForwardFacing", "url": "https://media.example/out.mp4"},
    ]

    async with scripted([event(media)]) as (connector, _, _):
        found = await connector.camera_media(EVENT)

    assert found is not None
    shown, raw = found
    assert msgspec.to_builtins(shown) == {
        "frontFacing": {
            "videoUrl": "https://media.example/out.mp4",
            "sourceId": f"{EVENT}:dashcamForwardFacing",
        },
        "rearFacing": {
            "videoUrl": "https://media.example/in.mp4",
            "sourceId": f"{EVENT}:dashcamDriverFacing",
        },
    }
    assert json.loads(raw)["media"] == media
    assert not unknown_fields(raw, record_fields.SAFETY_EVENT)


@pytest.mark.parametrize(
    "answer",
    [
        event(None),
        event([]),
        event([{"input": "dashcamRoadFacing"}, {"input": "analog1", "url": "https://x.example"}]),
        event([{"input": "dashcamRoadFacing", "url": "https://x.example"}], id_="another"),
        {"path": "/safety-events", "body": {"data": None, "pagination": END}},
    ],
)
async def test_without_an_address_to_fetch_there_is_no_footage(answer: dict[str, Any]) -> None:
    async with scripted([answer]) as (connector, _, _):
        assert await connector.camera_media(EVENT) is None


def seat(driver: str, start: str, end: str | None = None, **more: Any) -> Raw:
    told = {"driver": {"id": driver}, "vehicle": {"id": "101"}, "startTime": start, **more}
    return Raw(json.dumps({**told, "endTime": end} if end else told))


def test_the_driver_is_who_sat_at_the_wheel_at_the_time_of_the_fix() -> None:
    noon = "2025-03-01T12:00:00Z"
    seats = Seats(
        [
            seat("1", "2025-03-01T08:00:00Z", noon),
            seat("2", noon),
            seat("3", "2025-01-01T00:00:00Z", assignmentType="static"),
            seat("4", noon, isPassenger=True),
            seat("0", "2025-03-01T13:00:00Z"),
            Raw(b'{"driver": {"id": "5"}, "vehicle": {"id": "101"}}'),
        ]
    )

    def driver(at: str, vehicle: str = "101") -> str | None:
        found = seats.at(vehicle, clock.parse(at))
        return found.driver if found else None

    assert driver("2025-03-01T07:59:59Z") == "3"
    assert driver("2025-03-01T11:59:59Z") == "1"
    assert driver(noon) == driver("2025-03-01T14:00:00Z") == "2"
    assert driver("2024-12-31T23:59:59Z") is None
    assert driver(noon, "102") is None


@pytest.mark.parametrize("status", [200, 403, 404])
async def test_places_are_told_without_drivers_where_assignments_may_not_be_read(
    status: int,
) -> None:
    fix = {"time": "2025-03-01T16:59:00Z", "latitude": 41.5, "longitude": -87.9}
    told = json.loads(bytes(seat("7", "2025-03-01T08:00:00Z")))
    answers: list[dict[str, Any]] = [
        {"path": "/fleet/vehicles/stats", "query": {"types": "gps,engineStates,obdOdometerMeters"},
         "body": {"data": [{"id": "101", "name": "Unit", "gps": fix}], "pagination": END}},
        {"path": "/fleet/vehicles/stats", "body": {"data": [], "pagination": END}},
        {"path": "/fleet/driver-vehicle-assignments", "status": status,
         "query": {"filterBy": "vehicles", "startTime": "2025-03-01T16:00:00.000Z"},
         "body": {"data": [told], "pagination": END}},
    ]  # fmt: skip

    async with scripted(answers) as (connector, _, _):
        with clock.held_at(NOW):
            ((location, raw),) = await connector.latest_locations()

    assert location.driver == ("driver:7" if status == 200 else UNSET)
    assert json.loads(raw).get("driverAssignment") == (told if status == 200 else None)
    assert not unknown_fields(raw, fields.SNAPSHOT)
