"""Calls as a connector takes them: lent by whoever keeps the budgets, near or far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from milepost.errors import TryAgain
from milepost.kit.limits import Budget, Till
from milepost.kit.quota import LATE, Leased, Rule


class Far(Till):
    """A lender whose answer takes a while."""

    async def lease(
        self, rules: Sequence[Rule], want: int, *, live: bool, late: float = LATE
    ) -> Leased:
        found = await super().lease(rules, want, live=live, late=late)
        await asyncio.sleep(0.08)
        return found


async def test_a_lender_that_is_far_away_is_waited_for() -> None:
    budget = Budget({"a": 100.0}, Far())

    async with asyncio.timeout(30):
        await asyncio.gather(*(budget.take("a") for _ in range(20)))


async def test_calls_that_are_lent_too_late_again_and_again_are_a_failure_and_no_endless_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("milepost.kit.limits.LATEST", 0.01)
    budget = Budget({"a": 1000.0}, Far())

    async with asyncio.timeout(30):
        with pytest.raises(TryAgain, match="too slowly"):
            await budget.take("a")
