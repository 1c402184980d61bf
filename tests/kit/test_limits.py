"""Budgets keep a provider's rate in every window, and are shared by credential."""

from __future__ import annotations

import pytest

from milepost.kit.limits import Bucket, budget


@pytest.mark.parametrize("rate", [0.5, 1, 100 / 60, 5, 25])
def test_no_window_of_a_second_ever_holds_more_calls_than_the_rate(rate: float) -> None:
    bucket = Bucket(rate)
    now, taken = 0.0, []
    for step in range(200):
        now += 0.013 * (step % 5)
        at = bucket.opens_at(now)
        bucket.take(at)
        taken.append(at)

    allowed = max(1, int(rate))
    window = allowed / rate
    assert all(
        sum(1 for other in taken if at <= other < at + window - 1e-9) <= allowed for at in taken
    )
    assert taken == sorted(taken)


def test_a_rate_of_zero_is_unlimited_but_a_wish_to_wait_is_kept() -> None:
    bucket = Bucket(0)

    for _ in range(1000):
        assert bucket.opens_at(5.0) == 5.0
        bucket.take(5.0)
    bucket.hold(8.0)
    bucket.hold(7.0)

    assert bucket.opens_at(5.0) == 8.0
    assert bucket.held(5.0) == 3.0
    assert bucket.opens_at(9.0) == 9.0


def test_one_credential_at_one_host_has_one_budget() -> None:
    limits = {"lists": 5.0}

    first = budget("https://a.example", "key", limits, 0.0)

    assert budget("https://a.example", "key", limits, 9.0) is first
    assert budget("https://a.example", "other", limits, 0.0) is not first
    assert budget("https://b.example", "key", limits, 0.0) is not first


def test_budgets_at_rest_are_forgotten_and_busy_ones_are_not() -> None:
    limits = {"rest": 3.0}
    busy = budget("https://c.example", "busy", limits, 0.0)
    busy.bucket("rest").hold(1e9)
    idle = budget("https://c.example", "idle", limits, 0.0)

    for number in range(2_500):
        budget("https://c.example", f"crowd{number}", limits, 1e6)

    assert budget("https://c.example", "busy", limits, 1e6) is busy
    assert budget("https://c.example", "idle", limits, 1e6) is not idle
