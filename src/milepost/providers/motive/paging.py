"""Follows Motive's numbered pages, and takes every row out of its one-key wrapper.

Lists are double wrapped, `{"vehicles": [{"vehicle": {…}}], "pagination": {…}}` (README, trap 1). Pages
are numbered, so that rows move under a reader. One that was pushed down comes again, and is merged into
itself; one that moved up, since a row before it went, would be missed: the pages before are read again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from math import ceil

import msgspec
from msgspec import Raw

from milepost.errors import Changed, CursorLost, TryAgain
from milepost.ids import content_hash
from milepost.kit.contract import Cut, Page
from milepost.kit.paging import LoopGuard
from milepost.kit.salvage import UNREADABLE, refuse_strange_page, whole
from milepost.providers.motive.shapes import Pagination

Ask = Callable[[int], Awaitable[bytes]]
"""Asks for a page by its number, from 1."""

MOST_STEPS_BACK = 20
"""A list from which rows go faster than they can be read is not whole in the end."""

_page = msgspec.json.Decoder(dict[str, Raw])
_entries = msgspec.json.Decoder(list[Raw] | None)


class Leg(msgspec.Struct, frozen=True):
    """One listing: who is asked, by which names its rows are wrapped, what becomes of each.

    `label` tells it apart in cursors, where several are read one after another.
    """

    ask: Ask
    plural: str
    singular: str
    cut: Callable[[Raw], Cut]
    label: str = ""


class Step(msgspec.Struct, frozen=True):
    """One page of a listing, its rows unwrapped."""

    rows: list[Raw]
    number: int
    last: bool
    total: int | None = None  # of the whole listing, as the page said


async def walk(
    ask: Ask, plural: str, singular: str, number: int = 1, total: int | None = None
) -> AsyncIterator[Step]:
    """Yield the pages of a listing from a number on; `total` is how many rows there were when it was left.

    A page that came before under another number, or says that it is another, means that the listing goes
    in circles: it stops with Changed, since it must never seem complete. So does an empty page before the
    end, with TryAgain. Where the listing has become shorter, the pages before are read again.
    """
    guard, backs = LoopGuard("Motive"), 0
    while True:
        step, said = read_page(await ask(number), plural, singular, number)
        if said is not None and said.page_no != number:
            raise Changed(
                f"Motive was asked for page {number} of {plural} and gave page {said.page_no}: "
                "the listing goes in circles."
            )
        if said is not None and not step.rows and (number - 1) * said.per_page < said.total:
            raise TryAgain(
                f"Motive listed {(number - 1) * said.per_page} of {said.total} {plural}: "
                "the list is not whole."
            )
        gone = (total or 0) - (said.total if said is not None else 0)
        if said is not None and number > 1 and gone > 0:
            backs += 1
            if backs > MOST_STEPS_BACK:
                raise TryAgain(f"Motive's list of {plural} became shorter time and again.")
            # Who was on this page may be on the one before by now.
            guard, total = LoopGuard("Motive"), said.total
            number = max(1, number - ceil(gone / max(1, said.per_page)))
            continue
        total = step.total
        if step.rows:
            guard.passed(content_hash(b"\n".join(bytes(row) for row in step.rows)))
        yield step
        if step.last:
            return
        number += 1


def read_page(
    body: bytes, plural: str, singular: str, number: int = 1
) -> tuple[Step, Pagination | None]:
    """Read a page; without pagination it is the only one. Raises Changed when it is no page."""
    try:
        given = _page.decode(body)
        rows = [unwrap(entry, singular) for entry in _entries.decode(given[plural]) or []]
        said = given.get("pagination")
        pagination = None if said is None else msgspec.json.decode(said, type=Pagination)
    except KeyError:
        raise Changed(f"Motive's answer has no {plural}.") from None
    except UNREADABLE:
        whole(body, dict[str, list[Raw] | Pagination], "Motive")
        raise Changed(f"Motive's answer is no page of {plural}.") from None
    last = (
        pagination is None
        or not rows
        or pagination.page_no * pagination.per_page >= pagination.total
    )
    return Step(rows, number, last, pagination.total if pagination else None), pagination


def unwrap(entry: Raw, singular: str) -> Raw:
    """Take a row out of its wrapper, `{"vehicle": {…}}`; one that has none stays as it is."""
    try:
        return _page.decode(entry).get(singular, entry)
    except UNREADABLE:
        return entry


async def stroll(legs: Sequence[Leg], cursor: str | None) -> AsyncIterator[Page]:
    """Read listings one after another, from a cursor on, and make a page of each of their own.

    The cursor, `label:number:total`, names the next page to ask for, and how many rows there were. Raises CursorLost where it names none of
    the legs. Without legs there is one empty page.
    """
    if not legs:
        yield Page(cuts=[], cursor=None, last=True, asked=False)
        return
    label, number, total = _place(cursor, legs[0].label)
    labels = [leg.label for leg in legs]
    if label not in labels:
        raise CursorLost
    for at in range(labels.index(label), len(legs)):
        leg, final = legs[at], at == len(legs) - 1
        async for step in walk(leg.ask, leg.plural, leg.singular, number, total):
            cuts = [leg.cut(row) for row in step.rows]
            refuse_strange_page(cuts)
            here = f"{label}:{step.number + 1}:{step.total or 0}"
            if step.last and not final:
                here = f"{labels[at + 1]}:1:0"
            done = step.last and final
            yield Page(cuts=cuts, cursor=None if done else here, last=done)
        if not final:
            label, number, total = labels[at + 1], 1, 0


def _place(cursor: str | None, first: str) -> tuple[str, int, int]:
    label, *numbers = (cursor or f"{first}:1:0").split(":")
    if len(numbers) != 2 or not all(each.isascii() and each.isdigit() for each in numbers):
        raise CursorLost
    return label, int(numbers[0]), int(numbers[1])
