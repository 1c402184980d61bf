"""Follows Samsara's listings from page to page, and one listing after another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
from msgspec import Raw

from milepost import clock
from milepost.errors import Changed, CursorLost
from milepost.kit.contract import Cut, Page
from milepost.kit.paging import LoopGuard
from milepost.kit.salvage import refuse_strange_page
from milepost.providers.samsara import mapping, shapes

Ask = Callable[[str | None], Awaitable[bytes]]
"""Asks for a page: the first, or the one after a cursor."""


class Step(msgspec.Struct, frozen=True):
    """One page of a walk; `asked_at` is the instant just before it was asked for."""

    entries: list[Raw]
    cursor: str
    last: bool
    asked_at: datetime


class Walk:
    """Follows a listing from cursor to cursor.

    A walk that would go in circles, or lose its way, stops with Changed: it must never seem complete.
    """

    def __init__(
        self,
        ask: Ask,
        after: str | None,
        read: Callable[[bytes], shapes.Envelope] = mapping.envelope,
    ) -> None:
        self._ask = ask
        self._read = read
        self._after = after
        self._guard = LoopGuard("Samsara", after)
        self._done = False

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> Step:
        if self._done:
            raise StopAsyncIteration
        asked_at = clock.now()
        answer = self._read(await self._ask(self._after))
        cursor = answer.pagination.endCursor or ""
        self._done = not answer.pagination.hasNextPage
        if not self._done:
            if not cursor:
                raise Changed("Samsara says that more pages follow, but gives no cursor to them.")
            self._after = self._guard.passed(cursor)
        return Step(answer.data or [], cursor, self._done, asked_at)


async def stroll(ask: Ask, cut: Callable[[Raw], Cut], cursor: str | None) -> AsyncIterator[Page]:
    """Walk one listing from a cursor on, and make a page of each of its own."""
    async for step in Walk(ask, cursor):
        cuts = [cut(entry) for entry in step.entries]
        refuse_strange_page(cuts)
        yield Page(cuts=cuts, cursor=None if step.last else step.cursor, last=step.last)


class Leg(msgspec.Struct, frozen=True):
    """One of several listings that are read one after another; `label` tells it apart in cursors."""

    label: str
    ask: Ask
    cut: Callable[[Raw], Cut]


async def relay(
    legs: Sequence[Leg],
    cursor: str | None,
    read: Callable[[bytes], shapes.Envelope] = mapping.envelope,
) -> AsyncIterator[Page]:
    """Walk the legs in order; the cursor, `label:…`, says which one it is in.

    Raises CursorLost where a cursor names no leg. Without legs there is one empty page.
    """
    if not legs:
        yield Page(cuts=[], cursor=None, last=True, asked=False)
        return
    label, _, after = (cursor or legs[0].label).partition(":")
    labels = [leg.label for leg in legs]
    if label not in labels:
        raise CursorLost
    for at in range(labels.index(label), len(legs)):
        final = at == len(legs) - 1
        async for step in Walk(legs[at].ask, after or None, read):
            cuts = [legs[at].cut(entry) for entry in step.entries]
            refuse_strange_page(cuts)
            here = f"{labels[at]}:{step.cursor}"
            if step.last:
                here = "" if final else f"{labels[at + 1]}:"
            yield Page(cuts=cuts, cursor=here or None, last=step.last and final)
        after = ""
