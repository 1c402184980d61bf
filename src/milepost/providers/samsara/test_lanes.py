"""The parts of a window that are walked side by side: nothing between them, nothing twice, from any cursor on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.errors import CursorLost
from milepost.models.location import Fix
from milepost.providers.samsara.lanes import Stride, parts, stride
from milepost.providers.samsara.test_streams import collect, connected, history, page, truck
from milepost.providers.samsara.walk import Ask

START = datetime(2025, 3, 1, tzinfo=UTC)


class Shelf:
    """Parts of so many pages each, which notes what it was asked."""

    def __init__(self, *pages: int) -> None:
        self._pages = pages
        self.asked: list[tuple[int, str | None]] = []

    def asks(self) -> list[Ask]:
        return [self._ask(part, pages) for part, pages in enumerate(self._pages)]

    def _ask(self, part: int, pages: int) -> Ask:
        async def ask(after: str | None) -> bytes:
            self.asked.append((part, after))
            at = int(after.rpartition("-")[2]) if after else 0
            more = at + 1 < pages
            pagination = {"endCursor": f"{part}-{at + 1}" if more else "", "hasNextPage": more}
            return json.dumps({"data": [[part, at]], "pagination": pagination}).encode()

        return ask


async def walked(asks: Sequence[Ask], cursor: str | None = None) -> list[Stride]:
    return [each async for each in stride(asks, cursor)]


def seen(strides: Sequence[Stride]) -> list[list[list[int]]]:
    return [
        [json.loads(bytes(entry)) for step in each.steps if step for entry in step.entries]
        for each in strides
    ]


@given(
    microseconds=st.integers(0, 999_999),
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=90)),
)
def test_parts_cover_a_window_without_gap_or_overlap(microseconds: int, length: timedelta) -> None:
    starts_at = START + timedelta(microseconds=microseconds)
    found = parts(starts_at, starts_at + length)

    assert found[0][0] == starts_at
    assert found[-1][1] == starts_at + length
    assert [end for _, end in found[:-1]] == [begin for begin, _ in found[1:]]
    assert all(begin < end for begin, end in found)
    assert len({begin.microsecond % 1000 for begin, _ in found}) == 1


def test_a_short_window_is_one_part_and_a_day_is_four() -> None:
    hours = [1, 5, 6, 12, 24, 168]
    assert [len(parts(START, START + timedelta(hours=n))) for n in hours] == [1, 1, 2, 4, 4, 4]


async def test_a_stride_is_a_page_of_each_part_that_has_one_left() -> None:
    shelf = Shelf(3, 1, 2)
    strides = await walked(shelf.asks())

    assert seen(strides) == [[[0, 0], [1, 0], [2, 0]], [[0, 1], [2, 1]], [[0, 2]]]
    assert [each.cursor is None for each in strides] == [False, False, True]
    assert len(shelf.asked) == len(set(shelf.asked)) == 6


async def test_from_every_cursor_on_the_rest_is_the_same_and_nothing_is_asked_again() -> None:
    whole = await walked(Shelf(3, 1, 4, 2).asks())
    for at, kept in enumerate(whole[:-1]):
        shelf = Shelf(3, 1, 4, 2)
        assert seen(await walked(shelf.asks(), kept.cursor)) == seen(whole[at + 1 :])
        assert None not in {after for _, after in shelf.asked}


@pytest.mark.parametrize("cursor", ["v1", '["a"]', "[null,null]", '{"a":1}', '["a",1]', ""])
async def test_a_cursor_of_other_parts_is_lost(cursor: str) -> None:
    with pytest.raises(CursorLost):
        await walked(Shelf(1, 1).asks(), cursor)


async def test_a_day_is_asked_for_in_quarters_at_once_and_each_keeps_what_is_its_own() -> None:
    # Where a vendor tells what lies at a border to both sides, it is kept once.
    borders = [f"2025-03-01T{hour:02}:00:00Z" for hour in (0, 6, 12, 18)] + ["2025-03-02T00:00:00Z"]

    async with connected(lambda _: page([truck(1, *borders)])) as (connector, server):
        (only,) = await collect(connector, history())

    asked = sorted((each.query["startTime"], each.query["endTime"]) for each in server.asked)
    assert [start[11:13] for start, _ in asked] == ["00", "06", "12", "18"]
    assert [end[11:13] for _, end in asked] == ["06", "12", "18", "00"]
    kept = [r.located_at.hour for cut in only.cuts for r in cut.records if isinstance(r, Fix)]
    assert (kept, only.last) == ([0, 6, 12, 18], True)
