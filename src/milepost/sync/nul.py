"""Sets aside records with a NUL in them, which no text of PostgreSQL can hold; one would fail its page for ever. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from milepost.kit.contract import Cut, Record, Reject

REASON = "a NUL character, which no text can hold"

# As JSON writes it. Behind a backslash that is one itself, the same letters are a text.
_ESCAPED = b"\\u0000"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def without_nul(cuts: Iterable[Cut]) -> list[Cut]:
    """Move records that hold a NUL to the rejects of their cuts; whatever comes as JSON has it there escaped."""
    return [_without(cut) if _ESCAPED in cut.body else cut for cut in cuts]


def _without(cut: Cut) -> Cut:
    numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
    kept: list[tuple[Record, int]] = []
    rejects: list[Reject] = []
    for record, number in zip(cut.records, numbers, strict=True):
        if _NUL.search(msgspec.json.encode(record)):
            rejects.append(Reject(REASON, number))
        else:
            kept.append((record, number))
    return msgspec.structs.replace(
        cut,
        records=[record for record, _ in kept],
        ordinals=[number for _, number in kept],
        rejects=[*cut.rejects, *rejects],
    )
