"""Judges whether positions and odometer readings can be true; what cannot be is set aside, never dropped unsaid. Pure.

Time heals: what two neighbours agree on is believed, however far it is from what was known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from milepost.kit.contract import Cut, Record, Reject
from milepost.models.location import Fix
from milepost.models.stats import StatReading

# A connector lets a day pass, for time zones that it may mistake; clocks that are set run minutes ahead at most.
AHEAD = timedelta(minutes=10)

# Nobody parks in the Gulf of Guinea: receivers without a fix say 0, 0. A thousandth of a degree is 110 m.
_NULL_ISLAND = 0.001

# Faster than any aeroplane that carries lorries, and farther than a fix is ever off by.
_FASTEST_KMH, _NEAREST_KM = 1_200.0, 200.0
# So many degrees of latitude are less than the nearest jump: most steps need no more than this comparison.
_NEAR_DEGREES = 0.9

# What two readings of one odometer may differ by for want of digits, and the fastest that one may rise.
_ODOMETER_SLACK_KM, _ODOMETER_KMH, _ODOMETER_RISE_KM = 1.0, 250.0, 300.0

_EARTH_KM = 6_371.0

T = TypeVar("T")

Doubts = dict[int, str]
"""Why a record is not believed, by its place among the others."""


class Place(msgspec.Struct, frozen=True):
    """Where a vehicle was last, as far as is stored."""

    located_at: datetime
    latitude: float
    longitude: float


Where = Fix | Place


def sane(cuts: Iterable[Cut], now: datetime, stored: Mapping[str, Place]) -> list[Cut]:
    """Move records of series that cannot be true to the rejects of their cuts.

    `stored` says by the vehicle's id at the source where it was before these cuts; it may be empty.
    """
    return [_sane(cut, now, stored.get(cut.subject or "")) for cut in cuts]


def _sane(cut: Cut, now: datetime, known: Place | None) -> Cut:
    if _smooth(cut.records, now + AHEAD, known):
        return cut
    doubts: Doubts = {}
    fixes = [(n, r) for n, r in enumerate(cut.records) if type(r) is Fix]
    if fixes:
        _judge_fixes(fixes, now + AHEAD, known, doubts)
    if len(fixes) < len(cut.records):
        readings = [(n, r) for n, r in enumerate(cut.records) if type(r) is StatReading]
        _judge_readings(readings, now + AHEAD, doubts)
    return _without(cut, doubts) if doubts else cut


def _smooth(records: Sequence[Record], latest: datetime, known: Place | None) -> bool:
    """Say that all of these are positions of one road, in the order of time; some 0.2 µs each."""
    last: Where | None = known
    for each in records:
        if type(each) is not Fix:
            return False
        latitude, longitude, at = each.latitude, each.longitude, each.located_at
        if last is not None and (
            at < last.located_at
            or not -_NEAR_DEGREES < latitude - last.latitude < _NEAR_DEGREES
            or not -_NEAR_DEGREES < longitude - last.longitude < _NEAR_DEGREES
        ):
            return False
        if -_NULL_ISLAND < latitude < _NULL_ISLAND and -_NULL_ISLAND < longitude < _NULL_ISLAND:
            return False
        last = each
    return last is None or last.located_at <= latest


def _judge_fixes(
    fixes: Sequence[tuple[int, Fix]], latest: datetime, known: Place | None, doubts: Doubts
) -> None:
    good: list[tuple[int, Fix]] = []
    for number, fix in fixes:
        if fix.located_at > latest:
            doubts[number] = "the position is dated in the future"
        elif abs(fix.latitude) < _NULL_ISLAND and abs(fix.longitude) < _NULL_ISLAND:
            doubts[number] = "the position is 0, 0"
        else:
            good.append((number, fix))
    if not good:
        return
    good.sort(key=lambda pair: pair[1].located_at)
    before = known if known is not None and known.located_at <= good[0][1].located_at else None
    for place in outliers([fix for _, fix in good], before):
        doubts[good[place][0]] = "the position is too far from the others to be reached"


def _judge_readings(
    readings: Sequence[tuple[int, StatReading]], latest: datetime, doubts: Doubts
) -> None:
    odometer: list[tuple[int, StatReading]] = []
    for number, reading in readings:
        if reading.at > latest:
            doubts[number] = "the reading is dated in the future"
        elif reading.type == "odometer":
            odometer.append((number, reading))
    odometer.sort(key=lambda pair: pair[1].at)
    for place in _walk([reading for _, reading in odometer], _counts_on, None):
        doubts[odometer[place][0]] = "the odometer falls or leaps"


def outliers(places: Sequence[Where], before: Where | None) -> list[int]:
    """Return the numbers of places, in the order of time, that could not be reached from their neighbours."""
    return _walk(places, reachable, before)


def _walk(items: Sequence[T], follows: Callable[[T, T], bool], before: T | None) -> list[int]:
    """Return the numbers of items that do not follow from the last one believed.

    One that does not is in doubt until the next one agrees with it: then both are believed, and what they
    contradict, if nobody else had agreed with it, is not.
    """
    last, doubt = before, None
    lonely: int | None = None  # The one believed so far, while nobody has agreed with it.
    out: list[int] = []
    doubted = -1
    for number, item in enumerate(items):
        if last is None or follows(last, item):
            if doubt is not None:
                out.append(doubted)
                doubt = None
            lonely = number if last is None else None
            last = item
        elif doubt is not None and follows(doubt, item):
            if lonely is not None:
                out.append(lonely)
            last, doubt, lonely = item, None, None
        else:
            if doubt is not None:
                out.append(doubted)
            doubt, doubted = item, number
    if doubt is not None:
        out.append(doubted)
    return out


def reachable(one: Where, other: Where) -> bool:
    """Say whether a vehicle can have been at both places."""
    if (
        abs(one.latitude - other.latitude) < _NEAR_DEGREES
        and abs(one.longitude - other.longitude) < _NEAR_DEGREES
    ):
        return True
    hours = abs((other.located_at - one.located_at).total_seconds()) / 3600
    return kilometres(one, other) <= max(_NEAREST_KM, hours * _FASTEST_KMH)


def kilometres(one: Where, other: Where) -> float:
    """Return the length of the great circle between two places."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    along = math.radians(other.longitude - one.longitude)
    chord = (
        math.sin((south - north) / 2) ** 2
        + math.cos(north) * math.cos(south) * math.sin(along / 2) ** 2
    )
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(chord)))


def _counts_on(one: StatReading, other: StatReading) -> bool:
    hours = (other.at - one.at).total_seconds() / 3600
    risen = other.value - one.value
    return -_ODOMETER_SLACK_KM <= risen <= _ODOMETER_RISE_KM + hours * _ODOMETER_KMH


def _without(cut: Cut, doubts: Doubts) -> Cut:
    numbers = cut.ordinals if cut.ordinals is not None else range(len(cut.records))
    pairs = list(zip(cut.records, numbers, strict=True))
    left = [pair for place, pair in enumerate(pairs) if place not in doubts]
    rejects = [Reject(why, pairs[place][1]) for place, why in sorted(doubts.items())]
    records: list[Record] = [record for record, _ in left]
    return msgspec.structs.replace(
        cut, records=records, ordinals=[n for _, n in left], rejects=[*cut.rejects, *rejects]
    )
