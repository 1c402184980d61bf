"""The simulated vendor's vehicle stats: snapshot, feed and history.

History walks the vehicle axis inside a fixed window; the feed walks it inside what came in since the
cursor. A page holds whole vehicles as long as they fit into `READINGS_A_PAGE`, so pages are often short;
only a vehicle that alone exceeds a page is continued on the next one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import VehicleCard, Window, World
from milepost.providers.samsara.sim_dialect import (
    EPOCH,
    MILLISECOND,
    MOST_RECORDS,
    Declined,
    Place,
    external_ids,
    instant,
    milliseconds,
    read_cursor,
    read_instant,
    read_limit,
    read_list,
    spell_millisecond,
    spell_second,
    vehicles_wanted,
    write_cursor,
)
from milepost.providers.samsara.sim_readings import (
    KNOWN_TYPES,
    PIECE,
    SINGULAR,
    Piece,
    instants,
    show_latest,
    show_series,
    write_piece,
)

READINGS_A_PAGE = 5_000  # A guess: the vendor does not say; some 0.8 MB of positions.
_MOST_TYPES = 4  # Documented are 3; live, a fourth is answered and a fifth refused.
_MOST_DECORATIONS = 2

Windows = Callable[[VehicleCard], list[Window]]


def show_snapshot(
    request: SimRequest, world: World, now: datetime, conditions: Conditions
) -> bytes:
    """Show the last known values as objects under singular keys, to the second."""
    types, at = _types(request), read_instant(request, "time", now)
    place = read_cursor(request, now)
    known = instant(place.known_ms) if place else now
    size = conditions.page_records or MOST_RECORDS
    records: list[dict[str, Any]] = []
    for vehicle in vehicles_wanted(request, world):
        if place and vehicle.id < place.subject:
            continue
        values = {
            SINGULAR.get(kind, kind): value
            for kind in types
            if (value := show_latest(world, vehicle, kind, min(at, known), spell_second))
        }
        if values and len(records) == size:
            cursor = write_cursor(Place(milliseconds(known), subject=vehicle.id), request)
            return _answer(records, cursor, more=True)
        if values:
            records.append(_head(vehicle) | values)
    return _answer(records, "", more=False)


def show_history(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """Show the readings of [startTime, endTime) by the time of reading."""
    types, decorations = _types(request), _decorations(request)
    start, end = read_instant(request, "startTime"), read_instant(request, "endTime")
    if start > end:
        raise Declined(400, "startTime must be before endTime")
    place = read_cursor(request, now) or Place(milliseconds(now))
    known = instant(place.known_ms)

    def windows(vehicle: VehicleCard) -> list[Window]:
        return world.held(vehicle.id, start, end, known)

    walk = Walk(request, world, types, decorations, conditions, windows)
    records, after = walk.page(place, read_limit(request))
    return _answer(records, write_cursor(after, request) if after else "", more=after is not None)


def show_feed(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """Show the last value of every vehicle, then whatever came in since the cursor.

    The cursor is good for the next call also where there is no next page yet.
    """
    types, decorations = _types(request), _decorations(request)
    place = read_cursor(request, now)
    until = now.replace(microsecond=now.microsecond // 1000 * 1000) + MILLISECOND
    if place is None or place.opening:
        place = place or Place(milliseconds(until), opening=True)
        records, after = _open(request, world, types, decorations, conditions, place)
        caught_up = Place(place.known_ms, since_ms=place.known_ms)
        return _answer(records, write_cursor(after or caught_up, request), more=after is not None)
    if not place.subject:
        known = max(milliseconds(until), place.since_ms)
        place = Place(known, since_ms=place.since_ms)
    since, known_until = instant(place.since_ms), instant(place.known_ms)

    def windows(vehicle: VehicleCard) -> list[Window]:
        return world.came_in(vehicle.id, since, known_until)

    walk = Walk(request, world, types, decorations, conditions, windows)
    records, after = walk.page(place, MOST_RECORDS)
    caught_up = Place(place.known_ms, since_ms=place.known_ms)
    return _answer(records, write_cursor(after or caught_up, request), more=after is not None)


class Walk:
    """One pass over the vehicles; every page begins at a `Place` and ends at one, or at the end."""

    def __init__(
        self,
        request: SimRequest,
        world: World,
        types: list[str],
        decorations: tuple[str, ...],
        conditions: Conditions,
        windows: Windows,
    ) -> None:
        self._request = request
        self._world = world
        self._types = types
        self._decorations = decorations
        self._shelf = conditions.shelf
        self._room = conditions.page_readings or READINGS_A_PAGE
        self._most = conditions.page_records or MOST_RECORDS
        self._windows = windows

    def page(self, place: Place, limit: int) -> tuple[list[dict[str, Any]], Place | None]:
        """Return the records of one page, and the place of the next, if there is one."""
        records: list[dict[str, Any]] = []
        room = self._room
        for vehicle in vehicles_wanted(self._request, self._world):
            if vehicle.id < place.subject:
                continue
            here = place if vehicle.id == place.subject else Place(0)
            drawn, rest = self._draw(vehicle, here, room, alone=not records)
            count = sum(piece.count for _, piece in drawn)
            if not count and rest is None:
                continue
            full = len(records) == min(limit, self._most)
            if records and (full or rest is not None):
                return records, self._at(place, vehicle, here)
            records.append(_head(vehicle) | self._join(drawn))
            room -= count
            if rest is not None:
                return records, self._at(place, vehicle, rest)
        return records, None

    def measure(self, vehicle: VehicleCard) -> int:
        """Draw everything there is of a vehicle; return how many readings."""
        drawn, _ = self._draw(vehicle, Place(0), sys.maxsize, alone=True)
        return sum(piece.count for _, piece in drawn)

    def _draw(
        self, vehicle: VehicleCard, here: Place, room: int, *, alone: bool
    ) -> tuple[list[tuple[str, Piece]], Place | None]:
        """Draw a vehicle's readings from a place on; say where the rest begins if they do not fit.

        Only one that is alone on its page is cut; another waits whole for the next page.
        """
        drawn: list[tuple[str, Piece]] = []
        for number in range(here.series, len(self._types)):
            kind = self._types[number]
            begins = here.from_ms if number == here.series else None
            for start, end in _pieces(self._windows(vehicle), begins):
                piece = self._piece(vehicle, kind, start, end)
                if piece.count > room and not alone:
                    return [], here
                if piece.count > room:
                    taken = instants(self._world, vehicle, kind, start, end)
                    cut = taken[room]
                    if room:
                        drawn.append((kind, self._piece(vehicle, kind, start, cut)))
                    return drawn, Place(0, series=number, from_ms=milliseconds(cut))
                if piece.count:
                    drawn.append((kind, piece))
                    room -= piece.count
        return drawn, None

    def _piece(self, vehicle: VehicleCard, kind: str, start: datetime, end: datetime) -> Piece:
        key = (vehicle.id, kind, self._decorations, start)
        whole = self._shelf is not None and end - start == PIECE and start == _hour(start)
        if self._shelf is not None and whole:
            kept: Piece | None = self._shelf.get(key)
            if kept is not None:
                return kept
        piece = write_piece(show_series(self._world, vehicle, kind, self._decorations, start, end))
        if self._shelf is not None and whole:
            self._shelf[key] = piece
        return piece

    def _at(self, place: Place, vehicle: VehicleCard, here: Place) -> Place:
        return msgspec.structs.replace(
            place, subject=vehicle.id, series=here.series, from_ms=here.from_ms
        )

    def _join(self, drawn: list[tuple[str, Piece]]) -> dict[str, msgspec.Raw]:
        joined: dict[str, list[bytes]] = {}
        for kind, piece in drawn:
            joined.setdefault(kind, []).append(piece.json)
        return {kind: msgspec.Raw(b"[" + b",".join(p) + b"]") for kind, p in joined.items()}


def _open(
    request: SimRequest,
    world: World,
    types: list[str],
    decorations: tuple[str, ...],
    conditions: Conditions,
    place: Place,
) -> tuple[list[dict[str, Any]], Place | None]:
    records: list[dict[str, Any]] = []
    size = conditions.page_records or MOST_RECORDS
    at = instant(place.known_ms) - MILLISECOND
    for vehicle in vehicles_wanted(request, world):
        if vehicle.id < place.subject:
            continue
        values = {
            kind: [value]
            for kind in types
            if (value := show_latest(world, vehicle, kind, at, spell_millisecond, decorations))
        }
        if values and len(records) == size:
            return records, msgspec.structs.replace(place, subject=vehicle.id)
        if values:
            records.append(_head(vehicle) | values)
    return records, None


def _pieces(windows: list[Window], begins_ms: int | None) -> Iterator[Window]:
    """Cut windows at full hours, so that whole hours can be kept written ahead."""
    begins = instant(begins_ms) if begins_ms is not None else None
    for opened, closes in windows:
        start = max(opened, begins) if begins else opened
        while start < closes:
            end = min(_hour(start) + PIECE, closes)
            yield start, end
            start = end


def _hour(at: datetime) -> datetime:
    return at - (at - EPOCH) % timedelta(hours=1)


def _types(request: SimRequest) -> list[str]:
    types = list(dict.fromkeys(read_list(request, "types")))
    if not types:
        raise Declined(400, "Missing required parameter: types")
    if unknown := [kind for kind in types if kind not in KNOWN_TYPES]:
        raise Declined(400, f"Invalid stat type(s): {', '.join(unknown)}")
    # The auxiliary inputs 3 to 10 count as one type together.
    expander = {f"auxInput{number}" for number in range(3, 11)}
    if len([k for k in types if k not in expander]) + bool(expander & set(types)) > _MOST_TYPES:
        raise Declined(400, f"Vehicle stats are currently restricted to {_MOST_TYPES} types.")
    return types


def _decorations(request: SimRequest) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(read_list(request, "decorations")))
    if unknown := [kind for kind in kinds if kind not in KNOWN_TYPES]:
        raise Declined(400, f"Invalid stat type(s): {', '.join(unknown)}")
    if len(kinds) > _MOST_DECORATIONS:
        raise Declined(400, f"Decorations are restricted to {_MOST_DECORATIONS} types.")
    return kinds


def _head(vehicle: VehicleCard) -> dict[str, Any]:
    head: dict[str, Any] = {"id": vehicle.id, "name": vehicle.name}
    if ids := external_ids(vehicle):
        head["externalIds"] = ids
    return head


def _answer(records: list[dict[str, Any]], cursor: str, *, more: bool) -> bytes:
    return msgspec.json.encode(
        {"data": records, "pagination": {"endCursor": cursor, "hasNextPage": more}}
    )
