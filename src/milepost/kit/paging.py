"""Guards a walk from cursor to cursor: one that would go in circles stops with an error."""

from __future__ import annotations

import hashlib
from collections import deque

from milepost.errors import Changed

# So many cursors are compared with at once; a longer circle is found too, at the latest in its second round.
_RECENT = 4096


class LoopGuard:
    """Sees every cursor of one walk, and keeps a bounded number of them however long the walk is.

    A circle among the last 4,096 pages stops at the first cursor that comes again. For longer ones the
    cursor at each power of two is kept until the next (Brent's algorithm), so that any circle is found.
    """

    def __init__(self, provider: str, start: str | None = None) -> None:
        self._provider = provider
        self._recent: deque[bytes] = deque(maxlen=_RECENT)
        self._known: set[bytes] = set()
        self._steps = 0
        self._milestone = b""
        if start:
            self._remember(_short(start))

    def passed(self, cursor: str) -> str:
        """Take the cursor of the next page and return it; raise Changed when it was there before."""
        short = _short(cursor)
        if short in self._known or short == self._milestone:
            raise Changed(
                f"{self._provider} gave the same cursor twice: the listing goes in circles."
            )
        self._remember(short)
        return cursor

    def _remember(self, short: bytes) -> None:
        if len(self._recent) == _RECENT:
            self._known.discard(self._recent[0])
        self._recent.append(short)
        self._known.add(short)
        self._steps += 1
        if self._steps & (self._steps - 1) == 0:
            self._milestone = short


def _short(cursor: str) -> bytes:
    return hashlib.blake2b(cursor.encode(), digest_size=12).digest()
