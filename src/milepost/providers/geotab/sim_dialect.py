"""How the simulated Geotab spells: ids, times, durations, versions, refusals; pure."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from milepost import clock
from milepost.kit.world import Window

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = "2050-01-01T00:00:00.000Z"
_ORDINAL_BITS = 20


class Refused(Exception):
    """An error as the vendor words it, inside an answer of status 200."""

    def __init__(self, type_: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message
        self.retry_after = retry_after


class Search(msgspec.Struct, frozen=True):
    """What a `Get` asked for."""

    type: str
    terms: Mapping[str, Any]
    now: datetime

    @property
    def id(self) -> str | None:
        found = self.terms.get("id")
        return None if found is None else str(found)

    def named(self, term: str) -> str | None:
        """Return the id that `deviceSearch` or the like names."""
        found = self.terms.get(term)
        return str(found["id"]) if isinstance(found, Mapping) and "id" in found else None

    def window(self) -> Window:
        """Return the window asked for, [fromDate, toDate]; open ends reach as far as there is anything."""
        start = self.terms.get("fromDate")
        end = self.terms.get("toDate")
        return (
            instant(start) if start else self.now - timedelta(days=30),
            min(instant(end) if end else self.now, self.now) + MILLISECOND,
        )


def instant(text: Any) -> datetime:
    try:
        return clock.parse(str(text))
    except ValueError:
        raise Refused("ArgumentException", f"{text} is no date.") from None


def spell(moment: datetime) -> str:
    return clock.iso(moment)


def span(length: timedelta) -> str:
    """Spell a duration as a .NET TimeSpan: days only where there are any, seven digits of fraction."""
    total = abs(length)
    hours, rest = divmod(total.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{total.days}." if total.days else ""
    fraction = f".{total.microseconds * 10:07d}" if total.microseconds else ""
    sign = "-" if length < timedelta() else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def geotab_id(world_id: str) -> str:
    """Return the vendor's id of a vehicle, driver, group or trailer of the world: `b` and hexadecimal."""
    return f"b{int(world_id):X}"


def world_id(geotab: str | None) -> str | None:
    """Return the world's id of what the vendor calls so; None where it is no such id."""
    try:
        return str(int(geotab[1:], 16)) if geotab and geotab.startswith("b") else None
    except ValueError:
        return None


def long_id(guid: str) -> str:
    """Return the vendor's form of a GUID: `a` and 22 signs of base64."""
    return "a" + base64.urlsafe_b64encode(uuid.UUID(guid).bytes).decode().rstrip("=")


def row_id(*parts: object) -> str:
    """Return an id that is always the same for the same row."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=7)
    return f"b{digest.hexdigest().upper()}"


def millisecond(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def moment_of(ms: int) -> datetime:
    return EPOCH + ms * MILLISECOND


def write_version(ms: int, ordinal: int) -> str:
    """Write a version: when a row came in, and the how manyth of that millisecond it was."""
    return f"{ms << _ORDINAL_BITS | ordinal:016x}"


def read_version(text: Any) -> tuple[int, int]:
    try:
        number = int(str(text), 16)
    except ValueError:
        raise Refused("ArgumentException", f"{text} is no version.") from None
    return number >> _ORDINAL_BITS, number & ((1 << _ORDINAL_BITS) - 1)


def refusal(refused: Refused, now: datetime) -> bytes:
    """Write an error as the vendor does: with status 200, and its type in three places."""
    handle = hashlib.blake2b(f"{refused.type}{now}".encode(), digest_size=16).hexdigest()
    return msgspec.json.encode(
        {
            "error": {
                "message": refused.message,
                "code": -32000,
                "data": {"id": str(uuid.UUID(handle)), "type": refused.type, "requestIndex": 0},
                "name": "JSONRPCError",
                "errors": [{"message": refused.message, "name": refused.type}],
            },
            "jsonrpc": "2.0",
            "requestIndex": 0,
        }
    )
