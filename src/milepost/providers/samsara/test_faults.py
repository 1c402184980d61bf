"""Fault codes: events out of what changed from one set of codes to the next, across pages too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost import clock
from milepost.errors import CursorLost
from milepost.kit.contract import Slice
from milepost.models.fault import FaultCodeStatus
from milepost.providers.samsara.faults import Event, Fault, Seen, changes
from milepost.providers.samsara.records import Followed
from milepost.providers.samsara.test_stream_fixtures import records, scripted

START = datetime(2025, 3, 1, tzinfo=UTC)
FEED = "/fleet/vehicles/stats/feed"
Told = list[tuple[int, str, str]]


def at(hour: int, *codes: str) -> tuple[datetime, int, dict[str, Fault]]:
    """A set at an hour; `P1?` is a code that is pending."""
    statuses: dict[str, FaultCodeStatus] = {
        code.rstrip("?"): "pending" if code.endswith("?") else "open" for code in codes
    }
    found = {f"obdii:0:{code}": Fault("obdii", code, status) for code, status in statuses.items()}
    return START + timedelta(hours=hour), hour, found


def told(events: list[Event]) -> Told:
    return [
        ((event.time - START) // timedelta(hours=1), event.fault.code, event.fault.status)
        for event in events
    ]


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([at(1)], []),
        ([at(1, "P1")], [(1, "P1", "open")]),
        ([at(1, "P1"), at(2, "P1")], [(1, "P1", "open")]),
        ([at(1, "P1"), at(2)], [(1, "P1", "open"), (2, "P1", "closed")]),
        ([at(1, "P1?"), at(2, "P1")], [(1, "P1", "pending"), (2, "P1", "open")]),
        ([at(1, "P1"), at(2), at(3, "P1")],
         [(1, "P1", "open"), (2, "P1", "closed"), (3, "P1", "open")]),
        ([at(3, "P1"), at(2, "P1", "P2")], [(3, "P1", "open"), (2, "P2", "open")]),
    ],
)  # fmt: skip
def test_an_event_is_told_where_something_changes(sets: Any, expected: Told) -> None:
    """The last case came late: it opens what nobody knew of, and closes nothing."""
    events, _ = changes(sets, None)

    assert told(events) == expected


hours = st.lists(st.sets(st.sampled_from(["P1", "P2?", "P2", "P3"])), max_size=8)


@given(hours, st.integers(0, 8))
def test_it_does_not_matter_where_a_page_ends(codes: list[set[str]], cut: int) -> None:
    sets = [at(hour, *sorted(found)) for hour, found in enumerate(codes)]

    whole, end = changes(sets, None)
    first, seen = changes(sets[:cut], None)
    second, last = changes(sets[cut:], seen)

    assert [*first, *second] == whole
    assert last == end


def reading(time: str, *codes: str) -> dict[str, Any]:
    confirmed = [{"dtcId": 1, "dtcShortCode": code} for code in codes]
    units = [{"txId": 0, "confirmedDtcs": confirmed}]
    return {"time": time, "obdii": {"diagnosticTroubleCodes": units}}


def page(cursor: str, *readings: dict[str, Any]) -> dict[str, Any]:
    data = [{"id": "1", "name": "Unit 1", "faultCodes": list(readings)}] if readings else []
    return {"data": data, "pagination": {"endCursor": cursor, "hasNextPage": False}}


async def test_a_feed_opens_with_what_is_open_and_remembers_it_from_sync_to_sync() -> None:
    answers = [
        {"path": FEED, "query": {"types": "faultCodes"},
         "body": page("f1", reading("2025-02-20T12:00:00Z", "P1", "P2"))},
        {"path": FEED, "query": {"after": "f1"}, "body": page("f2")},
        {"path": FEED, "query": {"after": "f2"},
         "body": page("f3", reading("2025-03-01T12:00:00Z", "P2"))},
    ]  # fmt: skip
    found: list[tuple[str, str]] = []
    cursor: str | None = None

    async with scripted(answers) as (connector, _, script):
        with clock.held_at(START + timedelta(days=1)):
            for _ in answers:
                slice_ = Slice(stream="fault_codes", mode="feed", cursor=cursor)
                (only,) = [each async for each in connector.pages(slice_)]
                found += [(each["code"], each["status"]) for each in records([only])]
                cursor = only.cursor
                assert only.caught_up_to == clock.now()

    assert script.told_all
    assert found == [("P1", "open"), ("P2", "open"), ("P1", "closed")]
    assert msgspec.json.decode(cursor or "", type=Followed) == Followed(
        "f3", {"1": Seen(START + timedelta(hours=12), {"obdii:0:P2": "open"})}
    )


async def test_a_cursor_that_cannot_be_read_is_lost() -> None:
    slice_ = Slice(stream="fault_codes", mode="feed", cursor="f1")

    async with scripted([]) as (connector, _, _):
        with pytest.raises(CursorLost):
            [each async for each in connector.pages(slice_)]
