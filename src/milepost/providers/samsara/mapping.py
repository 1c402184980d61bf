"""Turns Samsara's vehicles, drivers, tags and organisation into the unified model; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.errors import Changed
from milepost.ids import Identity
from milepost.kit.contract import AccountFound, Cut, Document, Reject
from milepost.kit.people import e164, split_name
from milepost.models.connection import Account
from milepost.models.driver import Driver, License
from milepost.models.group import Group
from milepost.models.meta import Instant, State
from milepost.models.vehicle import LicensePlate, Vehicle
from milepost.providers.samsara import shapes

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
STATES: dict[str, State] = {state: state for state in get_args(State)}


class Misfit(Reject, frozen=True):
    """A reject whose form is wrong, not its value: a field missing, or of another type."""

    field: str = ""


def misfit(error: Exception, at: int = 0, within: str = "") -> Misfit:
    """Say in words what did not fit; msgspec names the field as `$.x` or as a missing `x`."""
    text = str(error)
    found = re.search(r"required field `([^`]+)`|at `\$\.?([^`]*)`", text)
    field = (found[1] or found[2]) if found else within
    reason = text.partition(" - at ")[0]
    return Misfit(reason=f"{field}: {reason}" if field else reason, at=at, field=field)


def envelope(body: bytes) -> shapes.Envelope:
    """Read a page of a listing; raise Changed when it is not one."""
    return whole(body, shapes.Envelope)


def report(body: bytes) -> shapes.Envelope:
    """Read a page of a report by vehicle, whose entries stand one level deeper than a listing's."""
    read = whole(body, shapes.ReportEnvelope)
    return shapes.Envelope(read.data.vehicleReports if read.data else None, read.pagination)


def account(body: bytes) -> AccountFound:
    """Read whose account it is; the carrier's registered name goes before the dashboard's."""
    found = whole(body, shapes.Me).data
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


def entity_cut(
    body: Raw, shape: type[T], schema: str, build: Callable[[T], Document | Reject | None]
) -> Cut:
    """Cut one listed entity out of its page.

    A field that does not fit is left out and named; the entity itself stays as long as its id can be
    read, so that a listing never loses one that the provider still names.
    """
    raw = bytes(body)
    rejects: list[Reject] = []
    given = read(raw, shape, rejects)
    built = None if given is None else build(given)
    if isinstance(built, Reject):
        return Cut(body=raw, schema=schema, records=[], rejects=[*rejects, built])
    return Cut(body=raw, schema=schema, records=[built] if built else [], rejects=rejects)


def read(raw: bytes | Raw, shape: type[T], rejects: list[Reject], at: int = 0) -> T | None:
    """Read one record, without the fields that do not fit, which are added to `rejects`.

    None where a field does not fit that the record cannot do without.
    """
    try:
        return msgspec.json.decode(raw, type=shape)
    except UNREADABLE:
        left_out: list[Reject] = []
        try:
            kept = _salvage(raw, shape, left_out, at)
        except UNREADABLE as error:
            rejects.append(misfit(error, at))
            return None
        rejects += left_out
        return kept


def refuse_strange_page(cuts: list[Cut]) -> None:
    """Raise Changed when nothing of a page could be read because of its form: the format moved on.

    A single entry that does not fit is only a bad record.
    """
    if any(cut.records for cut in cuts):
        return
    misfits = [reject for cut in cuts for reject in cut.rejects if isinstance(reject, Misfit)]
    if len(misfits) > 1:
        named = sorted({bad.field for bad in misfits if bad.field})
        raise Changed(
            f"None of {len(misfits)} entries of {cuts[0].schema} could be read; "
            f"fields that no longer fit: {', '.join(named) or 'all'}. First: {misfits[0].reason}"
        )


def text(value: str | None) -> str | UnsetType:
    """Return what was said, or nothing: Samsara leaves fields out, but also sends empty strings."""
    return clean(value) or UNSET


def instant(value: str | None) -> Instant | UnsetType:
    try:
        return clock.iso(clock.parse(value)) if value else UNSET
    except (ValueError, OverflowError):
        return UNSET


def clean(value: str | None) -> str:
    # No text column of PostgreSQL can hold a NUL.
    return (value or "").replace("\x00", "").strip()


def upper(value: str | None) -> str | UnsetType:
    return clean(value).upper() or UNSET


def model_year(value: str | int | None) -> int | UnsetType:
    written = str(value or "").strip()
    plausible = written.isascii() and written.isdigit() and len(written) == 4 and written > "1900"
    return int(written) if plausible else UNSET


def groups(tags: list[shapes.Named] | None, identity: Identity) -> list[str | Group] | UnsetType:
    if tags is None:
        return UNSET
    ids = dict.fromkeys(str(tag.id) for tag in tags if tag.id not in {None, ""})
    return [identity.of("group", source_id) for source_id in ids]


def whole(body: bytes, shape: type[T]) -> T:
    """Read an answer that is one thing; raise Changed when it is not that."""
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE as error:
        raise Changed(f"Samsara's answer no longer fits: {misfit(error).reason}") from None


def _salvage(raw: bytes | Raw, shape: type[T], rejects: list[Reject], at: int) -> T:
    """Read what fits, field by field; raise what a required field raises."""
    given = msgspec.json.decode(raw, type=dict[str, Raw])
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):  # type: ignore[arg-type]
        if field.encode_name not in given:
            continue
        try:
            kept[field.name] = msgspec.json.decode(given[field.encode_name], type=field.type)
        except UNREADABLE as error:
            bad = misfit(error)
            if field.required:
                raise msgspec.ValidationError(
                    f"{bad.reason} - at `$.{field.encode_name}`"
                ) from None
            reason = f"{field.encode_name} was left out: {bad.reason}"
            rejects.append(Misfit(reason=reason, at=at, field=field.encode_name))
    return msgspec.convert(kept, shape)
