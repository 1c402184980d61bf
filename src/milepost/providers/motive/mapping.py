"""Turns Motive's company, vehicles, drivers, groups, gateways and assets into the unified model; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, get_args

import msgspec
import phonenumbers
from msgspec import UNSET, Raw, UnsetType

from milepost import clock, units
from milepost.errors import Changed
from milepost.ids import Identity
from milepost.kit.contract import AccountFound, Cut, Reject
from milepost.kit.people import e164
from milepost.kit.salvage import (
    UNREADABLE,
    Window,
    clean,
    entity_cut,
    instant,
    model_year,
    moment,
    read,
    text,
    upper,
)
from milepost.models.connection import Account
from milepost.models.device import Device
from milepost.models.driver import Driver, License
from milepost.models.group import Group
from milepost.models.location import Address, Coordinates
from milepost.models.meta import State
from milepost.models.trailer import LatestTrailerLocation, Trailer
from milepost.models.vehicle import FuelType, LicensePlate, Vehicle
from milepost.providers.motive import shapes
from milepost.providers.motive.paging import read_page

STATES: dict[str, State] = {state: state for state in get_args(State)}

# What other fuels are called, no source lists; those are left out (README, “Not known yet”).
FUELS: dict[str, FuelType] = {
    "diesel": "diesel",
    "gasoline": "gasoline",
    "propane": "propane",
    "electric": "electric",
}


def company(body: bytes) -> shapes.Company:
    """Read whose account it is; raise Changed where no company is named."""
    rows = read_page(body, "companies", "company")[0].rows
    try:
        found = read(rows[0], shapes.Company, [])
    except IndexError:
        found = None
    if found is None:
        raise Changed("Motive named no company whose account this is.")
    return found


def account(found: shapes.Company) -> AccountFound:
    numbers = [str(each).strip() for each in found.dot_ids or []]
    return AccountFound(
        source_id=None if found.id is None else str(found.id),
        account=Account(
            name=text(found.name),
            dot_numbers=[each for each in numbers if each.strip("0")] or UNSET,
        ),
    )


def vehicle(raw: shapes.Vehicle, identity: Identity, provider: str) -> Vehicle:
    source_id = str(raw.id)
    device = known(raw.eld_device)
    return Vehicle(
        id=identity.of("vehicle", source_id),
        source_id=source_id,
        provider=provider,
        status=_status(raw.status),
        name=text(raw.number),
        vin=upper(raw.vin),
        make=text(raw.make),
        model=text(raw.model),
        year=model_year(raw.year),
        groups=_groups(raw.group_ids, identity),
        devices=[identity.of("device", device)] if device else UNSET,
        license_plate=_plate(raw.license_plate_state, raw.license_plate_number),
        fuel_type=FUELS.get(clean(raw.fuel_type).lower(), UNSET),
        created_at=instant(raw.created_at),
        updated_at=instant(raw.updated_at),
    )


def driver(raw: shapes.User, identity: Identity, provider: str) -> Driver | None:
    """Build a driver; None for one who is in the list of users and no driver."""
    if raw.role not in {None, "driver"}:
        return None
    source_id = str(raw.id)
    email, number = text(raw.email), text(raw.drivers_license_number)
    state = STATES.get(clean(raw.drivers_license_state).upper(), UNSET)
    licensed = state is not UNSET or number is not UNSET
    return Driver(
        id=identity.of("driver", source_id),
        source_id=source_id,
        provider=provider,
        status=_status(raw.status),
        first_name=text(raw.first_name),
        last_name=text(raw.last_name),
        email=email if email is not UNSET and "@" in email else UNSET,
        phone=_phone(raw),
        username=text(raw.username),
        license=License(state=state, number=number) if licensed else UNSET,
        groups=_groups(raw.group_ids, identity),
        created_at=instant(raw.created_at),
        updated_at=instant(raw.updated_at),
    )


def group(raw: shapes.Group, identity: Identity, provider: str) -> Group:
    source_id = str(raw.id)
    parent = raw.parent_id
    return Group(
        id=identity.of("group", source_id),
        source_id=source_id,
        provider=provider,
        name=text(raw.name),
        parent=UNSET if parent in {None, "", 0, "0"} else identity.of("group", str(parent)),
    )


def device(
    raw: shapes.Device, identity: Identity, provider: str, heard: Mapping[str, datetime]
) -> Device:
    """Build a gateway; the list holds nothing else. `heard` is when each vehicle was last seen."""
    source_id, vehicle_id = str(raw.id), known(raw.vehicle)
    seen = heard.get(vehicle_id or "")
    return Device(
        id=identity.of("device", source_id),
        source_id=source_id,
        provider=provider,
        type="tracker",
        serial_number=text(raw.identifier),
        description=text(raw.model),
        vehicle=identity.of("vehicle", vehicle_id) if vehicle_id else UNSET,
        last_connected_at=moment(seen),
    )


def trailer(raw: shapes.Asset, identity: Identity, provider: str) -> Trailer:
    source_id = str(raw.id)
    return Trailer(
        id=identity.of("trailer", source_id),
        source_id=source_id,
        provider=provider,
        status=_status(raw.status),
        name=text(raw.name),
        vin=upper(raw.vin),
        serial_number=text(raw.asset_gateway.identifier) if raw.asset_gateway else UNSET,
        make=text(raw.make),
        model=text(raw.model),
        year=model_year(raw.year),
        groups=_groups(raw.group_ids, identity),
        license_plate=_plate(raw.license_plate_state, raw.license_plate_number),
        created_at=instant(raw.created_at),
        updated_at=instant(raw.updated_at),
    )


def trailer_location(
    body: Raw, identity: Identity, provider: str
) -> tuple[LatestTrailerLocation, bytes] | None:
    """Build where a trailer was last seen, and the JSON that it comes of; None without a usable fix."""
    try:
        raw = msgspec.json.decode(body, type=shapes.Asset)
    except UNREADABLE:
        return None
    seen = raw.asset_gateway.last_location if raw.asset_gateway else None
    if seen is None:
        return None
    address = text(seen.address or seen.formatted_address)
    built = LatestTrailerLocation(
        provider=provider,
        trailer=identity.of("trailer", str(raw.id)),
        located_at=clock.iso(seen.located_at),
        location=Coordinates(longitude=seen.lon, latitude=seen.lat),
        address=UNSET if address is UNSET else Address(formatted=address),
    )
    return built, bytes(body)


def vehicle_cut(body: Raw, identity: Identity, provider: str) -> Cut:
    return entity_cut(
        body, shapes.Vehicle, "motive.vehicle", lambda v: vehicle(v, identity, provider)
    )


def driver_cut(body: Raw, identity: Identity, provider: str) -> Cut:
    return entity_cut(body, shapes.User, "motive.user", lambda u: driver(u, identity, provider))


def group_cut(body: Raw, identity: Identity, provider: str) -> Cut:
    return entity_cut(body, shapes.Group, "motive.group", lambda g: group(g, identity, provider))


def device_cut(
    body: Raw,
    identity: Identity,
    provider: str,
    heard: Mapping[str, datetime] = MappingProxyType({}),
) -> Cut:
    return entity_cut(
        body, shapes.Device, "motive.eld_device", lambda d: device(d, identity, provider, heard)
    )


def trailer_cut(body: Raw, identity: Identity, provider: str) -> Cut:
    return entity_cut(body, shapes.Asset, "motive.asset", lambda a: trailer(a, identity, provider))


def known(named: shapes.Named | shapes.DeviceOf | None) -> str | None:
    """Return the id of somebody or something mentioned; none and 0 name nobody."""
    return str(named.id) if named is not None and named.id not in {None, "", 0, "0"} else None


def vehicle_of(*named: shapes.Named | None) -> str | Reject:
    """Return the id of the vehicle that a record is about, or why there is none."""
    return next((id_ for each in named if (id_ := known(each))), None) or Reject(
        "vehicle.id: missing"
    )


def began(window: Window, at: datetime) -> bool | Reject:
    """Say whether something began in the window; a Reject where that time cannot be."""
    floor, ceiling = window.bounds()
    if floor <= at < ceiling:
        return True
    bad = window.verdict(at)
    return Reject(f"start_time: {bad}") if bad else False


def km(distance: float, *, metric: bool) -> float:
    return round(distance, 3) if metric else units.km_from_miles(distance)


def litres(fuel: float, *, metric: bool) -> float:
    return round(fuel, 2) if metric else units.litres_from_gallons(fuel)


def _status(said: str | None) -> Literal["active", "inactive"]:
    return "inactive" if said in {"inactive", "deactivated"} else "active"


def _phone(raw: shapes.User) -> str | UnsetType:
    """Spell a number in E.164; its calling code stands in a field of its own (README, trap 6)."""
    number, code = clean(raw.phone), re.sub(r"\D", "", clean(raw.phone_country_code))
    if not number:
        return UNSET
    region = phonenumbers.region_code_for_country_code(int(code)).lower() if code else "us"
    return e164(number, region) or UNSET


def _plate(state: str | None, number: str | None) -> LicensePlate | UnsetType:
    plate = LicensePlate(state=STATES.get(clean(state).upper(), UNSET), number=text(number))
    return UNSET if plate == LicensePlate() else plate


def _groups(ids: list[shapes.SourceId] | None, identity: Identity) -> list[str | Group] | UnsetType:
    if ids is None:
        return UNSET
    return [identity.of("group", str(each)) for each in dict.fromkeys(ids)]
