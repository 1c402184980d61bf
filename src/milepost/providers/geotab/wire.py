"""How Geotab spells things: references, sentinels, durations, versions; pure.

Sources: README, [live] and [types].
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

NOBODY = frozenset(
    {
        "UnknownDriverId", "NoDriverId", "NoUserId", "NoDeviceId", "NoDiagnosticId",
        "NoFailureModeId", "ControllerNoneId",
    }
)  # fmt: skip
"""What stands where a reference names nothing."""

UNSET_UNTIL = datetime(1987, 1, 1, tzinfo=UTC)  # 1986-01-01 and 0001-01-01 mean: never set.
FOREVER = datetime(2049, 1, 1, tzinfo=UTC)  # 2050-01-01 means: without end.

_SPAN = re.compile(r"(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")
_BUILT_IN = re.compile(r"Group[A-Z]\w*Id")


class Entity(msgspec.Struct, frozen=True, gc=False):
    """A reference as an object; other fields of it may come along."""

    id: str


Ref = Entity | str | None
"""A reference as it comes: an object, a sentinel, or the plain id."""


_NO_NUMBER = re.compile(rb'(?<=[:,\[])\s*"?-?(?:NaN|Infinity)"?(?=\s*[,}\]])')


def numbered(body: bytes) -> bytes:
    """Put null where a number should be and none is: the vendor spells it `NaN`, which is no JSON."""
    return _NO_NUMBER.sub(b"null", body)


def ref(given: Ref) -> str | None:
    """Return the id that a reference names, or None where it names nothing."""
    found = given.id if isinstance(given, Entity) else given
    return None if not found or found in NOBODY else found


def span_ms(text: str | None) -> int | None:
    """Read a .NET TimeSpan, `[-][d.]hh:mm:ss[.fffffff]`, in milliseconds; None where it is none."""
    found = _SPAN.fullmatch(text or "")
    if found is None:
        return None
    sign, days, hours, minutes, seconds, fraction = found.groups()
    whole = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    ms = whole * 1000 + (round(int(fraction.ljust(7, "0")) / 10_000) if fraction else 0)
    return -ms if sign else ms


def known(moment: datetime | None) -> datetime | None:
    """Return a time, or None where it stands for none: the dialect has years 1 and 1986 for that."""
    return None if moment is None or moment < UNSET_UNTIL else moment


def built_in(group: str) -> bool:
    """Say whether a group is one of Geotab's own, which sort and permit; the company's root is not."""
    return group != "GroupCompanyId" and bool(_BUILT_IN.fullmatch(group))
