"""Safety events: the vendor's vocabularies, and a feed whose cursor belongs to its beginning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from milepost import clock
from milepost.errors import CursorLost
from milepost.kit.contract import Slice
from milepost.providers.samsara import safety
from milepost.providers.samsara.test_stream_fixtures import scripted

STREAM = "/safety-events/stream"


def page(cursor: str, *, more: bool = False) -> dict[str, Any]:
    return {"data": [], "pagination": {"endCursor": cursor, "hasNextPage": more}}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["Braking"], ("harsh_brake", "Braking")),
        (["nearCollison"], ("near_crash", "nearCollison")),
        (["Harsh Turn"], ("harsh_turn", "Harsh Turn")),
        (["Smoking", "Crash", "Speeding"], ("crash", "Crash")),
        (["Braking", "SevereSpeeding"], ("speeding", "SevereSpeeding")),
        (["Speeding", "Hovering"], ("speeding", "Speeding")),
        (["ContextWet", "UTurn"], None),
        ([], None),
        (["Crash", "Invalid"], None),
    ],
)
def test_an_event_is_what_its_worst_label_says(labels: list[str], expected: Any) -> None:
    assert safety.type_of(labels) == expected


def test_a_label_that_nobody_knows_is_named() -> None:
    with pytest.raises(LookupError, match="Hovering"):
        safety.type_of(["UTurn", "Hovering"])


def test_every_label_of_the_vendors_document_is_known(shared: Path) -> None:
    document = (shared / "specs/samsara-2025-10-23.json").read_text()
    vocabularies: list[list[str]] = []

    def gather(value: Any) -> None:
        if isinstance(value, dict):
            labels = value.get("enum")
            if isinstance(labels, list) and {"drowsy", "laneDeparture"} & {
                str(each)[:1].lower() + str(each)[1:] for each in labels
            }:
                vocabularies.append(labels)
        for each in value.values() if isinstance(value, dict) else value:
            if isinstance(each, dict | list):
                gather(each)

    schemas = json.loads(document)["components"]["schemas"]
    gather(
        {
            name: each
            for name, each in schemas.items()
            if "SafetyEvent" in name or "BehaviorLabel" in name
        }
    )

    assert max(map(len, vocabularies)) >= 50
    for label in (label for labels in vocabularies for label in labels):
        word = safety.plain(label)
        assert word in safety.TYPES or word in safety.WITHOUT_TYPE or word.startswith("context")


@pytest.mark.parametrize(
    ("odd", "gone"),
    [
        ({"location": {}}, ["7"]),
        ({"location": {"headingDegrees": 400}}, ["7"]),
        ({"behaviorLabels": "Invalid"}, []),
    ],
)
def test_an_event_is_withdrawn_whatever_else_of_it_does_not_fit(
    odd: dict[str, Any], gone: list[str]
) -> None:
    event = {"id": "7", "asset": {"id": "1"}, "startMs": 1_741_600_000_000,
             "behaviorLabels": [{"label": "Invalid"}], **odd}  # fmt: skip

    assert safety.withdrawn([Raw(json.dumps(event).encode())]) == gone


async def test_a_feed_opens_at_the_present_and_keeps_its_beginning_beside_the_cursor() -> None:
    opened = "2025-03-10T12:00:00.000Z"
    answers = [
        {"path": STREAM, "query": {"startTime": opened}, "body": page("s1", more=True)},
        {"path": STREAM, "query": {"startTime": opened, "after": "s1"}, "body": page("s2")},
        {"path": STREAM, "query": {"startTime": opened, "after": "s2"}, "body": page("")},
    ]

    async with scripted(answers) as (connector, _, script):
        with clock.held_at(clock.parse(opened)):
            first = [p async for p in connector.pages(Slice(stream="safety_events", mode="feed"))]
        later = Slice(stream="safety_events", mode="feed", cursor=first[-1].cursor)
        with clock.held_at(clock.parse("2025-03-11T12:00:00Z")):
            second = [p async for p in connector.pages(later)]

    assert script.told_all
    assert [(p.cursor, p.last) for p in first] == [
        (f"{opened}|s1", False), (f"{opened}|s2", True),
    ]  # fmt: skip
    assert first[-1].caught_up_to == clock.parse(opened)
    # A last page without a cursor is no loss: the one before it shows the same again.
    assert [(p.cursor, p.last) for p in second] == [(f"{opened}|s2", True)]


async def test_a_cursor_that_lost_its_beginning_is_lost() -> None:
    async with scripted([]) as (connector, _, _):
        with pytest.raises(CursorLost):
            [p async for p in connector.pages(
                Slice(stream="safety_events", mode="feed", cursor="s1")
            )]  # fmt: skip


async def test_a_refused_cursor_starts_the_stream_again() -> None:
    words = {"message": "Parameters differ from previous paginated request"}
    answers = [{"path": STREAM, "query": {"after": "s1"}, "status": 400, "body": words}]
    slice_ = Slice(stream="safety_events", mode="feed", cursor="2025-03-10T12:00:00.000Z|s1")

    async with scripted(answers) as (connector, _, _):
        with pytest.raises(CursorLost):
            [p async for p in connector.pages(slice_)]
