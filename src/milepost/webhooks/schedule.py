"""When a delivery that failed is tried again: at growing distances, over three days."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

# After the first failure, the second, and so on; in all 71.7 hours.
RETRIES = [
    timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10),
    timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2), timedelta(hours=4),
    timedelta(hours=8), timedelta(hours=12), timedelta(hours=20), timedelta(hours=24),
]  # fmt: skip
# An endpoint that has taken nothing for so long is disabled.
PATIENCE = timedelta(days=5)

_JITTER = 0.1
_LONGEST_WISH = timedelta(hours=24)


def next_attempt(
    failures: int, now: datetime, wished: timedelta | None, scale: float = 1.0
) -> datetime | None:
    """Return when to try again after so many failures; None when it is not tried again.

    A receiver's `Retry-After` is obeyed, up to a day; it makes the wait longer, never shorter. `scale`
    shortens the distances, for whoever tries things out.
    """
    if failures > len(RETRIES):
        return None
    distance = RETRIES[failures - 1] * scale * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  Jitter.
    if wished is not None:
        distance = max(distance, min(wished, _LONGEST_WISH))
    return now + distance
