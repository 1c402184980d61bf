"""What a provider's simulator is asked, what it answers, and what goes wrong with it.

Each provider's `sim` module speaks one vendor's dialect over the same `kit.world.World`. It is pure:
request, world and instant in, answer out.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from milepost.kit.grants import Grants


class SimRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the vendor's server would see it; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def argument(self, name: str) -> str | None:
        """Return the last value of a query parameter, or None."""
        values = self.query.get(name)
        return values[-1] if values else None


class SimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: bytes
    headers: Mapping[str, str] = {}


Mishap = Literal[
    "throttled",  # the vendor's “too many requests”, whatever the real rate
    "broken",  # an internal error with a JSON body
    "broken_text",  # an internal error with a plain-text body
    "token_revoked",
    "token_expired",  # the access token of the request is no longer good; others are
    "no_grace",  # a refresh token that was used once ends the grant, whatever became of the answer
    "other_account",  # the login opens another account than the usual one
    "scope_revoked",
    "feature_missing",  # the account does not have this feature, whoever asks
    "cursor_repeated",  # the answer's cursor is the one it was asked with
    "cursor_lost",  # a cursor is no longer known
    "bad_record",  # one record lacks something essential
    "unknown_field",  # the vendor has added a field
    "unknown_value",  # an enum has a value that is in no document
    "failed_inside",  # an error inside an answer whose status is 200
    "rows_repeated",  # rows of the page before come once more
    "rows_reordered",  # a page's rows come the other way round
    "row_withdrawn",  # the first row of every list is gone, so that later pages move up
    "list_cut_short",  # a list stops before its end without saying so
    "clock_ahead",  # one record is dated three days in the future
]
"""What a simulator can be told to do wrong in its own dialect; what a dialect cannot do wrong it does right."""


class Throttle:
    """Token buckets: `rate` requests a second by key, with a burst of one second's worth."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, rate: float, now: datetime) -> float:
        """Spend one request; return 0, or the seconds until one is free (and then spend nothing)."""
        at = now.timestamp()
        burst = max(rate, 1.0)
        level, seen = self._buckets.get(key, (burst, at))
        level = min(burst, level + max(0.0, at - seen) * rate)
        if level < 1:
            self._buckets[key] = (level, at)
            return (1 - level) / rate
        self._buckets[key] = (level - 1, at)
        return 0.0


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one request besides the world.

    No throttle switches the vendor's limits off. `page_readings` and `page_records` bound a page
    (None: the vendor's own measure); answers must be the same set whatever they are. On the shelf a
    simulator may keep what it has written and what can no longer change; None: it keeps nothing.
    `retry_after` is what a "throttled" answer asks to wait, in seconds (None: the vendor's own). `grants`
    is the vendor's authorization server; None: it has none.
    """

    throttle: Throttle | None = None
    mishaps: frozenset[Mishap] = frozenset()
    page_readings: int | None = None
    page_records: int | None = None
    retry_after: float | None = None
    shelf: MutableMapping[Any, Any] | None = None
    grants: Grants | None = None
