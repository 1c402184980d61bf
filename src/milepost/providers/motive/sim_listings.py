"""The simulated Motive's company, vehicles, users, groups, gateways and assets."""

from __future__ import annotations

from typing import Any

from milepost.kit.world import DriverCard, GroupCard, TrailerCard, VehicleCard
from milepost.providers.motive.sim_dialect import (
    Ask,
    at_wheel,
    brief_driver,
    brief_vehicle,
    device,
    drivers_by_id,
    names,
    number,
    page,
    spell,
    write,
    zone_name,
)

_OFFICE = (
    {"id": 700_001, "first_name": "Olive", "last_name": "Office", "role": "admin"},
    {"id": 700_002, "first_name": "Sam", "last_name": "Dispatch", "role": "fleet_user"},
)
"""Those of the office, whose rows lack every key that only drivers have."""


def list_companies(ask: Ask) -> bytes:
    fleet = ask.world.fleet
    shown = {
        "id": int(fleet.account_id),
        "company_id": f"KT{fleet.account_id}",
        "name": fleet.name,
        "street": fleet.address,
        "dot_ids": [str(fleet.dot_number)],
        "cycle": "70_8",
        "time_zone": zone_name(fleet.timezone),
        "metric_units": False,
        "minute_logs": True,
    }
    return write({"companies": [{"company": shown}]})


def list_vehicles(ask: Ask) -> bytes:
    cards = drivers_by_id(ask.world)

    def show(vehicle: VehicleCard) -> dict[str, Any]:
        driver = cards.get(at_wheel(ask.world, vehicle.id, ask.now) or "")
        return {
            "id": int(vehicle.id),
            "company_id": int(ask.world.fleet.account_id),
            "number": vehicle.name,
            "status": "active",
            "ifta": True,
            "vin": vehicle.vin,
            "make": vehicle.make or "",
            "model": vehicle.model or "",
            "year": str(vehicle.year) if vehicle.year else "0",
            "license_plate_state": None,
            "license_plate_number": vehicle.plate,
            "license_plate_country_code": "US",
            "metric_units": False,
            "fuel_type": "diesel",
            "prevent_auto_odometer_entry": False,
            "notes": "",
            "incab_alert_live_stream_enable": -1,
            "driver_facing_camera": 1 if vehicle.camera_serial else 0,
            "incab_audio_recording": -1,
            "group_ids": [int(id_) for id_ in vehicle.group_ids],
            "created_at": spell(vehicle.created_at),
            "updated_at": spell(vehicle.updated_at),
            "permanent_driver": None,
            "availability_details": {
                "availability_status": "in_service",
                "updated_at": spell(vehicle.updated_at),
            },
            "eld_device": device(vehicle),
            "current_driver": brief_driver(driver),
            "carb_ctc_test_enabled": None,
            "carb_ctc_emission_status": None,
            "registration_expiry_date": None,
        }

    return write(page(ask, ask.world.vehicles, "vehicles", "vehicle", show))


def list_users(ask: Ask) -> bytes:
    role = ask.request.argument("role")
    people: list[DriverCard | dict[str, Any]] = [*ask.world.drivers, *_OFFICE]
    wanted = [each for each in people if role in (None, _role(each))]
    return write(page(ask, wanted, "users", "user", _show_user))


def list_groups(ask: Ask) -> bytes:
    def show(group: GroupCard) -> dict[str, Any]:
        return {
            "id": int(group.id),
            "company_id": int(ask.world.fleet.account_id),
            "name": group.name,
            "parent_id": int(group.parent_id) if group.parent_id else None,
            "user": {
                **_OFFICE[0],
                "email": "olive@fleet.example",
                "username": None,
                "status": "active",
                "driver_company_id": None,
            },
        }

    return write(page(ask, ask.world.groups, "groups", "group", show))


def list_devices(ask: Ask) -> bytes:
    fitted = [vehicle for vehicle in ask.world.vehicles if vehicle.gateway_serial]
    return write(
        page(
            ask,
            fitted,
            "eld_devices",
            "eld_device",
            lambda vehicle: {"vehicle": brief_vehicle(vehicle), **(device(vehicle) or {})},
        )
    )


def list_assets(ask: Ask) -> bytes:
    return write(page(ask, ask.world.trailers, "assets", "asset", _show_asset))


def list_asset_locations(ask: Ask) -> bytes:
    """List where assets are; one without a gateway is not in the list."""
    seen = {t.id: ask.world.trailer_fix(t.id, ask.now) for t in ask.world.trailers}

    def show(trailer: TrailerCard) -> dict[str, Any]:
        fix = seen[trailer.id]
        last = fix and {
            "lat": fix.latitude,
            "lon": fix.longitude,
            "address": fix.address,
            "located_at": spell(fix.located_at),
            "moving": bool(fix.speed),
        }
        return {"id": int(trailer.id), "asset_gateway": {"last_location": last}}

    fitted = [trailer for trailer in ask.world.trailers if trailer.gateway_serial]
    return write(page(ask, fitted, "assets", "asset", show))


def _show_asset(trailer: TrailerCard) -> dict[str, Any]:
    serial = trailer.gateway_serial
    gateway = {"id": number("ag", serial), "identifier": serial, "active": True} if serial else None
    return {
        "id": int(trailer.id),
        "name": trailer.name,
        "status": "active",
        "type": "dry_van",
        "vin": trailer.vin,
        "license_plate_state": None,
        "license_plate_number": trailer.plate,
        "make": trailer.make or "",
        "model": trailer.model or "",
        "year": str(trailer.year) if trailer.year else "",
        "notes": "",
        "group_ids": [int(id_) for id_ in trailer.group_ids],
        "asset_gateway": gateway,
        "created_at": spell(trailer.created_at),
        "updated_at": spell(trailer.updated_at),
    }


def _role(person: DriverCard | dict[str, Any]) -> str:
    return "driver" if isinstance(person, DriverCard) else person["role"]


def _show_user(person: DriverCard | dict[str, Any]) -> dict[str, Any]:
    quiet = dict.fromkeys((
        "phone2", "phone_country_code2", "phone_ext", "company_reference_id",
        "mobile_current_sign_in_at", "mobile_last_active_at", "mobile_last_sign_in_at",
        "web_current_sign_in_at", "web_last_active_at", "web_last_sign_in_at",
        "associated_dispatcher_id", "expires_at", "external_ids",
    ))  # fmt: skip
    if not isinstance(person, DriverCard):
        return {
            **person,
            "email": f"{person['first_name'].lower()}@fleet.example",
            "phone": None,
            "phone_country_code": None,
            "time_zone": None,
            "metric_units": False,
            "status": "active",
            "group_ids": [],
            "created_at": "2024-01-15T12:00:00Z",
            "updated_at": "2025-11-02T16:20:00Z",
            **quiet,
        }
    first, last = names(person)
    phone = person.phone
    return {
        "id": int(person.id),
        "first_name": first,
        "last_name": last,
        "email": None,
        # The calling code stands apart, and the rest as people write it.
        "phone": f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}" if phone else None,
        "phone_country_code": phone[:2] if phone else None,
        "time_zone": zone_name(person.timezone),
        "metric_units": False,
        "role": "driver",
        "status": "active" if person.active else "deactivated",
        "group_ids": [int(id_) for id_ in person.group_ids],
        "created_at": spell(person.created_at),
        "updated_at": spell(person.updated_at),
        **quiet,
        "username": person.username,
        "driver_company_id": "",
        "drivers_license_number": person.license_number,
        "drivers_license_state": person.license_state,
        "joined_at": f"{person.created_at:%Y-%m-%d}",
        "duty_status": "off_duty",
        "eld_mode": "logs",
        "cycle": "70_8",
        "cycle2": None,
        "violation_alerts": "1_hour",
        "minute_logs": True,
        "personal_conveyance_enabled": True,
        "yard_moves_enabled": True,
        "manual_driving_enabled": False,
        "export_combined": True,
        "export_odometers": False,
        "export_recap": True,
    }
