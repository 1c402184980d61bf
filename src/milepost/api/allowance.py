"""What one process may still admit of one subject, out of what it leased of the limit that all share. Pure."""

from __future__ import annotations

# A lease is a tenth of a second's worth, and up to a second's worth for who spends it quickly.
_LEAST_SHARE = 0.1
# What is spent sooner than this was too little; the next lease is twice as large.
_QUICK_SECONDS = 0.5
# After so long only the least lease may be left: what is hoarded is what a burst exceeds the limit by.
_KEPT_SECONDS = 1.0


class Allowance:
    """Spends leases. Times are seconds of a monotonic clock that the caller reads.

    However many processes lease, they admit in any stretch of `t` seconds at most `rate * (t + 2)`
    requests and the least lease of each: a second's worth may have been saved in the shared bucket, a
    second's worth may have been leased just before, and the rest of old leases is never more than the least.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.least = max(1, int(rate * _LEAST_SHARE))
        self._wish = self.least
        self._left = 0
        self._leased_at = float("-inf")
        self._shut_until = float("-inf")

    def spend(self, now: float) -> float | None:
        """Spend one request: 0 when it is admitted, else the seconds to wait; None when a lease is needed."""
        if now < self._shut_until:
            return self._shut_until - now
        if now >= self._leased_at + _KEPT_SECONDS:
            self._left = min(self._left, self.least)
        if self._left == 0:
            return None
        self._left -= 1
        return 0.0

    def wish(self, now: float) -> int:
        """Say how much to ask for: more when the last lease was spent quickly, at most a second's worth."""
        if now < self._leased_at + _QUICK_SECONDS:
            self._wish = min(self._wish * 2, max(1, int(self.rate)))
        else:
            self._wish = self.least
        return self._wish

    def leased(self, now: float, granted: int, wait: float) -> None:
        """Take what was granted; where it is nothing, refuse for `wait` seconds without asking again."""
        if granted:
            self._left, self._leased_at = granted, now
        else:
            # A wait that has just passed still passes time, so that no caller asks in a circle.
            self._shut_until = now + max(wait, 0.001)
