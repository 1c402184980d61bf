"""Leases keep the limit in every stretch of time, however many processes spend them and however they do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.api.allowance import Allowance
from milepost.api.sender import networks, sender


class Shared:
    """The bucket that processes lease from, as the database has it."""

    def __init__(self, rate: float) -> None:
        self.rate, self.most, self.full_at, self.leases = rate, max(1.0, rate), 0.0, 0

    def lease(self, allowance: Allowance, now: float) -> None:
        self.leases += 1
        wish, least = allowance.wish(now), allowance.least
        there = int(self.most - max(0.0, self.full_at - now) * self.rate)
        granted = 0 if there < least else min(wish, max(least, there // 2))
        self.full_at = max(self.full_at, now) + granted / self.rate if granted else self.full_at
        allowance.leased(now, granted, self.full_at - (self.most - least) / self.rate - now)


def admitted(shared: Shared, allowance: Allowance, now: float) -> bool:
    while (wait := allowance.spend(now)) is None:
        shared.lease(allowance, now)
    return wait == 0


@settings(max_examples=200, deadline=None)
@given(
    rate=st.sampled_from([0.5, 1.0, 5.0, 20.0, 100.0]),
    asked=st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 0.4), st.integers(1, 60)), min_size=1, max_size=60
    ),
)
def test_no_stretch_of_time_admits_more_than_the_limit_and_what_was_saved(
    rate: float, asked: list[tuple[int, float, int]]
) -> None:
    shared, processes = Shared(rate), [Allowance(rate) for _ in range(4)]
    now, times = 0.0, list[float]()
    for process, pause, requests in asked:
        now += pause
        times += [now for _ in range(requests) if admitted(shared, processes[process], now)]

    spare = 2 * max(1.0, rate) + sum(each.least for each in processes)
    for place, begin in enumerate(times):
        for later, end in enumerate(times[place:]):
            assert later + 1 <= rate * (end - begin) + spare + 1e-6


@settings(deadline=None)
@given(rate=st.sampled_from([1.0, 5.0, 100.0]), pauses=st.lists(st.floats(0, 3), max_size=50))
def test_whoever_waits_as_told_is_admitted(rate: float, pauses: list[float]) -> None:
    shared, allowance, now = Shared(rate), Allowance(rate), 0.0
    for pause in pauses:
        now += pause
        while admitted(shared, allowance, now):
            pass
        wait = allowance.spend(now)
        assert wait is not None
        assert 0 < wait <= 1 / rate * allowance.least + 0.001
        now += wait + 1e-6
        assert admitted(shared, allowance, now)


def test_who_keeps_the_limit_is_never_refused_and_leases_now_and_then() -> None:
    shared, allowance = Shared(100.0), Allowance(100.0)

    assert all(admitted(shared, allowance, step / 90) for step in range(9_000))
    assert shared.leases < 9_000 / 8


def test_a_flood_asks_for_few_leases() -> None:
    shared, allowance = Shared(100.0), Allowance(100.0)

    taken = sum(admitted(shared, allowance, step / 5_000) for step in range(50_000))

    assert 950 <= taken <= 1_110  # Ten seconds of the limit, and a second's worth that was saved.
    assert shared.leases < 250


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "said"),
    [
        ("203.0.113.9", ["198.51.100.1"], [], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1, 10.0.0.7"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", [""], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", [], ["10.0.0.0/8"], "10.0.0.1"),
        ("203.0.113.9", ["198.51.100.1"], ["10.0.0.0/8"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["[2001:db8:1:2:3:4:5:6]:443"], ["10.0.0.0/8"], "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", [], [], "2001:db8:1:2::"),
        ("fe80::1%eth0", [], [], "fe80::"),
        (None, ["198.51.100.1"], ["0.0.0.0/0"], ""),
        ("10.0.0.1", ["9" * 100_000], ["10.0.0.0/8"], "10.0.0.1"),
    ],
)
def test_a_sender_is_believed_only_from_proxies_that_are_trusted(
    peer: str | None, forwarded: list[str], trusted: list[str], said: str
) -> None:
    assert sender(peer, forwarded, networks(trusted)) == said
