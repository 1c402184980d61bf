"""Turns Samsara's vehicles, drivers, tags and organisation into the unified model; pure."""

from __future__ import annotations

from typing import TypeVar, get_args

from msgspec import UNSET, Raw, UnsetType

from milepost.ids import Identity
from milepost.kit.contract import AccountFound, Cut
from milepost.kit.people import e164, split_name
from milepost.kit.salvage import clean, entity_cut, instant, model_year, text, upper, whole
from milepost.models.connection import Account
from milepost.models.driver import Driver, License
from milepost.models.group import Group
from milepost.models.meta import State
from milepost.models.vehicle import LicensePlate, Vehicle
from milepost.providers.samsara import shapes

T = TypeVar("T")

STATES: dict[str, State] = {state: state for state in get_args(State)}


def envelope(body: bytes) -> shapes.Envelope:
    """Read a page of a listing; raise Changed when it is not one."""
    return whole(body, shapes.Envelope, "Samsara")


def report(body: bytes) -> shapes.Envelope:
    """Read a page of a report by vehicle, whose entries stand one level deeper than a listing's."""
    read = whole(body, shapes.ReportEnvelope, "Samsara")
    return shapes.Envelope(read.data.vehicleReports if read.data else None, read.pagination)


def account(body: bytes) -> AccountFound:
    """Read whose account it is; the carrier's registered name goes before the dashboard's."""
    found = whole(body, shapes.Me, "Samsara").data
    carrier = found.carrierSettings or shapes.Carrier()
    dot = str(carrier.dotNumber or "").strip()
    return AccountFound(
        source_id=None if found.id is None else str(found.id),
        account=Account(
            name=text(carrier.carrierName or found.name),
            dot_numbers=[dot] if dot.strip("0") else UNSET,
        ),
    )


def vehicle(raw: shapes.Vehicle, identity: Identity, provider: str) -> Vehicle:
    """Build a vehicle. Samsara has no flag for inactive ones: while listed, a vehicle is active."""
    source_id = str(raw.id)
    gateway = raw.gateway or shapes.Gateway()
    external = raw.externalIds or {}
    plate = text(raw.licensePlate)
    model = text(raw.model)
    serials = [gateway.serial or raw.serial, raw.cameraSerial]
    devices = list(dict.fromkeys(s.replace("-", "").strip() for s in serials if s))
    return Vehicle(
        id=identity.of("vehicle", source_id),
        source_id=source_id,
        provider=provider,
        status="active",
        name=text(raw.name),
        vin=upper(raw.vin or external.get("samsara.vin")),
        make=text(raw.make),
        # A unit whose VIN was not decoded shows the gateway's model as its own.
        model=UNSET if model == text(gateway.model) else model,
        year=model_year(raw.year),
        groups=groups(raw.tags, identity),
        devices=[identity.of("device", serial) for serial in devices if serial] or UNSET,
        license_plate=UNSET if plate is UNSET else LicensePlate(number=plate),
        created_at=instant(raw.createdAtTime),
        updated_at=instant(raw.updatedAtTime),
    )


def driver(raw: shapes.Driver, identity: Identity, provider: str, sweep: str) -> Driver:
    """Build a driver. `sweep` is the activation status that the listing was asked for."""
    source_id = str(raw.id)
    first, middle, last = split_name(clean(raw.name))
    state = STATES.get(clean(raw.licenseState).upper(), UNSET)
    number = text(raw.licenseNumber)
    email = text(raw.email)
    status = raw.driverActivationStatus
    active = (status if status in {"active", "deactivated"} else sweep) == "active"
    licensed = state is not UNSET or number is not UNSET
    return Driver(
        id=identity.of("driver", source_id),
        source_id=source_id,
        provider=provider,
        status="active" if active else "inactive",
        first_name=text(first),
        middle_name=text(middle),
        last_name=text(last),
        email=email if email is not UNSET and "@" in email else UNSET,
        phone=e164(raw.phone, raw.locale or "us") or UNSET if raw.phone else UNSET,
        username=text(raw.username),
        license=License(state=state, number=number) if licensed else UNSET,
        groups=groups(raw.tags, identity),
        created_at=instant(raw.createdAtTime),
        updated_at=instant(raw.updatedAtTime),
    )


def group(raw: shapes.Tag, identity: Identity, provider: str) -> Group:
    source_id = str(raw.id)
    parent = raw.parentTagId or (raw.parentTag.id if raw.parentTag else None)
    return Group(
        id=identity.of("group", source_id),
        source_id=source_id,
        provider=provider,
        name=text(raw.name),
        parent=identity.of("group", str(parent)) if parent not in {None, "", "0", 0} else UNSET,
    )


def vehicle_cut(body: Raw, identity: Identity, provider: str) -> Cut:
    return entity_cut(
        body, shapes.Vehicle, "samsara.vehicle", lambda v: vehicle(v, identity, provider)
    )


def driver_cut(body: Raw, identity: Identity, provider: str, sweep: str) -> Cut:
    return entity_cut(
        body, shapes.Driver, "samsara.driver", lambda d: driver(d, identity, provider, sweep)
    )


def group_cut(body: Raw, identity: Identity, provider: str) -> Cut:
    return entity_cut(body, shapes.Tag, "samsara.tag", lambda t: group(t, identity, provider))


def groups(tags: list[shapes.Named] | None, identity: Identity) -> list[str | Group] | UnsetType:
    if tags is None:
        return UNSET
    ids = dict.fromkeys(str(tag.id) for tag in tags if tag.id not in {None, ""})
    return [identity.of("group", source_id) for source_id in ids]
