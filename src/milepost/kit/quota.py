"""The arithmetic of request budgets: pure, with every instant handed in. `store/sql/quota.sql` says the same in SQL.

A provider counts calls in windows. A budget remembers when each of its last calls was granted, and grants
another only where no window could then hold more than the rate allows. A granted call must be sent within
`LATE`, or within what the caller says that it takes; grants are kept for longer than the window by that much,
so that calls which are late cannot crowd a window either. Seconds are those of one clock that all who share the budget read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

# From the grant to the request on its way: a busy loop takes some 10 ms, a database away some more.
LATE = 0.05
# Requests do not take equally long to get there. Together this costs 6.5 % of a rate of whole calls a second.
JITTER = 0.02
# Vendors count so fast a pace by the second: between whole numbers the lower one holds, lest bursts fit a second.
WHOLE = 5
# A slot that is free is not run after one by one: a fortieth of a second's worth is waited for together.
BATCH = 40
# Nobody is told to ask again sooner, nor exactly when a slot opens: rounding might find it closed.
SOONEST = 0.001
# Of two kinds of callers, live and bulk, each leaves this part to the other, if that called so lately.
SHARE = 10
LATELY = 10.0
# A refusal takes the pace down to this part of it, once a second at most and never below a twentieth of the
# rate; then it rises with the cube of the minutes, slowly at first, so that a ceiling lower than documented
# is touched about once in six minutes, and a storm that passed is forgotten in a quarter of an hour. In ten
# minutes below an unknown ceiling of 5 to 20 a second 92 % of it are used and one call in 3,000 is refused; a
# cut to 0.85 leaves 83 to 93 %.
CUT, FLOOR, REGAIN = 0.95, 0.05, 0.0002
# What is not documented is found out: a budget of which so much is used grows by this a second, until it is
# refused for the first time.
FULL, GROWTH = 0.8, 0.05


class Rule(msgspec.Struct, frozen=True):
    """One budget: calls a second as documented (0: unlimited), and how high the pace may be taken by use."""

    key: bytes
    rate: float
    top: float


class State(msgspec.Struct):
    """What is remembered of a budget, in seconds of the shared clock; `taken` rises."""

    base: float
    taken: list[float] = []
    held_until: float = float("-inf")
    refused_at: float | None = None
    live_at: float = float("-inf")
    bulk_at: float = float("-inf")


class Leased(msgspec.Struct, frozen=True):
    """How many calls may be sent in time; where none, in how many seconds to ask again.

    `held` says that the provider itself asked to wait.
    """

    granted: int
    wait: float = 0.0
    held: bool = False


def pace(rule: Rule, state: State, now: float) -> float:
    """Return the calls a second that the budget allows now."""
    if state.refused_at is None:
        return min(rule.top, state.base)
    regained: float = rule.rate * REGAIN * ((now - state.refused_at) / 60) ** 3
    return min(rule.top, state.base + regained)


def lease(
    rules: Sequence[Rule],
    states: Sequence[State],
    now: float,
    want: int,
    *,
    live: bool,
    late: float = LATE,
) -> Leased:
    """Grant up to `want` calls that each spend one of every budget given, and note them in the states."""
    granted, wait, held = want, 0.0, False
    kept: list[list[float]] = []
    for rule, state in zip(rules, states, strict=True):
        other = state.bulk_at if live else state.live_at
        if now < state.held_until:
            granted, held = 0, True
            wait = max(wait, state.held_until - now)
        if not rule.rate:
            kept.append([])
            continue
        allowed = pace(rule, state, now)
        calls = max(1, math.floor(allowed))
        span = (1.0 if allowed >= WHOLE else calls / allowed) + late + JITTER
        left = [at for at in state.taken if at > now - span]
        room = calls - (calls // SHARE if now - other < LATELY else 0)
        kept.append(left)
        free = max(0, room - len(left))
        granted = min(granted, free)
        if not free:
            awaited = len(left) - room + min(want, max(1, calls // BATCH))
            wait = max(wait, left[min(awaited, len(left)) - 1] + span - now)
    for rule, state, left in zip(rules, states, kept, strict=True):
        if live:
            state.live_at = now
        else:
            state.bulk_at = now
        state.taken = left + [now] * granted if rule.rate else []
        if rule.rate and state.refused_at is None and len(left) + granted >= FULL * state.base:
            state.base = min(rule.top, state.base + granted * GROWTH)
    return leased(granted, wait, held=held)


def leased(granted: int, wait: float, *, held: bool) -> Leased:
    """Say what came of a lease."""
    return Leased(granted) if granted else Leased(0, wait + SOONEST, held)


def refuse(rule: Rule, state: State, now: float, seconds: float) -> None:
    """Take in that the provider refused a call and asks to wait so long: hold the budget, and slow it down."""
    state.held_until = max(state.held_until, now + seconds)
    if rule.rate and (state.refused_at is None or now - state.refused_at >= 1):
        state.base = max(rule.rate * FLOOR, CUT * pace(rule, state, now))
        state.refused_at = now
