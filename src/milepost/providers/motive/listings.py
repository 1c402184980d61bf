"""Motive's listings of entities: a slice in, pages out."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable

from msgspec import Raw

from milepost.errors import NotAllowed
from milepost.ids import Identity
from milepost.kit.contract import Cut, Page, Slice
from milepost.providers.motive import mapping
from milepost.providers.motive.line import Line
from milepost.providers.motive.paging import Leg, stroll

CutOne = Callable[[Raw, Identity, str], Cut]

LISTED: dict[str, tuple[str, str, str, CutOne, dict[str, str]]] = {
    "groups": ("/v1/groups", "groups", "group", mapping.group_cut, {}),
    "vehicles": ("/v1/vehicles", "vehicles", "vehicle", mapping.vehicle_cut, {}),
    # The listing has deactivated drivers too, so that one sweep is all (README, trap 7).
    "drivers": ("/v1/users", "users", "user", mapping.driver_cut, {"role": "driver"}),
    "devices": ("/v1/eld_devices", "eld_devices", "eld_device", mapping.device_cut, {}),
    "trailers": ("/v1/assets", "assets", "asset", mapping.trailer_cut, {}),
}
"""Of each listing: its path, how its rows are wrapped, what becomes of one, what else is asked."""


def listing(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    cut_one = LISTED[slice_.stream][3]
    return _walk(line, slice_, lambda row: cut_one(row, line.identity, line.code))


async def devices(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """List gateways; when each was last heard of is where its vehicle was last seen, if that may be read."""
    try:
        heard = await line.last_seen()
    except NotAllowed:
        heard = {}
    cut = functools.partial(
        mapping.device_cut, identity=line.identity, provider=line.code, heard=heard
    )
    async for page in _walk(line, slice_, cut):
        yield page


def _walk(line: Line, slice_: Slice, cut: Callable[[Raw], Cut]) -> AsyncIterator[Page]:
    path, plural, singular, _, asked = LISTED[slice_.stream]
    permission = line.permission(slice_.stream)
    leg = Leg(
        ask=lambda number: line.client.listed(path, permission, number, **asked),
        plural=plural,
        singular=singular,
        cut=cut,
    )
    return stroll([leg], slice_.cursor)
