"""What changes its mind: exceptions that reviewers take back, and faults whose rows come in late."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec import Raw

from milepost.ids import Identity
from milepost.kit.salvage import Window
from milepost.models.fault import FaultCodeEvent
from milepost.providers.geotab import faults, safety, shapes

BOOK = faults.Book(
    {"oil": shapes.Diagnostic(id="oil", name="Oil", code=100, source="SourceJ1939Id")},
    {"low": shapes.FailureMode(id="low", name="Low", code=1)},
)
NOW = Window(datetime(2026, 7, 20, tzinfo=UTC))


def exception(id_: str, state: str | None, **row: Any) -> Raw:
    told = {"id": id_, "activeFrom": "2026-07-15T10:00:00Z", "device": {"id": "b1"},
            "rule": {"id": "RuleHarshBrakingId"}, "state": state}  # fmt: skip
    return Raw(json.dumps(told | row).encode())


@pytest.mark.parametrize(
    ("states", "gone"),
    [
        (["ExceptionEventStateValidId"], []),
        ([None], []),
        (["ExceptionEventStateDismissedId"], ["e1"]),
        (["ExceptionEventStateInvalidId"], ["e1"]),
        (["ExceptionEventStateValidId", "ExceptionEventStateDismissedId"], ["e1"]),
        (["ExceptionEventStateDismissedId", "ExceptionEventStateValidId"], []),
    ],
)
def test_an_exception_is_withdrawn_when_its_last_mention_does_not_count(
    states: list[str | None], gone: list[str]
) -> None:
    rows = [exception("e1", state) for state in states]

    assert safety.withdrawn([Raw(b"[]"), *rows, exception("e2", None)]) == gone


def reported(at: str, state: str) -> Raw:
    row = {"id": at, "device": {"id": "b1"}, "diagnostic": {"id": "oil"},
           "failureMode": {"id": "low"}, "dateTime": at, "faultState": state}  # fmt: skip
    return Raw(json.dumps(row).encode())


def told(known: faults.Known, *rows: Raw) -> list[str]:
    cuts = faults.page_cuts(rows, known, BOOK, NOW, Identity(UUID(int=1)), "geotab")
    found = [record for cut in cuts for record in cut.records]
    return [
        f"{each.status} {each.observed_at[:13]}"
        for each in found
        if isinstance(each, FaultCodeEvent)
    ]


def test_a_row_that_comes_in_late_does_not_open_a_fault_again_that_was_closed_since() -> None:
    known: faults.Known = {}

    first = told(known, reported("2026-07-01T10:00:00Z", "Active"),
                 reported("2026-07-01T12:00:00Z", "Inactive"))  # fmt: skip
    assert first == ["open 2026-07-01T10", "closed 2026-07-01T12"]
    assert told(known, reported("2026-07-01T11:00:00Z", "Active")) == []
    assert told(known, reported("2026-07-05T08:00:00Z", "Active")) == ["open 2026-07-05T08"]
    assert told(known, reported("2026-07-06T08:00:00Z", "Inactive")) == ["closed 2026-07-06T08"]
    assert told(known, reported("2026-07-06T09:00:00Z", "Inactive")) == []


def test_what_was_closed_long_before_the_newest_is_forgotten() -> None:
    known: faults.Known = {}
    told(
        known,
        reported("2026-07-01T10:00:00Z", "Active"),
        reported("2026-07-01T12:00:00Z", "Cleared"),
    )
    assert {each.status for each in known.values()} == {"closed"}

    other = json.loads(bytes(reported("2026-07-04T13:00:00Z", "Active"))) | {"device": {"id": "b2"}}
    told(known, Raw(json.dumps(other).encode()))

    assert [(key[:2], each.status) for key, each in known.items()] == [("b2", "open")]
