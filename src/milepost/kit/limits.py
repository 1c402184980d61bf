"""Request budgets: how many calls a second a credential may spend, shared by its connectors in this process."""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Mapping

_PEPPER = secrets.token_bytes(
    32
)  # A budget is found by a hash that means nothing outside this process.
_KEPT = 1_000


class Bucket:
    """The calls of one endpoint class: never more than `rate` in any window of one second.

    Times are seconds of a monotonic clock that the caller reads. A rate of 0 means unlimited, yet a
    provider's wish to wait is kept all the same.
    """

    def __init__(self, rate: float) -> None:
        calls = max(1, int(rate))
        self._window = calls / rate if rate else 0.0
        self._taken: deque[float] = deque(maxlen=calls if rate else 1)
        self._held_until = float("-inf")

    def opens_at(self, now: float) -> float:
        """Return the instant of the next free call, `now` if there is one."""
        at = max(now, self._held_until)
        if len(self._taken) == self._taken.maxlen:
            at = max(at, self._taken[0] + self._window)
        return at

    def take(self, at: float) -> None:
        """Spend one call at an instant that `opens_at` gave."""
        self._taken.append(at)

    def held(self, now: float) -> float:
        """Return the seconds that the provider still asks to wait."""
        return max(0.0, self._held_until - now)

    def hold(self, until: float) -> None:
        """Let nobody call before `until`: the provider said so to one of us."""
        self._held_until = max(self._held_until, until)

    def rests(self, now: float) -> bool:
        """Say whether the bucket is as good as new."""
        return self.opens_at(now) <= now and (
            not self._taken or self._taken[-1] + self._window <= now
        )


class Budget:
    """The buckets of one credential, by endpoint class."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self._buckets = {name: Bucket(rate) for name, rate in limits.items()}

    def bucket(self, name: str) -> Bucket:
        return self._buckets[name]

    def rests(self, now: float) -> bool:
        return all(bucket.rests(now) for bucket in self._buckets.values())


_budgets: dict[tuple[bytes, tuple[tuple[str, float], ...]], Budget] = {}


def budget(base_url: str, credential: str, limits: Mapping[str, float], now: float) -> Budget:
    """Return the budget of a credential at a host: the same one for everybody in this process."""
    text = f"{base_url}\x00{credential}".encode()
    key = (
        hashlib.blake2b(text, digest_size=16, key=_PEPPER).digest(),
        tuple(sorted(limits.items())),
    )
    found = _budgets.get(key)
    if found is None:
        if len(_budgets) >= _KEPT:
            # A budget at rest equals a new one, so that forgetting it forgets nothing.
            for old in [k for k, kept in _budgets.items() if kept.rests(now)]:
                del _budgets[old]
        found = _budgets[key] = Budget(limits)
    return found
