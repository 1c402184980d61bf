"""Turns Samsara's gateways, cameras and trailers into the unified model; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import UNREADABLE, instant, misfit, model_year, read, text, upper
from milepost.models.device import Device, DeviceType
from milepost.models.meta import Instant
from milepost.models.trailer import Trailer
from milepost.models.vehicle import LicensePlate
from milepost.providers.samsara import shapes
from milepost.providers.samsara.mapping import groups

# Gateways of vehicles, assets, sites and industry, those built in by makers, asset tags; dashcams.
_TRACKERS = ("VG", "AG", "SG", "IG", "OEM", "AT11")
_CAMERAS = ("CM",)


def device_type(model: str | None) -> DeviceType | None:
    """Say what a model is by the beginning of its name, `VG34`; None where that tells nothing."""
    name = (model or "").strip().upper()
    if name.startswith(_CAMERAS):
        return "camera"
    return "tracker" if name.startswith(_TRACKERS) else None


def bare(serial: str | None) -> str:
    """Write a serial without its dashes, since Samsara does so in some places only (README, trap 7)."""
    return (serial or "").replace("-", "").replace("\x00", "").strip()


def gateway_cut(body: Raw, vehicles: Collection[str], identity: Identity, provider: str) -> Cut:
    """Cut a gateway, and cameras that hang on it, out of its page.

    `vehicles` are the ids of the fleet's vehicles: a gateway may also sit in a trailer.
    """
    raw = bytes(body)
    rejects: list[Reject] = []
    records: list[Device] = []
    given = read(raw, shapes.InstalledGateway, rejects)
    if given is not None:
        asset = str(given.asset.id) if given.asset else ""
        vehicle = asset if asset in vehicles else None
        seen = given.connectionStatus.lastConnected if given.connectionStatus else None
        gateway = shapes.Gateway(given.serial, given.model)
        cameras = [a for a in given.accessoryDevices or [] if device_type(a.model) == "camera"]
        built = [
            _device(gateway, vehicle, identity, provider, instant(seen)),
            *(_device(camera, vehicle, identity, provider) for camera in cameras),
        ]
        records = [each for each in built if isinstance(each, Device)]
        rejects += [each for each in built if isinstance(each, Reject)]
    return Cut(
        body=raw,
        schema="samsara.gateway",
        records=list(records),
        ordinals=[0] * len(records),
        rejects=rejects,
    )


def fitted_cuts(
    vehicles: Iterable[shapes.Fitted], listed: Collection[str], identity: Identity, provider: str
) -> list[Cut]:
    """Make cuts of the devices that vehicles name and the list of gateways does not; `listed` is bare serials."""
    cuts: list[Cut] = []
    known = set(listed)
    for each in vehicles:
        camera = shapes.Gateway(each.cameraSerial, "CM")
        for kind, fitted in (("gateway", each.gateway), ("camera", camera)):
            serial = bare(fitted.serial) if fitted else ""
            if fitted is None or not serial or serial in known:
                continue
            known.add(serial)
            built = _device(fitted, str(each.id), identity, provider)
            if kind == "camera" and isinstance(built, Device):
                # Vehicles tell a camera's serial, not its model.
                built = msgspec.structs.replace(built, description=UNSET)
            cuts.append(_seen_on(each, kind, fitted, built))
    return cuts


def trailer_cut(trailer: Raw | None, asset: Raw | None, identity: Identity, provider: str) -> Cut:
    """Build a trailer of its two entries, one in the list of trailers and one in that of assets."""
    parts = [(b"trailer", trailer), (b"asset", asset)]
    body = b",".join(b'"%b":%b' % (name, part) for name, part in parts if part is not None)
    body = b"{" + body + b"}"
    rejects: list[Reject] = []
    towed = read(trailer, shapes.Trailer, rejects) if trailer is not None else None
    owned = read(asset, shapes.Asset, rejects) if asset is not None else None
    records = [_trailer(towed, owned, identity, provider)] if towed or owned else []
    return Cut(body=body, schema="samsara.trailer", records=list(records), rejects=rejects)


def by_id(listed: Iterable[Raw]) -> tuple[dict[str, Raw], list[Cut]]:
    """Sort entries by their ids; those without a readable one are set aside."""
    found: dict[str, Raw] = {}
    lost: list[Cut] = []
    for body in listed:
        try:
            found[str(msgspec.json.decode(body, type=shapes.Identified).id)] = body
        except UNREADABLE as error:
            raw = bytes(body)
            lost.append(
                Cut(body=raw, schema="samsara.trailer", records=[], rejects=[misfit(error)])
            )
    return found, lost


def _device(
    raw: shapes.Gateway,
    vehicle: str | None,
    identity: Identity,
    provider: str,
    last_connected_at: Instant | UnsetType = UNSET,
) -> Device | Reject:
    serial, kind = bare(raw.serial), device_type(raw.model)
    if not serial:
        return Reject("serial: missing")
    if kind is None:
        return Reject(f"model: unknown device type “{(raw.model or '')[:40]}”")
    return Device(
        id=identity.of("device", serial),
        source_id=serial,
        provider=provider,
        type=kind,
        vehicle=identity.of("vehicle", vehicle) if vehicle else UNSET,
        description=text(raw.model),
        serial_number=serial,
        last_connected_at=last_connected_at,
    )


def _seen_on(
    vehicle: shapes.Fitted, kind: str, fitted: shapes.Gateway, built: Device | Reject
) -> Cut:
    told: dict[str, object] = {"id": vehicle.id}
    if kind == "camera":
        told["cameraSerial"] = fitted.serial
    else:
        told["gateway"] = {"serial": fitted.serial, "model": fitted.model}
    return Cut(
        body=msgspec.json.encode(told),
        schema="samsara.vehicle",
        records=[built] if isinstance(built, Device) else [],
        rejects=[built] if isinstance(built, Reject) else [],
    )


def _trailer(
    towed: shapes.Trailer | None, owned: shapes.Asset | None, identity: Identity, provider: str
) -> Trailer:
    """Build a trailer; what both entries say is taken from the list of trailers."""
    source_id = str(towed.id if towed else owned.id if owned else "")
    first = towed or shapes.Trailer(source_id)
    second = owned or shapes.Asset(source_id)
    plate = text(first.licensePlate or second.licensePlate)
    return Trailer(
        id=identity.of("trailer", source_id),
        source_id=source_id,
        provider=provider,
        status="active",
        name=text(first.name or second.name),
        vin=upper(second.vin),
        serial_number=text(first.trailerSerialNumber or second.serialNumber),
        make=text(second.make),
        model=text(second.model),
        year=model_year(second.year),
        groups=groups(second.tags if first.tags is None else first.tags, identity),
        license_plate=UNSET if plate is UNSET else LicensePlate(number=plate),
        created_at=instant(second.createdAtTime),
        updated_at=instant(second.updatedAtTime),
    )
