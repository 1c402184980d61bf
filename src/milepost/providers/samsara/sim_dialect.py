"""How the simulated vendor spells times, cursors and refusals, and how it reads parameters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from milepost import clock
from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import DriverCard, VehicleCard, World

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MOST_RECORDS = 512  # the vendor's highest `limit` on listings; 513 is refused
_CURSOR_LIFE = timedelta(days=30)

T = TypeVar("T")


class Declined(Exception):
    """The vendor answers with an error status and this message, on its oldest endpoints as plain text."""

    def __init__(self, status: int, message: str, *, plain: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.plain = plain


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a walk stands; the whole state of it, so that the simulator keeps none.

    `known_ms` fixes what is seen during the walk, in ms since 1970. A feed that is caught up has no
    `subject`; its next walk covers what came in since `since_ms`.
    """

    known_ms: int
    subject: str = ""
    series: int = 0
    from_ms: int | None = None
    since_ms: int = 0
    opening: bool = False


def milliseconds(instant: datetime) -> int:
    return (instant - EPOCH) // MILLISECOND


def instant(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def spell_millisecond(at: datetime) -> str:
    """Spell an instant as feed and history do, `2026-01-01T12:00:05.100Z`."""
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"


def spell_second(at: datetime) -> str:
    """Spell an instant as the snapshot does, without the milliseconds that feed and history show."""
    return at.isoformat(timespec="seconds")[:-6] + "Z"


def write_cursor(place: Place, request: SimRequest) -> str:
    body = _fingerprint(request) + msgspec.json.encode(place)
    body += zlib.crc32(body).to_bytes(4)
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read_cursor(request: SimRequest, now: datetime) -> Place | None:
    """Return the place that `after` names, None without one.

    A cursor belongs to the exact parameters of the request that made it, and lives for 30 days.
    """
    text = request.argument("after")
    if not text:
        return None
    try:
        whole = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        place = msgspec.json.decode(whole[8:-4], type=Place)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Declined(400, "Invalid pagination cursor") from None
    if zlib.crc32(whole[:-4]).to_bytes(4) != whole[-4:]:
        raise Declined(400, "Invalid pagination cursor")
    if whole[:8] != _fingerprint(request):
        raise Declined(400, "Parameters differ from previous paginated request")
    if now - instant(place.known_ms) > _CURSOR_LIFE:
        raise Declined(400, "Pagination cursor has expired")
    return place


def read_instant(request: SimRequest, name: str, default: datetime | None = None) -> datetime:
    text = request.argument(name)
    if text is None:
        if default is None:
            raise Declined(400, f"Missing required parameter: {name}")
        return default
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise Declined(400, f"Invalid value for {name}. Must be in RFC 3339 format") from None


def read_limit(request: SimRequest) -> int:
    text = request.argument("limit")
    if text is None:
        return MOST_RECORDS
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_RECORDS:
        raise Declined(400, f"Invalid value for limit. Limit must be <= {MOST_RECORDS}")
    return int(text)


def read_list(request: SimRequest, name: str) -> list[str]:
    """Read a comma-joined parameter (style form, explode false); repeated ones are joined too."""
    return [
        part for value in request.query.get(name, []) for part in value.split(",") if part.strip()
    ]


def tags_wanted(request: SimRequest, world: World) -> set[str] | None:
    """Return the tag ids that a listing is filtered by, descendants of parents included; None for all."""
    tags, parents = read_list(request, "tagIds"), read_list(request, "parentTagIds")
    if not tags and not parents:
        return None
    wanted, grown = set(parents), True
    while grown:
        more = {g.id for g in world.groups if g.parent_id in wanted} - wanted
        wanted |= more
        grown = bool(more)
    return wanted | set(tags)


def vehicles_wanted(request: SimRequest, world: World) -> list[VehicleCard]:
    """Return the vehicles that pass `vehicleIds`, `tagIds` and `parentTagIds`, by id."""
    tags, ids = tags_wanted(request, world), set(read_list(request, "vehicleIds"))
    return [
        vehicle
        for vehicle in world.vehicles
        if (not ids or vehicle.id in ids) and (tags is None or tags & set(vehicle.group_ids))
    ]


def drivers_wanted(request: SimRequest, world: World) -> list[DriverCard]:
    """Return the drivers that pass `driverIds`, `tagIds` and `parentTagIds`, by id."""
    tags, ids = tags_wanted(request, world), set(read_list(request, "driverIds"))
    return [
        driver
        for driver in world.drivers
        if (not ids or driver.id in ids) and (tags is None or tags & set(driver.group_ids))
    ]


def is_set(request: SimRequest, name: str) -> bool:
    return (request.argument(name) or "").lower() == "true"


def page_size(request: SimRequest, conditions: Conditions) -> int:
    limit = read_limit(request)
    return min(limit, conditions.page_records or limit)


def cut_page(
    items: Sequence[T], key: Callable[[T], str], request: SimRequest, now: datetime, size: int
) -> tuple[list[T], dict[str, Any]]:
    """Cut one page and make its pagination; the last says `hasNextPage` false with an empty cursor.

    The cursor names the last item shown, so that one that comes or goes meanwhile shifts no other.
    """
    place = read_cursor(request, now)
    ordered = sorted(items, key=key)
    if place:
        ordered = [item for item in ordered if key(item) > place.subject]
    page, more = ordered[:size], len(ordered) > size
    known = place.known_ms if place else milliseconds(now)
    cursor = write_cursor(Place(known, subject=key(page[-1])), request) if more else ""
    return page, {"endCursor": cursor, "hasNextPage": more}


def tiny_tags(ids: Sequence[str], world: World) -> list[dict[str, str]]:
    return [
        {"id": g.id, "name": g.name} | ({"parentTagId": g.parent_id} if g.parent_id else {})
        for g in world.groups
        if g.id in ids
    ]


def external_ids(vehicle: VehicleCard) -> dict[str, str]:
    """Return the vendor's own external ids; their keys contain dots, and the serial has no dashes."""
    found: dict[str, str] = {}
    if vehicle.gateway_serial:
        found["samsara.serial"] = vehicle.gateway_serial.replace("-", "")
    if vehicle.vin:
        found["samsara.vin"] = vehicle.vin
    return found


def request_id(request: SimRequest, now: datetime) -> str:
    text = f"{request.path}?{sorted(request.query.items())}@{milliseconds(now)}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _fingerprint(request: SimRequest) -> bytes:
    query: Mapping[str, list[str]] = request.query
    asked = sorted((name, values) for name, values in query.items() if name != "after")
    return hashlib.blake2b(f"{request.path}{asked}".encode(), digest_size=8).digest()
