"""Samsara's listings of entities: a slice in, pages out."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator

from milepost.kit.contract import Page, Slice
from milepost.kit.salvage import refuse_strange_page
from milepost.models.device import Device
from milepost.providers.samsara import equipment, mapping
from milepost.providers.samsara.line import Line
from milepost.providers.samsara.walk import Leg, relay, stroll

SWEEPS = ("active", "deactivated")
"""Drivers and what belongs to them come by activation status, one a call (README, trap 4)."""

READ_ASSETS = "Read Assets"  # The one permission of trailers that the manifest has no place for.


def groups(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    ask = functools.partial(line.client.tags, line.permission("groups"))
    cut = functools.partial(mapping.group_cut, identity=line.identity, provider=line.code)
    return stroll(ask, cut, slice_.cursor)


def vehicles(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    ask = functools.partial(line.client.vehicles, line.permission("vehicles"))
    cut = functools.partial(mapping.vehicle_cut, identity=line.identity, provider=line.code)
    return stroll(ask, cut, slice_.cursor)


def drivers(line: Line, slice_: Slice) -> AsyncIterator[Page]:
    """Sweep active drivers, then deactivated ones."""
    permission = line.permission("drivers")
    legs = [
        Leg(
            sweep,
            functools.partial(line.client.drivers, permission, sweep),
            functools.partial(
                mapping.driver_cut, identity=line.identity, provider=line.code, sweep=sweep
            ),
        )
        for sweep in SWEEPS
    ]
    return relay(legs, slice_.cursor)


async def devices(line: Line, _: Slice) -> AsyncIterator[Page]:
    """List gateways, and what only vehicles tell of: cameras; one page, since neither is whole alone."""
    fleet = await line.fleet()
    ids = {str(vehicle.id) for vehicle in fleet}
    ask = functools.partial(line.client.gateways, line.permission("devices"))
    listed = await line.everything(ask)
    cuts = [equipment.gateway_cut(entry, ids, line.identity, line.code) for entry in listed]
    refuse_strange_page(cuts)
    serials = {
        record.source_id for cut in cuts for record in cut.records if isinstance(record, Device)
    }
    cuts += equipment.fitted_cuts(fleet, serials, line.identity, line.code)
    yield Page(cuts=cuts, cursor=None, last=True)


async def trailers(line: Line, _: Slice) -> AsyncIterator[Page]:
    """Join the list of trailers with that of assets, which knows VIN, make and year; one page."""
    client, permission = line.client, line.permission("trailers")
    towed, nameless = equipment.by_id(
        await line.everything(functools.partial(client.trailers, permission))
    )
    owned, nobodys = equipment.by_id(
        await line.everything(functools.partial(client.assets, READ_ASSETS, "trailer"))
    )
    cuts = [
        equipment.trailer_cut(towed.get(id_), owned.get(id_), line.identity, line.code)
        for id_ in dict.fromkeys((*towed, *owned))
    ]
    cuts += [*nameless, *nobodys]
    refuse_strange_page(cuts)
    yield Page(cuts=cuts, cursor=None, last=True)
