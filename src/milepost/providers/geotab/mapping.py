"""Turns Geotab's devices, users and groups into the unified model; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, get_args

from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.kit.people import e164
from milepost.kit.salvage import clean, entity_cut, model_year, text
from milepost.models.device import Device
from milepost.models.driver import Driver, License
from milepost.models.group import Group
from milepost.models.meta import Instant, State
from milepost.models.trailer import Trailer
from milepost.models.vehicle import FuelType, LicensePlate, Vehicle
from milepost.providers.geotab import shapes
from milepost.providers.geotab.wire import Entity, built_in, known

STATES: dict[str, State] = {state: state for state in get_args(State)}

FUELS: dict[str, FuelType] = {
    "GroupGasolinePetrolId": "gasoline",
    "GroupDieselId": "diesel",
    "GroupPropaneLiquifiedPetroleumGasId": "propane",
    "GroupBatteryElectricVehicleId": "electric",
}
_HYBRID = {"GroupPluginHybridElectricVehicleId", "GroupElectricHybridPluginId"}


def is_trailer(raw: shapes.Device) -> bool:
    """Say whether a device is what is towed: trailers are among the devices."""
    return (
        any(group.id == "GroupTrailerId" for group in raw.groups or ())
        or bool(raw.tmpTrailerId)
        or (raw.deviceType == "None" and raw.productId == -1)
    )


def vehicle_cut(body: Raw, identity: Identity, provider: str, now: datetime) -> Cut:
    """Cut a vehicle out of the list of devices; a trailer leaves no record here."""

    def build(raw: shapes.Device) -> Vehicle | None:
        if is_trailer(raw):
            return None
        return Vehicle(
            id=identity.of("vehicle", raw.id),
            source_id=raw.id,
            provider=provider,
            status=_status(raw.activeTo, now),
            name=text(raw.name),
            vin=_vin(raw),
            make=text(raw.vinInfoMake),
            model=text(raw.vinInfoModel),
            year=model_year(raw.vinInfoYear),
            license_plate=_plate(raw),
            groups=_groups(raw.groups, identity),
            fuel_type=_fuel(raw.groups),
            fuel_tank_capacity=raw.fuelTankCapacity or UNSET,
            devices=[identity.of("device", raw.id)] if clean(raw.serialNumber) else UNSET,
            created_at=_instant(raw.activeFrom),
        )

    return entity_cut(body, shapes.Device, "geotab.Device", build)


def trailer_cut(body: Raw, identity: Identity, provider: str, now: datetime) -> Cut:
    """Cut a trailer out of the list of devices; whatever is none leaves no record here."""

    def build(raw: shapes.Device) -> Trailer | None:
        if not is_trailer(raw):
            return None
        return Trailer(
            id=identity.of("trailer", raw.id),
            source_id=raw.id,
            provider=provider,
            status=_status(raw.activeTo, now),
            name=text(raw.name),
            vin=_vin(raw),
            make=text(raw.vinInfoMake),
            model=text(raw.vinInfoModel),
            year=model_year(raw.vinInfoYear),
            license_plate=_plate(raw),
            groups=_groups(raw.groups, identity),
            created_at=_instant(raw.activeFrom),
        )

    return entity_cut(body, shapes.Device, "geotab.Device", build)


def device_cut(body: Raw, identity: Identity, provider: str, heard: Mapping[str, datetime]) -> Cut:
    """Cut the hardware out of a device; `heard` is when each unit last reported.

    Without a serial number there is no hardware, only a name for something.
    """

    def build(raw: shapes.Device) -> Device | None:
        serial = clean(raw.serialNumber)
        if not serial:
            return None
        product = "" if raw.productId is None else f" {raw.productId}"
        return Device(
            id=identity.of("device", raw.id),
            source_id=raw.id,
            provider=provider,
            type="tracker",
            serial_number=serial,
            description=text(f"{clean(raw.deviceType)}{product}"),
            vehicle=UNSET if is_trailer(raw) else identity.of("vehicle", raw.id),
            last_connected_at=_instant(heard.get(raw.id)),
            created_at=_instant(raw.activeFrom),
        )

    return entity_cut(body, shapes.Device, "geotab.Device", build)


def driver_cut(body: Raw, identity: Identity, provider: str, now: datetime) -> Cut:
    def build(raw: shapes.User) -> Driver:
        name = text(raw.name)
        state = STATES.get(clean(raw.licenseProvince).upper(), UNSET)
        number = text(raw.licenseNumber)
        phone = clean(raw.phoneNumber)
        return Driver(
            id=identity.of("driver", raw.id),
            source_id=raw.id,
            provider=provider,
            status=_status(raw.activeTo, now),
            first_name=text(raw.firstName),
            last_name=text(raw.lastName),
            username=name,
            email=name if name is not UNSET and "@" in name else UNSET,
            # The country's code only says how to read the number, which may have its prefix already.
            phone=e164(phone, clean(raw.countryCode).lower() or "us") or UNSET if phone else UNSET,
            license=(
                License(state=state, number=number)
                if state is not UNSET or number is not UNSET
                else UNSET
            ),
            groups=_groups([*(raw.companyGroups or ()), *(raw.driverGroups or ())], identity),
            created_at=_instant(raw.activeFrom),
        )

    return entity_cut(body, shapes.User, "geotab.User", build)


def group_cut(body: Raw, identity: Identity, provider: str, parents: Mapping[str, str]) -> Cut:
    """Cut a group; `parents` is turned round from what groups say of their children."""

    def build(raw: shapes.Group) -> Group | None:
        if built_in(raw.id):
            return None
        parent = parents.get(raw.id)
        return Group(
            id=identity.of("group", raw.id),
            source_id=raw.id,
            provider=provider,
            name=text(raw.name),
            description=text(raw.comments),
            parent=identity.of("group", parent) if parent and not built_in(parent) else UNSET,
        )

    return entity_cut(body, shapes.Group, "geotab.Group", build)


def parents_of(groups: Iterable[shapes.Group]) -> dict[str, str]:
    """Turn the lists of children round: whose child each group is."""
    found: dict[str, str] = {}
    for group in groups:
        if group.parent is not None:
            found[group.id] = group.parent.id
        for child in group.children or ():
            found[child.id] = group.id
    return found


def _status(active_to: datetime | None, now: datetime) -> Literal["active", "inactive"]:
    return "active" if active_to is None or active_to > now else "inactive"


def _vin(raw: shapes.Device) -> str | UnsetType:
    for given in (raw.vehicleIdentificationNumber, raw.engineVehicleIdentificationNumber):
        vin = clean(given).upper()
        if vin not in {"", "?"}:
            return vin
    return UNSET


def _plate(raw: shapes.Device) -> LicensePlate | UnsetType:
    number = text(raw.licensePlate)
    state = STATES.get(clean(raw.licenseState).upper(), UNSET)
    return UNSET if number is UNSET and state is UNSET else LicensePlate(state=state, number=number)


def _groups(given: Iterable[Entity] | None, identity: Identity) -> list[str | Group] | UnsetType:
    if given is None:
        return UNSET
    ids = dict.fromkeys(group.id for group in given)
    return [identity.of("group", id_) for id_ in ids if not built_in(id_)]


def _fuel(given: Iterable[Entity] | None) -> FuelType | UnsetType:
    """Tell the fuel by the groups of the powertrain that a device is in."""
    ids = {group.id for group in given or ()}
    fuels = [fuel for group, fuel in FUELS.items() if group in ids]
    if ids & _HYBRID:
        hybrid: dict[FuelType, FuelType] = {
            "gasoline": "hybrid_gasoline",
            "diesel": "hybrid_diesel",
        }
        return next((hybrid[fuel] for fuel in fuels if fuel in hybrid), UNSET)
    return fuels[0] if len(fuels) == 1 else UNSET


def _instant(moment: datetime | None) -> Instant | UnsetType:
    said = known(moment)
    return clock.iso(said) if said else UNSET
