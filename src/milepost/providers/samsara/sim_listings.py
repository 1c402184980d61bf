"""The simulated vendor's listings: organisation, tags, vehicles, drivers, driver assignments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import Assignment, DriverCard, GroupCard, VehicleCard, World
from milepost.providers.samsara.sim_dialect import (
    Declined,
    cut_page,
    external_ids,
    page_size,
    read_instant,
    read_list,
    spell_millisecond,
    spell_second,
    tags_wanted,
    tiny_tags,
)

_ASSIGNMENTS_A_PAGE = 50  # Fixed: live probes found that the endpoint takes no limit.
_KINDS = {"hos": "HOS", "static": "static", "driver_app": "driverApp"}

T = TypeVar("T")


def show_organisation(
    request: SimRequest,  # noqa: ARG001  Every endpoint is asked alike.
    world: World,
    now: datetime,  # noqa: ARG001
    conditions: Conditions,  # noqa: ARG001
) -> bytes:
    fleet = world.fleet
    carrier = {
        "carrierName": fleet.name,
        "dotNumber": fleet.dot_number,
        "mainOfficeAddress": fleet.address,
    }
    data = {"id": fleet.account_id, "name": fleet.name, "carrierSettings": carrier}
    return msgspec.json.encode({"data": data})


def list_tags(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    names = {group.id: group.name for group in world.groups}

    def show(group: GroupCard) -> dict[str, Any]:
        parent = group.parent_id
        shown: dict[str, Any] = {"id": group.id, "name": group.name}
        if parent:
            shown["parentTagId"] = parent
            shown["parentTag"] = {"id": parent, "name": names[parent]}
        for key, members in (("vehicles", world.vehicles), ("drivers", world.drivers)):
            inside = [{"id": m.id, "name": m.name} for m in members if group.id in m.group_ids]
            if inside:
                shown[key] = inside
        return shown

    return _page(world.groups, _id, show, request, now, page_size(request, conditions))


def list_vehicles(
    request: SimRequest, world: World, now: datetime, conditions: Conditions
) -> bytes:
    tags = tags_wanted(request, world)
    listed = [v for v in world.vehicles if tags is None or tags & set(v.group_ids)]
    listed = _changed_since(listed, request)
    size = page_size(request, conditions)
    return _page(listed, _id, lambda v: _show_vehicle(v, world), request, now, size)


def list_drivers(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """List active drivers only, unless the deactivated ones are asked for: never both."""
    wanted = request.argument("driverActivationStatus") or "active"
    if wanted not in ("active", "deactivated"):
        raise Declined(
            400,
            "Invalid value for driverActivationStatus. Can only be 'active' or 'deactivated'",
        )
    tags = tags_wanted(request, world)
    listed = [
        driver
        for driver in world.drivers
        if driver.active == (wanted == "active") and (tags is None or tags & set(driver.group_ids))
    ]
    listed = _changed_since(listed, request)
    size = page_size(request, conditions)
    return _page(listed, _id, lambda d: _show_driver(d, world), request, now, size)


def list_assignments(
    request: SimRequest, world: World, now: datetime, conditions: Conditions
) -> bytes:
    """List what overlaps the window; open ones lack `endTime`, and none at all is `null`."""
    if request.argument("filterBy") not in ("drivers", "vehicles"):
        raise Declined(400, "Invalid value for filterBy. Can only be 'drivers' or 'vehicles'")
    start, end = read_instant(request, "startTime", now), read_instant(request, "endTime", now)
    if start > end:
        raise Declined(400, "startTime must be before endTime")
    vehicles = {vehicle.id: vehicle for vehicle in world.vehicles}
    drivers = {driver.id: driver for driver in world.drivers}
    asked_vehicles, asked_drivers = (
        set(read_list(request, "vehicleIds")),
        set(read_list(request, "driverIds")),
    )
    found = [
        a
        for a in world.assignments(start, end)
        if a.starts_at <= now
        and a.vehicle_id in vehicles
        and (not asked_vehicles or a.vehicle_id in asked_vehicles)
        and (not asked_drivers or a.driver_id in asked_drivers)
        and request.argument("assignmentType") in (None, _KINDS[a.kind])
    ]

    def show(a: Assignment) -> dict[str, Any]:
        vehicle, driver = vehicles[a.vehicle_id], drivers[a.driver_id]
        shown: dict[str, Any] = {
            "driver": {"id": driver.id, "name": driver.name},
            "vehicle": {
                "id": vehicle.id,
                "name": vehicle.name,
                "externalIds": external_ids(vehicle),
            },
            "startTime": spell_second(a.starts_at),
            "assignedAtTime": "",
            "assignmentType": _KINDS[a.kind],
            "isPassenger": a.passenger,
        }
        if a.ends_at is not None and a.ends_at <= now:
            shown["endTime"] = spell_second(a.ends_at)
        return shown

    size = min(_ASSIGNMENTS_A_PAGE, conditions.page_records or _ASSIGNMENTS_A_PAGE)
    return _page(found, _seat, show, request, now, size, none_is_null=True)


def _show_vehicle(vehicle: VehicleCard, world: World) -> dict[str, Any]:
    """Show a vehicle; a unit without a gateway has seven keys only, as live probes found."""
    shown: dict[str, Any] = {
        "id": vehicle.id,
        "name": vehicle.name,
        "notes": "",
        "harshAccelerationSettingType": "automatic",
        "vehicleRegulationMode": "regulated",
        "createdAtTime": spell_second(vehicle.created_at),
        "updatedAtTime": spell_second(vehicle.updated_at),
    }
    serial = vehicle.gateway_serial
    if not serial:
        return shown
    shown["gateway"] = {"serial": serial, "model": vehicle.gateway_model}
    shown["serial"] = serial.replace("-", "")
    shown["externalIds"] = external_ids(vehicle)
    optional = {
        "vin": vehicle.vin,
        "make": vehicle.make,
        "model": vehicle.model,
        "year": str(vehicle.year) if vehicle.year else None,  # A string here, an int on /assets.
        "licensePlate": vehicle.plate,
        "cameraSerial": vehicle.camera_serial,
    }
    shown |= {key: value for key, value in optional.items() if value}
    if vehicle.group_ids:
        shown["tags"] = tiny_tags(vehicle.group_ids, world)
    return shown


def _show_driver(driver: DriverCard, world: World) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": driver.id,
        "name": driver.name,
        "username": driver.username,
        "driverActivationStatus": "active" if driver.active else "deactivated",
        "timezone": driver.timezone,
        "createdAtTime": spell_millisecond(driver.created_at),
        "updatedAtTime": spell_millisecond(driver.updated_at),
        "hasVehicleUnpinningEnabled": False,
        "carrierSettings": {
            "carrierName": world.fleet.name,
            "dotNumber": world.fleet.dot_number,
            "mainOfficeAddress": world.fleet.address,
            "homeTerminalName": "",
            "homeTerminalAddress": "",
        },
    }
    optional = {
        "phone": driver.phone,
        "licenseState": driver.license_state,
        "licenseNumber": driver.license_number,
    }
    shown |= {key: value for key, value in optional.items() if value}
    if driver.group_ids:
        shown["tags"] = tiny_tags(driver.group_ids, world)
    return shown


Listed = TypeVar("Listed", VehicleCard, DriverCard)


def _id(item: GroupCard | VehicleCard | DriverCard) -> str:
    return item.id


def _seat(a: Assignment) -> str:
    return f"{spell_millisecond(a.starts_at)}/{a.vehicle_id}/{a.driver_id}"


def _changed_since(listed: list[Listed], request: SimRequest) -> list[Listed]:
    if request.argument("updatedAfterTime"):
        since = read_instant(request, "updatedAfterTime")
        listed = [item for item in listed if item.updated_at >= since]
    if request.argument("createdAfterTime"):
        since = read_instant(request, "createdAfterTime")
        listed = [item for item in listed if item.created_at >= since]
    return listed


def _page(
    items: Sequence[T],
    key: Callable[[T], str],
    show: Callable[[T], dict[str, Any]],
    request: SimRequest,
    now: datetime,
    size: int,
    *,
    none_is_null: bool = False,
) -> bytes:
    page, pagination = cut_page(items, key, request, now, size)
    data = [show(item) for item in page] or (None if none_is_null else [])
    return msgspec.json.encode({"data": data, "pagination": pagination})
