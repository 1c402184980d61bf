"""What files say of vehicles, drivers and duty, as models. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from msgspec import UNSET

from milepost import clock
from milepost.ids import Identity
from milepost.kit.files import Duty, NamedDriver, NamedVehicle
from milepost.models.driver import Driver, License
from milepost.models.hos import HOSLog, HOSRemark
from milepost.models.location import Coordinates
from milepost.models.meta import State
from milepost.models.vehicle import Vehicle

_STATES = frozenset(get_args(State))


def vehicle(named: NamedVehicle, source_id: str, provider: str, identity: Identity) -> Vehicle:
    return Vehicle(
        id=identity.of("vehicle", source_id),
        source_id=source_id,
        provider=provider,
        status="active",
        name=named.name or named.vin or named.source_id or UNSET,
        vin=named.vin.upper() if named.vin else UNSET,
    )


def driver(named: NamedDriver, source_id: str, provider: str, identity: Identity) -> Driver:
    state = named.license_state if named.license_state in _STATES else None
    license_ = License(state=state or UNSET, number=named.license_number or UNSET)  # type: ignore[arg-type]
    return Driver(
        id=identity.of("driver", source_id),
        source_id=source_id,
        provider=provider,
        status="active",
        first_name=named.first_name or UNSET,
        last_name=named.last_name or UNSET,
        username=named.username or UNSET,
        license=license_ if named.license_number else UNSET,
    )


def hos_log(
    duty: Duty,
    vehicles: Mapping[str, str],
    drivers: Mapping[str, str],
    provider: str,
    identity: Identity,
) -> HOSLog:
    whose = drivers[duty.driver]
    source_id = f"{whose}@{clock.iso(duty.started_at)}"
    return HOSLog(
        id=identity.of("hos_log", source_id),
        source_id=source_id,
        provider=provider,
        status=duty.status,
        driver=identity.of("driver", whose),
        started_at=clock.iso(duty.started_at),
        ended_at=clock.iso(duty.ended_at) if duty.ended_at else UNSET,
        vehicle=identity.of("vehicle", vehicles[duty.vehicle])
        if duty.vehicle is not None and duty.vehicle in vehicles
        else UNSET,
        location=Coordinates(latitude=duty.place[0], longitude=duty.place[1])
        if duty.place
        else UNSET,
        remarks=[HOSRemark(notes=note) for note in duty.notes],
    )
