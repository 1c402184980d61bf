"""Ways of asking: from cursor to cursor, where going in circles stops with an error, and for several things at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Coroutine, Iterable
from typing import TypeVar

from milepost.errors import Changed

_Found = TypeVar("_Found")

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


async def together(asked: Iterable[Coroutine[None, None, _Found]]) -> list[_Found]:
    """Ask for several things at once; the first failure stops the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as calls:
            tasks = [calls.create_task(each) for each in asked]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
