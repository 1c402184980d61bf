"""Reads records out of a provider's JSON: what fits is kept, what does not is left out and named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.errors import Changed, TryAgain
from milepost.kit.contract import Cut, Document, Reject
from milepost.models.meta import Instant

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
FIRST_PLAUSIBLE = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # Clocks of devices run ahead; a day covers any mistaken time zone.


class Window(msgspec.Struct, frozen=True):
    """Which record times are wanted, [starts_at, ends_at), and what `now` is for telling the future."""

    now: datetime
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def bounds(self) -> tuple[datetime, datetime]:
        """Return the half-open range that needs no second look."""
        ceiling = self.now + AHEAD
        return (
            max(self.starts_at or FIRST_PLAUSIBLE, FIRST_PLAUSIBLE),
            min(self.ends_at or ceiling, ceiling),
        )

    def verdict(self, time: datetime) -> str | None:
        """Say why a time outside the bounds is bad; None when it is only not wanted here."""
        if time < FIRST_PLAUSIBLE:
            return "time is before the year 2000"
        if time >= self.now + AHEAD:
            return "time is more than a day in the future"
        return None


class Misfit(Reject, frozen=True):
    """A reject whose form is wrong, not its value: a field missing, or of another type.

    `left_out` says that the record was read without the field, and may be one that nobody wanted.
    """

    field: str = ""
    left_out: bool = False


def misfit(error: Exception, at: int = 0, within: str = "") -> Misfit:
    """Say in words what did not fit; msgspec names the field as `$.x` or as a missing `x`."""
    text = str(error)
    found = re.search(r"required field `([^`]+)`|at `\$\.?([^`]*)`", text)
    field = (found[1] or found[2]) if found else within
    reason = text.partition(" - at ")[0]
    return Misfit(reason=f"{field}: {reason}" if field else reason, at=at, field=field)


def entity_cut(
    body: Raw, shape: type[T], schema: str, build: Callable[[T], Document | Reject | None]
) -> Cut:
    """Cut one listed entity out of its page.

    A field that does not fit is left out and named; the entity itself stays as long as its id can be
    read, so that a listing never loses one that the provider still names.
    """
    raw = bytes(body)
    rejects: list[Reject] = []
    given = read(raw, shape, rejects)
    built = None if given is None else build(given)
    if isinstance(built, Reject):
        return Cut(body=raw, schema=schema, records=[], rejects=[*rejects, built])
    return Cut(body=raw, schema=schema, records=[built] if built else [], rejects=rejects)


def read(raw: bytes | Raw, shape: type[T], rejects: list[Reject], at: int = 0) -> T | None:
    """Read one record, without the fields that do not fit, which are added to `rejects`.

    None where a field does not fit that the record cannot do without.
    """
    try:
        return msgspec.json.decode(raw, type=shape)
    except UNREADABLE:
        left_out: list[Reject] = []
        try:
            kept = _salvage(raw, shape, left_out, at)
        except UNREADABLE as error:
            rejects.append(misfit(error, at))
            return None
        rejects += left_out
        return kept


def refuse_strange_page(cuts: list[Cut]) -> None:
    """Raise Changed when nothing of a page could be read because of its form: the format moved on.

    A single entry that does not fit is only a bad record.
    """
    if any(cut.records for cut in cuts):
        return
    misfits = [
        reject
        for cut in cuts
        for reject in cut.rejects
        if isinstance(reject, Misfit) and not reject.left_out
    ]
    if len(misfits) > 1:
        named = sorted({bad.field for bad in misfits if bad.field})
        raise Changed(
            f"None of {len(misfits)} entries of {cuts[0].schema} could be read; "
            f"fields that no longer fit: {', '.join(named) or 'all'}. First: {misfits[0].reason}"
        )


def whole(body: bytes, shape: type[T], name: str) -> T:
    """Read an answer that is one thing; raise Changed when it is not that. `name` is the provider's.

    One that stops in the middle is no other format: it comes whole another time, hence TryAgain.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE as error:
        if body and stops_short(error):
            raise TryAgain(f"{name}'s answer stops in the middle.") from None
        raise Changed(f"{name}'s answer no longer fits: {misfit(error).reason}") from None


def stops_short(error: Exception) -> bool:
    """Say whether JSON could not be read because it was begun and not ended."""
    return "truncated" in str(error)


def text(value: str | None) -> str | UnsetType:
    """Return what was said, or nothing: an empty string says nothing."""
    return clean(value) or UNSET


def instant(value: str | None) -> Instant | UnsetType:
    """Spell a time as the contract does; one that cannot be read, or is the zero of some clock, says nothing."""
    try:
        return moment(clock.parse(value)) if value else UNSET
    except (ValueError, OverflowError):
        return UNSET


def moment(at: datetime | None) -> Instant | UnsetType:
    """Do so with a time that was read already; year 1 and year 9999 may be no time at all in UTC."""
    try:
        return UNSET if at is None or at < FIRST_PLAUSIBLE else clock.iso(at)
    except OverflowError:
        return UNSET


def clean(value: str | None) -> str:
    # No text column of PostgreSQL can hold a NUL.
    return (value or "").replace("\x00", "").strip()


def upper(value: str | None) -> str | UnsetType:
    return clean(value).upper() or UNSET


def model_year(value: str | int | None) -> int | UnsetType:
    written = str(value or "").strip()
    plausible = written.isascii() and written.isdigit() and len(written) == 4 and written > "1900"
    return int(written) if plausible else UNSET


def _salvage(raw: bytes | Raw, shape: type[T], rejects: list[Reject], at: int) -> T:
    """Read what fits, field by field; raise what a required field raises."""
    given = msgspec.json.decode(raw, type=dict[str, Raw])
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):  # type: ignore[arg-type]
        if field.encode_name not in given:
            continue
        try:
            kept[field.name] = msgspec.json.decode(given[field.encode_name], type=field.type)
        except UNREADABLE as error:
            bad = misfit(error)
            if field.required:
                raise msgspec.ValidationError(
                    f"{bad.reason} - at `$.{field.encode_name}`"
                ) from None
            reason = f"{field.encode_name} was left out: {bad.reason}"
            rejects.append(Misfit(reason=reason, at=at, field=field.encode_name, left_out=True))
    return msgspec.convert(kept, shape)
