"""Trips: one vehicle a call, in pages that can be gone on from, within the provider's bounds."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from milepost.errors import Changed
from milepost.kit import registry
from milepost.kit.contract import Slice
from milepost.providers.samsara.records import TRIPS_AT_ONCE
from milepost.providers.samsara.test_stream_fixtures import fixture, scripted, slice_of

END = {"endCursor": "", "hasNextPage": False}


def answers(vehicles: int) -> list[dict[str, Any]]:
    ids = [{"id": str(1000 + number)} for number in range(vehicles)]
    trip = {"startMs": 1740830400000, "endMs": 1740830460000}
    return [
        {"path": "/fleet/vehicles", "body": {"data": ids, "pagination": END}},
        {"path": "/v1/fleet/trips", "body": {"trips": [trip]}},
    ]


async def test_a_fleet_is_read_in_pages_of_vehicles_and_goes_on_after_the_last_one_done() -> None:
    wanted = slice_of(fixture("trips"))

    async with scripted(answers(2 * TRIPS_AT_ONCE + 1)) as (connector, server, _):
        pages = [page async for page in connector.pages(wanted)]
        asked = [each.query["vehicleId"] for each in server.asked if "vehicleId" in each.query]
        resumed = slice_of(fixture("trips"), pages[0].cursor)
        rest = [page async for page in connector.pages(resumed)]

    # Those of one page are asked about at once, and come in any order.
    at_once = [asked[at : at + TRIPS_AT_ONCE] for at in range(0, len(asked), TRIPS_AT_ONCE)]
    in_order = [str(1000 + number) for number in range(2 * TRIPS_AT_ONCE + 1)]
    assert [vehicle for page in at_once for vehicle in sorted(page)] == in_order
    assert [page.last for page in pages] == [False, False, True]
    assert rest == pages[1:]
    assert {cut.subject for page in pages for cut in page.cuts} == set(asked)


async def test_a_fleet_without_vehicles_has_no_trips_and_is_done() -> None:
    async with scripted(answers(0)) as (connector, _, _):
        pages = [page async for page in connector.pages(slice_of(fixture("trips")))]

    assert [(page.cuts, page.last) for page in pages] == [([], True)]


async def test_the_words_of_a_legacy_refusal_are_passed_on() -> None:
    words = "rpc error: code = InvalidArgument desc = requested time range cannot exceed 90 days"
    given = [*answers(1)[:1], {"path": "/v1/fleet/trips", "status": 400, "text": words}]

    async with scripted(given) as (connector, _, _):
        with pytest.raises(Changed, match="cannot exceed 90 days"):
            [page async for page in connector.pages(slice_of(fixture("trips")))]


@pytest.mark.parametrize("body", [{"data": []}, {}, {"trips": {}}])
async def test_an_answer_without_trips_is_a_change(body: Any) -> None:
    given = [*answers(1)[:1], {"path": "/v1/fleet/trips", "body": body}]

    async with scripted(given) as (connector, _, _):
        with pytest.raises(Changed):
            [page async for page in connector.pages(slice_of(fixture("trips")))]


async def test_no_window_is_longer_than_the_provider_allows() -> None:
    """A slice is read up to an hour after it was planned, and then ends at that moment."""
    manifest = registry.load().manifest("samsara")
    longest = manifest.stream("trips").window + timedelta(hours=1)
    given = fixture("trips")
    asked = slice_of(given)
    assert asked.ends_at is not None
    wide = Slice(
        stream="trips", mode="history", starts_at=asked.ends_at - longest, ends_at=asked.ends_at
    )

    async with scripted(answers(1)) as (connector, server, _):
        [page async for page in connector.pages(wide)]

    query = server.asked[-1].query
    assert int(query["endMs"]) - int(query["startMs"]) <= 90 * 24 * 3600 * 1000
    assert json.loads(query["vehicleId"]) == 1000
