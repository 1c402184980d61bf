"""Geotab's listings of entities: a slice in, pages out."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable

from msgspec import Raw

from milepost import clock
from milepost.errors import CursorLost, NotAllowed, TryAgain
from milepost.kit.contract import Cut, Page, Slice
from milepost.kit.salvage import read, refuse_strange_page
from milepost.providers.geotab import mapping, shapes
from milepost.providers.geotab.client import MOST_RESULTS, NAME, Ask
from milepost.providers.geotab.line import Line
from milepost.providers.geotab.wire import known, ref


async def groups(line: Line, _: Slice) -> AsyncIterator[Page]:
    """List the groups; one page, since whose child each is only its parent says."""
    permission = line.permission("groups")
    rows = await line.client.get(Ask(type="Group"), permission)
    await _whole(line, "Group", len(rows), permission)
    read_ = [read(row, shapes.Group, []) for row in rows]
    parents = mapping.parents_of(group for group in read_ if group is not None)
    cuts = [mapping.group_cut(row, line.identity, line.code, parents) for row in rows]
    refuse_strange_page(cuts)
    yield Page(cuts=_telling(cuts), cursor=None, last=True)


def vehicles(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    now = clock.now()
    cut = functools.partial(
        mapping.vehicle_cut, identity=line.identity, provider=line.code, now=now
    )
    return _devices(line, slice_, cut)


def trailers(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """List the trailers; a device that cannot be read is set aside with the vehicles."""
    now = clock.now()
    cut = functools.partial(
        mapping.trailer_cut, identity=line.identity, provider=line.code, now=now
    )
    return _devices(line, slice_, cut)


async def devices(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """List the hardware, with when each unit last reported."""
    heard = {}
    for row in await statuses(line, "devices"):
        status = read(row, shapes.DeviceStatusInfo, [])
        at = known(status.dateTime) if status else None
        if status is not None and at is not None:
            heard[ref(status.device) or ""] = at
    cut = functools.partial(
        mapping.device_cut, identity=line.identity, provider=line.code, heard=heard
    )
    async for page in _devices(line, slice_, cut):
        yield page


async def drivers(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    now = clock.now()
    cut = functools.partial(mapping.driver_cut, identity=line.identity, provider=line.code, now=now)
    search, permission = {"isDriver": True}, line.permission("drivers")
    async for rows, last in line.walk("User", search, slice_.cursor, permission):
        yield Page(cuts=_cuts(rows, cut), cursor=last, last=False)
    yield Page(cuts=[], cursor=None, last=True)


async def statuses(line: Line, stream: str, diagnostics: list[str] | None = None) -> list[Raw]:
    """Ask how every device is; beyond 5,000, where the answer stops, device by device."""
    permission = line.permission(stream)
    extra = {"diagnostics": [{"id": id_} for id_ in diagnostics]} if diagnostics else {}
    rows = await line.client.get(
        Ask(type="DeviceStatusInfo", search=extra), permission, "device_status"
    )
    if len(rows) < MOST_RESULTS:
        return rows
    told = {_device_of(row) for row in rows}
    asks = [
        Ask(type="DeviceStatusInfo", search={**extra, "deviceSearch": {"id": device.id}})
        for device in await line.devices()
        if device.id not in told
    ]
    for some in await line.fetch(asks, permission, "multi_names"):
        rows += some
    return rows


async def _devices(line: Line, slice_: Slice, cut: Callable[[Raw], Cut]) -> AsyncIterator[Page]:
    """Seek through all devices, and prove by counting that none was left out.

    The cursor is how many have been seen, and the last of them.
    """
    permission = line.permission(slice_.stream)
    seen, after = _place(slice_.cursor)
    async for rows, last in line.walk("Device", {}, after, permission):
        seen += len(rows)
        cuts = _cuts(rows, cut)
        if slice_.stream != "vehicles":
            cuts = [each for each in cuts if each.records]
        yield Page(cuts=cuts, cursor=f"{seen}:{last}", last=False)
    await _whole(line, "Device", seen, permission)
    yield Page(cuts=[], cursor=None, last=True)


def _place(cursor: str | None) -> tuple[int, str | None]:
    if cursor is None:
        return 0, None
    count, colon, last = cursor.partition(":")
    if not colon or not count.isdecimal():
        raise CursorLost
    return int(count), last


async def _whole(line: Line, type_: str, seen: int, permission: str) -> None:
    """Compare a list with the vendor's own count: an answer that stops short does not say so."""
    count = await line.client.count(type_, permission)
    if count == 0:
        # A user whose scope is narrower than the company sees nothing, without an error.
        raise NotAllowed(permission, f"{NAME} shows no {type_} at all: {permission} is missing.")
    if seen < count:
        raise TryAgain(f"{NAME} listed {seen} of {count} {type_}s: the list is not whole.")


def _cuts(rows: list[Raw], cut: Callable[[Raw], Cut]) -> list[Cut]:
    cuts = [cut(row) for row in rows]
    refuse_strange_page(cuts)
    return _telling(cuts)


def _telling(cuts: list[Cut]) -> list[Cut]:
    """Leave out what is of no concern: trailers among vehicles, groups that sort and permit."""
    return [cut for cut in cuts if cut.records or cut.rejects]


def _device_of(row: Raw) -> str:
    status = read(row, shapes.DeviceStatusInfo, [])
    return (ref(status.device) if status else None) or ""
