"""Cursors: opaque, versioned, signed, and good for one listing of one tenant only."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from milepost import clock
from milepost.errors import BadRequest, Problem
from milepost.store.pool import Database

_VERSION = 1
_MARK_BYTES = 9
_LONGEST = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Page(msgspec.Struct, frozen=True):
    """One page of a listing; without `next` it is the last."""

    results: list[Any]
    next: str | msgspec.UnsetType = msgspec.UNSET


class Bookmarks:
    """Writes and reads the cursors of one listing (its operation) within one scope (a tenant's id).

    A cursor holds the place after which the next page begins, as values of the listing's order. The
    keyed mark makes a cursor of another listing, another tenant or another hand worthless. With `known_at`,
    a cursor goes on reading what was known at the instant for which the first page was read. `anew` says
    how to begin again when the database was put back to an older state, `{}` being what that one reached to.
    """

    def __init__(
        self,
        database: Database,
        listing: str,
        scope: UUID,
        known_at: datetime | None = None,
        anew: str = "start the listing again",
    ) -> None:
        self.known_at = known_at
        self._pepper = database.pepper
        self._epoch = database.epoch
        self._ended = database.ended
        self._anew = anew
        self._about = f"{listing}\x00{scope.hex}"

    def write(self, *place: int | bytes | str) -> str:
        known = [micros(self.known_at)] if self.known_at else []
        content = msgspec.msgpack.encode([_VERSION, self._epoch, *place, *known])
        return base64.urlsafe_b64encode(self._mark(content) + content).decode().rstrip("=")

    def read(self, cursor: str) -> list[Any] | None:
        """Return the place in a cursor, None for the empty one; raise BadRequest for one that is not ours."""
        if not cursor:
            return None
        if len(cursor) > _LONGEST:
            raise _bad("is not a cursor of this listing")
        try:
            padded = cursor.rstrip("=") + "=" * (-len(cursor.rstrip("=")) % 4)
            decoded = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _bad("is not a cursor of this listing") from None
        mark, content = decoded[:_MARK_BYTES], decoded[_MARK_BYTES:]
        if not hmac.compare_digest(mark, self._mark(content)):
            raise _bad("is not a cursor of this listing")
        place: list[Any]
        version, epoch, *place = msgspec.msgpack.decode(content)
        if version != _VERSION:
            raise _bad("is of another version of Milepost; start the listing again")
        if epoch != self._epoch:
            raise _bad(self._left_behind(epoch))
        if self.known_at is not None:
            self.known_at = from_micros(place.pop())
        return place

    def _left_behind(self, epoch: str) -> str:
        since = self._ended.get(epoch)
        if since is None:
            return "is of another installation; start the listing again"
        told = clock.iso(since)
        return f"is from before the data was restored to its state of {told}; {self._anew.format(told)}"

    def _mark(self, content: bytes) -> bytes:
        return self._pepper.digest(f"cursor\x00{self._about}\x00{content.hex()}")[:_MARK_BYTES]


def micros(instant: datetime) -> int:
    """Microseconds since 1970: the database's own resolution."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def cut(rows: Sequence[Any], limit: int) -> tuple[Sequence[Any], Any | None]:
    """Split rows that were read one beyond `limit` into the page and, where more follow, its last row."""
    page = rows[:limit]
    return page, page[-1] if len(rows) > limit else None


def _bad(message: str) -> BadRequest:
    return BadRequest("Invalid request parameters", [Problem(message, "{requestQuery}.cursor")])
