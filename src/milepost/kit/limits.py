"""Request budgets as a connector spends them: calls are leased for all that wait, and a long wait is SlowDown."""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from milepost import clock
from milepost.errors import SlowDown, TryAgain
from milepost.kit import quota
from milepost.kit.quota import LATE, Leased, Rule, State

# A provider's own wish is waited for on the spot when it is short; our own budget a little longer.
SHORT_WAIT_SECONDS = 2.0
PATIENCE_SECONDS = 10.0
# Budgets without a rate are asked for a hold so often.
_UNLIMITED_SECONDS = 1.0
_KEPT = 10_000
# A call that was lent is to be sent within so many times what lending took last, two seconds at the most.
_SLACK, LATEST = 3.0, 2.0
_MOST_LOST = 10
# From a request to its answer, over the internet. So many calls are under way at once as a pace needs; never
# so many that a provider would take a fleet's integration for a flood.
ANSWER_SECONDS = 0.4
FEWEST_AT_ONCE, MOST_AT_ONCE = 4, 16


class Lender(Protocol):
    """Keeps budgets for everybody who spends of them, and lends calls."""

    @property
    def lines(self) -> dict[tuple[bytes, bool], Line]:
        """The lines of this process, by the budget that they end in."""
        ...

    def key(self, text: str) -> bytes:
        """Name a budget by a keyed hash: the text may hold a secret."""
        ...

    async def lease(
        self, rules: Sequence[Rule], want: int, *, live: bool, late: float = LATE
    ) -> Leased:
        """Lend up to `want` calls, each out of all these budgets, to be sent within `late` seconds."""
        ...

    async def refuse(self, rule: Rule, seconds: float) -> None:
        """Let nobody call for so long: the provider said so to one of us."""
        ...


class Till:
    """A lender in memory: for tests, and for what no database stands behind."""

    def __init__(self) -> None:
        self.lines: dict[tuple[bytes, bool], Line] = {}
        self._pepper = secrets.token_bytes(32)
        self._states: dict[bytes, State] = {}

    def key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=16, key=self._pepper).digest()

    async def lease(
        self, rules: Sequence[Rule], want: int, *, live: bool, late: float = LATE
    ) -> Leased:
        states = [self._state(rule) for rule in rules]
        return quota.lease(rules, states, time.monotonic(), want, live=live, late=late)

    async def refuse(self, rule: Rule, seconds: float) -> None:
        quota.refuse(rule, self._state(rule), time.monotonic(), seconds)

    def _state(self, rule: Rule) -> State:
        return self._states.setdefault(rule.key, State(base=rule.rate))


class Payer(msgspec.Struct, frozen=True):
    """Whose budgets a connector spends: the login's, its organisation's where known; `live` if somebody waits."""

    login: str
    organization: str | None = None
    live: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Calls a second, 0 for unlimited: of an organisation, of a login, and by endpoint class.

    An endpoint class in `learned` is not documented: use may take its pace up to the rate given there.
    """

    classes: Mapping[str, float]
    organization: float = 0
    login: float = 0
    learned: Mapping[str, float] = {}

    @property
    def at_once(self) -> int:
        """How many calls are to be under way, so that the quickest endpoint class can be used up."""
        rates = [max(rate, self.learned.get(name, 0)) for name, rate in self.classes.items()]
        whole = [rate for rate in (self.organization, self.login) if rate]
        if not all(rates):
            return MOST_AT_ONCE
        quickest = min([max(rates, default=0.0), *whole])
        return min(MOST_AT_ONCE, max(FEWEST_AT_ONCE, math.ceil(quickest * ANSWER_SECONDS)))


class Budget:
    """The nested budgets of one connector: organisation, login, endpoint class; a class is the organisation's."""

    def __init__(
        self, limits: Mapping[str, float] | Limits, lender: Lender | None = None,
        payer: Payer | None = None, where: str = "",
    ) -> None:  # fmt: skip
        self._limits = limits if isinstance(limits, Limits) else Limits(classes=limits)
        self._lender: Lender = lender or Till()
        self._payer = payer or Payer("")
        self._where = where
        self.at_once = self._limits.at_once

    async def take(self, spends: str) -> None:
        """Wait for one call of an endpoint class; raise SlowDown where that takes too long."""
        rules = self._rules(spends)
        name, lines = (rules[-1].key, self._payer.live), self._lender.lines
        line = lines.get(name)
        if line is None:
            if len(lines) >= _KEPT:
                for old in [key for key, each in lines.items() if not each.busy]:
                    del lines[old]
            line = lines[name] = Line(self._lender, rules, live=self._payer.live)
        await line.take()

    async def refused(self, spends: str, seconds: float) -> None:
        """Tell everybody who shares the endpoint class that the provider asks to wait."""
        rule = self._rules(spends)[-1]
        await self._lender.refuse(rule, seconds)
        for live in (False, True):
            if line := self._lender.lines.get((rule.key, live)):
                line.close()

    def _rules(self, spends: str) -> list[Rule]:
        payer, limits = self._payer, self._limits
        whose = payer.organization or payer.login
        rate = limits.classes[spends]
        top = max(rate, limits.learned.get(spends, 0))
        rules = [self._rule(f"{whose}\x00{spends}", rate, top)]
        if limits.login:
            rules.insert(0, self._rule(f"login\x00{payer.login}", limits.login, limits.login))
        if limits.organization:
            whole = limits.organization
            rules.insert(0, self._rule(f"organization\x00{whose}", whole, whole))
        return rules

    def _rule(self, text: str, rate: float, top: float) -> Rule:
        # The rate is part of the name: a manifest that changes it begins anew.
        return Rule(self._lender.key(f"{self._where}\x00{text}\x00{rate}\x00{top}"), rate, top)


class Line:
    """All who wait in this process for calls of the same budgets, first come, first served."""

    def __init__(self, lender: Lender, rules: Sequence[Rule], *, live: bool) -> None:
        self._lender = lender
        self._rules = rules
        self._live = live
        self._waiting: deque[tuple[float, asyncio.Future[float]]] = deque()
        self._leasing: asyncio.Task[None] | None = None
        self._open_until = float("-inf")
        self._late = LATE

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def close(self) -> None:
        """Let nobody call before a lease says so again."""
        self._open_until = float("-inf")

    async def take(self) -> None:
        """Wait for a call to be leased, and for another where this one came too late to be used.

        Raises TryAgain where they come too late again and again.
        """
        since, lost = time.monotonic(), 0
        while time.monotonic() >= self._open_until:
            waiter: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            self._waiting.append((since, waiter))
            if self._leasing is None or self._leasing.done():
                self._leasing = asyncio.create_task(self._lease())
            usable_until = await waiter
            if time.monotonic() <= usable_until:
                return
            lost += 1
            if lost == _MOST_LOST:
                raise TryAgain("Request budgets were lent too slowly to be used.")

    async def _lease(self) -> None:
        """Lease for all that wait until none does."""
        try:
            while self._wanting():
                asked_at = time.monotonic()
                want = len(self._waiting)
                usable_until = asked_at + self._late
                leased = await self._lender.lease(
                    self._rules, want, live=self._live, late=self._late
                )
                self._learn(time.monotonic() - asked_at)
                if leased.granted and not any(rule.rate for rule in self._rules):
                    self._open_until = asked_at + _UNLIMITED_SECONDS
                for _ in range(min(leased.granted, len(self._waiting))):
                    _, waiter = self._waiting.popleft()
                    if not waiter.done():
                        waiter.set_result(usable_until)
                if not leased.granted:
                    self._send_away(leased)
                    await asyncio.sleep(leased.wait if self._waiting else 0)
        except Exception as failed:  # noqa: BLE001  Each of them learns why nothing was leased.
            while self._waiting:
                _, waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_exception(failed)

    def _learn(self, took: float) -> None:
        """Leave more time to the calls of the next lease where a database far away takes long to lend them."""
        if took > self._late / 2:
            self._late = min(_SLACK * took, LATEST)
        elif _SLACK * took < LATE:
            self._late = LATE

    def _wanting(self) -> bool:
        while self._waiting and self._waiting[0][1].done():  # They gave up.
            self._waiting.popleft()
        return bool(self._waiting)

    def _send_away(self, leased: Leased) -> None:
        """Let those go whose wait would be too long: their worker has something better to do."""
        now = time.monotonic()
        too_long = leased.wait > (SHORT_WAIT_SECONDS if leased.held else PATIENCE_SECONDS)
        until = clock.now() + timedelta(seconds=leased.wait)
        staying = deque[tuple[float, asyncio.Future[float]]]()
        for since, waiter in self._waiting:
            if too_long or now + leased.wait - since > PATIENCE_SECONDS:
                if not waiter.done():
                    waiter.set_exception(SlowDown(until))
            else:
                staying.append((since, waiter))
        self._waiting = staying
