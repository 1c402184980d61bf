"""The simulated vendor's gateways, trailers and assets.

Trailers are listed twice: `/fleet/trailers` lacks VIN, make, model and year, `/assets` has them; the ids
are the same. Cameras stand on their vehicle and among their gateway's accessories.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from milepost import units
from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import TrailerCard, VehicleCard, World
from milepost.models.location import Fix
from milepost.providers.samsara.sim_dialect import (
    Declined,
    cut_page,
    external_ids,
    is_set,
    page_size,
    read_instant,
    read_list,
    spell_second,
    tags_wanted,
    tiny_tags,
)

_GATEWAYS_A_PAGE = 100  # A guess: the endpoint takes no limit and states no measure.
_ASSETS_A_PAGE = 300  # as documented; it takes no limit either
_STATS_A_PAGE = 512  # A guess: the endpoint takes no limit and states no measure.
_MOST_TYPES = 3
_ASSET_TYPES = ("uncategorized", "trailer", "equipment", "unpowered", "vehicle")
# One gateway lies in a drawer: it hangs on no asset and has not been heard of.
_SPARE: dict[str, Any] = {
    "serial": "GSPR-2NS-7K4",
    "model": "VG54NA",
    "connectionStatus": {"healthStatus": "Not Installed"},
}


def list_gateways(
    request: SimRequest, world: World, now: datetime, conditions: Conditions
) -> bytes:
    models = set(read_list(request, "models"))
    gateways = [_SPARE]
    gateways += [_show_gateway(v, world, now) for v in world.vehicles if v.gateway_serial]
    gateways += [
        {
            "serial": t.gateway_serial,
            "model": t.gateway_model,
            "asset": {"id": t.id},
            "accessoryDevices": [{"serial": f"EM{t.id[-6:]}", "model": "EM11"}],
        }
        for t in world.trailers
        if t.gateway_serial
    ]
    listed = [g for g in gateways if not models or g["model"] in models]
    size = conditions.page_records or _GATEWAYS_A_PAGE
    page, pagination = cut_page(listed, lambda g: str(g["serial"]), request, now, size)
    return msgspec.json.encode({"data": page, "pagination": pagination})


def _show_gateway(vehicle: VehicleCard, world: World, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "serial": vehicle.gateway_serial,
        "model": vehicle.gateway_model,
        "asset": {"id": vehicle.id, "externalIds": external_ids(vehicle)},
    }
    heard = world.latest_fix(vehicle.id, now)
    if heard:
        shown["connectionStatus"] = {
            "healthStatus": "Connected",
            "lastConnected": spell_second(heard.located_at),
        }
    if vehicle.camera_serial and vehicle.camera_model:
        shown["accessoryDevices"] = [
            {"serial": vehicle.camera_serial, "model": vehicle.camera_model}
        ]
    return shown


def list_trailers(
    request: SimRequest, world: World, now: datetime, conditions: Conditions
) -> bytes:
    tags = tags_wanted(request, world)
    listed = [t for t in world.trailers if tags is None or tags & set(t.group_ids)]
    size = page_size(request, conditions)
    page, pagination = cut_page(listed, lambda t: t.id, request, now, size)
    data = [_show_trailer(trailer, world) for trailer in page]
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _show_trailer(trailer: TrailerCard, world: World) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": trailer.id,
        "name": trailer.name,
        "enabledForMobile": True,
        "notes": "",
        "tags": tiny_tags(trailer.group_ids, world),
    }
    if trailer.gateway_serial:
        shown["installedGateway"] = {
            "serial": trailer.gateway_serial,
            "model": trailer.gateway_model,
        }
    optional = {"licensePlate": trailer.plate, "trailerSerialNumber": trailer.serial}
    return shown | {key: value for key, value in optional.items() if value}


def show_trailer_stats(
    request: SimRequest, world: World, now: datetime, conditions: Conditions
) -> bytes:
    """Show the last known values of trailers, to the second; those without any are left out."""
    types = read_list(request, "types")
    if not types:
        raise Declined(400, "Missing required parameter: types")
    if len(types) > _MOST_TYPES:
        raise Declined(400, f"types is limited to {_MOST_TYPES} types")
    if not set(types) <= {"gps"}:
        raise Declined(400, "Invalid stat type(s): the sandbox's trailers tell gps only")
    at = min(read_instant(request, "time", now), now)
    tags, ids = tags_wanted(request, world), set(read_list(request, "trailerIds"))
    wanted = [
        (trailer, fix)
        for trailer in world.trailers
        if (not ids or trailer.id in ids)
        and (tags is None or tags & set(trailer.group_ids))
        and (fix := world.trailer_fix(trailer.id, at)) is not None
    ]
    size = conditions.page_records or _STATS_A_PAGE
    page, pagination = cut_page(wanted, lambda item: item[0].id, request, now, size)
    data = [_show_stats(trailer, fix) for trailer, fix in page]
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _show_stats(trailer: TrailerCard, fix: Fix) -> dict[str, Any]:
    # Heading and speed are whole numbers here, unlike those of vehicles.
    gps: dict[str, Any] = {
        "time": spell_second(fix.located_at),
        "latitude": fix.latitude,
        "longitude": fix.longitude,
        "headingDegrees": round(fix.heading or 0) % 360,
        "speedMilesPerHour": round((fix.speed or 0) / units.KM_PER_MILE),
    }
    if fix.address:
        gps["reverseGeo"] = {"formattedLocation": fix.address}
    return {"id": trailer.id, "name": trailer.name, "gps": gps}


def list_assets(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """List trailers and vehicles as assets; tags and external ids only when asked for."""
    kind = request.argument("type")
    if kind is not None and kind not in _ASSET_TYPES:
        raise Declined(400, f"Invalid value for type. Can only be one of {_ASSET_TYPES}")
    tags, ids = tags_wanted(request, world), set(read_list(request, "ids"))
    assets: list[tuple[str, TrailerCard | VehicleCard]] = [
        *(("trailer", trailer) for trailer in world.trailers),
        *(("vehicle", vehicle) for vehicle in world.vehicles),
    ]
    listed = [
        (type_, asset)
        for type_, asset in assets
        if kind in (None, type_)
        and (tags is None or tags & set(asset.group_ids))
        and (not ids or asset.id in ids)
    ]
    if request.argument("updatedAfterTime"):
        since = read_instant(request, "updatedAfterTime")
        listed = [item for item in listed if item[1].updated_at >= since]
    size = conditions.page_records or _ASSETS_A_PAGE
    page, pagination = cut_page(listed, lambda item: item[1].id, request, now, size)
    data = [_show_asset(type_, asset, request, world) for type_, asset in page]
    return msgspec.json.encode({"data": data, "pagination": pagination})


def _show_asset(
    type_: str, asset: TrailerCard | VehicleCard, request: SimRequest, world: World
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": asset.id,
        "type": type_,
        "name": asset.name,
        "regulationMode": "regulated" if type_ == "vehicle" else "mixed",
        "readingsIngestionEnabled": False,
        "createdAtTime": spell_second(asset.created_at),
        "updatedAtTime": spell_second(asset.updated_at),
    }
    optional = {
        "vin": asset.vin,
        "make": asset.make,
        "model": asset.model,
        "year": asset.year,  # An int here, a string on /fleet/vehicles.
        "licensePlate": asset.plate,
        "serialNumber": asset.serial if isinstance(asset, TrailerCard) else None,
    }
    shown |= {key: value for key, value in optional.items() if value}
    if is_set(request, "includeTags"):
        shown["tags"] = tiny_tags(asset.group_ids, world)
    if is_set(request, "includeExternalIds") and isinstance(asset, VehicleCard):
        shown["externalIds"] = external_ids(asset)
    return shown
