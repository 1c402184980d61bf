"""Budgets: no window ever holds more calls than the rate, however many share them and however late they are."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.kit import quota
from milepost.kit.quota import GROWTH, LATE, Rule, State, lease, pace, refuse

RATES = st.sampled_from([0.2, 0.5, 1.0, 100 / 60, 2.5, 5.0, 25.0, 50.0])


def rule(rate: float, top: float = 0) -> Rule:
    return Rule(b"k", rate, max(rate, top))


def fresh(rate: float) -> State:
    return State(base=rate)


def most_in_a_window(sent: list[float], length: float) -> int:
    sent = sorted(sent)
    return max(bisect_left(sent, at + length) - n for n, at in enumerate(sent))


STEPS = st.lists(
    st.tuples(
        st.floats(0, 0.4),  # seconds until somebody asks
        st.integers(1, 30),  # for so many calls
        st.booleans(),  # live or not
        st.floats(0, LATE),  # and sends them so late
    ),
    min_size=1,
    max_size=150,
)


@given(st.lists(RATES, min_size=1, max_size=3), STEPS)
def test_no_window_holds_more_than_any_of_the_nested_budgets_allows(
    rates: list[float], steps: list[tuple[float, int, bool, float]]
) -> None:
    rules, states = [rule(rate) for rate in rates], [fresh(rate) for rate in rates]
    now, sent = 1_000.0, list[float]()
    for pause, want, live, late in steps:
        now += pause
        leased = lease(rules, states, now, want, live=live)
        assert 0 <= leased.granted <= want
        assert leased.granted or leased.wait > 0
        sent += [now + late] * leased.granted

    for rate in rates:
        calls = max(1, int(rate))
        if sent:
            assert most_in_a_window(sent, calls / rate) <= calls


@given(RATES, st.integers(1, 8), st.integers(1, 4))
def test_lessees_who_ask_again_when_told_get_nine_tenths_of_the_rate(
    rate: float, want: int, lessees: int
) -> None:
    state, asks = fresh(rate), [(1_000.0 + n / 100, n) for n in range(lessees)]
    granted, ends = 0, 1_000.0 + 40 / rate + 20
    while asks[0][0] < ends:
        now, who = asks.pop(0)
        leased = lease([rule(rate)], [state], now, want, live=False)
        granted += leased.granted
        asks = sorted([*asks, (now + (leased.wait if not leased.granted else 0.001), who)])

    assert granted >= 0.9 * rate * (ends - 1_000.0) - 1


@given(RATES.filter(lambda rate: rate >= 1), st.integers(1, 50), st.integers(1, 50))
def test_what_waits_is_told_when_to_ask_and_gets_something_then(
    rate: float, first: int, want: int
) -> None:
    state = fresh(rate)
    while lease([rule(rate)], [state], 0.0, first, live=False).granted:
        pass
    told = lease([rule(rate)], [state], 0.0, want, live=False)

    assert lease([rule(rate)], [state], told.wait + 1e-9, want, live=False).granted


def test_a_share_is_kept_for_live_calls_and_only_while_there_are_any() -> None:
    state, twenty = fresh(20), [rule(20)]
    assert lease(twenty, [state], 0.0, 50, live=False).granted == 20
    assert not lease(twenty, [state], 0.1, 1, live=True).granted

    assert lease(twenty, [state], 2.0, 50, live=False).granted == 18
    assert lease(twenty, [state], 2.0, 50, live=True).granted == 0
    assert lease(twenty, [state], 2.0 + LATE, 1, live=False).granted == 0
    late = State(base=20, live_at=0.0)
    assert lease(twenty, [late], 30.0, 50, live=False).granted == 20


def test_live_calls_leave_a_share_as_well() -> None:
    state = State(base=20, bulk_at=1.0)

    assert lease([rule(20)], [state], 2.0, 50, live=True).granted == 18
    assert lease([rule(20)], [state], 2.0, 50, live=False).granted == 0
    assert lease([rule(20)], [state], 4.0, 50, live=False).granted == 18


def test_a_refusal_holds_all_and_takes_the_pace_down_once_a_second() -> None:
    state, ten = fresh(10), rule(10)
    refuse(ten, state, 100.0, 0.4)
    refuse(ten, state, 100.2, 3.0)

    held = lease([ten], [state], 101.0, 5, live=True)
    assert (held.granted, held.held) == (0, True)
    assert held.wait == pytest.approx(2.2, abs=0.01)
    assert pace(ten, state, 101.0) == pytest.approx(9.5)
    refuse(ten, state, 101.3, 0)
    assert pace(ten, state, 101.3) == pytest.approx(9.025)
    for second in range(60):
        refuse(ten, state, 200.0 + 2 * second, 0)
    assert pace(ten, state, 320.0) == pytest.approx(0.5, rel=0.01)
    assert pace(ten, state, 320.0 + 18 * 60) == pytest.approx(10.0)


def test_a_ceiling_lower_than_documented_is_found_and_kept_with_few_refusals() -> None:
    """A provider that takes 3 calls a second where 5 are documented, for two hours."""
    five, state, now = rule(5), fresh(5), 0.0
    sent, refused = list[float](), 0
    while now < 7_200:
        leased = lease([five], [state], now, 4, live=False)
        for _ in range(leased.granted):
            if len(sent) >= 3 and now - sent[-3] < 1:
                refused += 1
                refuse(five, state, now, 1)
            else:
                sent.append(now)
        now += max(leased.wait, 0.01)

    assert len(sent) > 0.9 * 3 * 7_200
    assert refused / len(sent) < 0.005


def test_what_is_not_documented_is_found_out_by_use_and_only_by_use() -> None:
    guess, state, now = rule(10, top=50), fresh(10), 0.0
    lease([guess], [state], now, 1, live=False)
    assert pace(guess, state, 3_600.0) == 10
    while now < 120:
        leased = lease([guess], [state], now, 8, live=False)
        now += max(leased.wait, 0.001)
    assert pace(guess, state, now) == 50

    refuse(guess, state, now, 0)
    assert pace(guess, state, now) == pytest.approx(47.5)


@given(STEPS)
def test_a_pace_that_is_found_out_never_goes_over_its_top_while_it_rises(
    steps: list[tuple[float, int, bool, float]],
) -> None:
    guess, state, now, sent = rule(5, top=10), fresh(5), 1_000.0, list[float]()
    for pause, want, live, late in steps:
        now += pause
        leased = lease([guess], [state], now, want, live=live)
        sent += [now + late] * leased.granted

    if sent:
        assert most_in_a_window(sent, 1.0) <= 10


def test_an_unlimited_budget_grants_all_but_keeps_a_wish_to_wait() -> None:
    state, unlimited = fresh(0), rule(0)
    assert lease([unlimited], [state], 5.0, 10_000, live=False).granted == 10_000
    refuse(unlimited, state, 5.0, 3.0)

    assert lease([unlimited], [state], 6.0, 1, live=False).wait == pytest.approx(2.0, abs=0.01)
    assert lease([unlimited], [state], 8.0, 9, live=False).granted == 9


def test_a_second_of_growth_is_what_the_constant_says() -> None:
    assert (1 + GROWTH) ** 15 > 2 > (1 + GROWTH) ** 14
    assert quota.CUT < 1
