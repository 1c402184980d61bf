"""A listing that goes in circles is found, however long the circle, with bounded memory."""

from __future__ import annotations

import itertools

import pytest

from milepost.errors import Changed
from milepost.kit.paging import LoopGuard


def walk(guard: LoopGuard, before: int, circle: int) -> int:
    """Pass cursors that lead into a circle; return how many passed until it was found."""
    cursors = itertools.chain(
        (f"before{n}" for n in range(before)),
        itertools.cycle([f"circle{n}" for n in range(circle)]),
    )
    for passed, cursor in enumerate(cursors):
        try:
            guard.passed(cursor)
        except Changed:
            return passed
    raise AssertionError


@pytest.mark.parametrize(("before", "circle"), [(0, 1), (5, 1), (5, 2), (4000, 3), (0, 4000)])
def test_a_cursor_that_comes_again_stops_the_walk_at_once(before: int, circle: int) -> None:
    assert walk(LoopGuard("Acme"), before, circle) == before + circle


def test_the_cursor_that_a_walk_began_with_counts_as_seen() -> None:
    with pytest.raises(Changed, match="Acme"):
        LoopGuard("Acme", "start").passed("start")


def test_a_circle_longer_than_what_is_kept_is_found_within_four_rounds() -> None:
    assert walk(LoopGuard("Acme"), 1_000, 10_000) < 1_000 + 4 * 10_000


def test_a_long_walk_without_a_circle_passes_in_bounded_memory() -> None:
    guard = LoopGuard("Acme")
    for number in range(30_000):
        assert guard.passed(str(number)) == str(number)

    assert len(guard._known) <= 4096
