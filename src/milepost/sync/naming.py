"""Finds the vehicles and drivers that a file names among those of the connection. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from milepost.kit.files import NamedDriver, NamedVehicle
from milepost.store.files import Known


class Named(msgspec.Struct, frozen=True):
    """Source ids by the file's keys, and what is known of each with what the file adds laid over it.

    `strangers` are keys that the connection does not know.
    """

    vehicle_ids: dict[str, str]
    driver_ids: dict[str, str]
    vehicles: dict[str, NamedVehicle]  # by source id
    drivers: dict[str, NamedDriver]  # by source id
    strange_vehicles: set[str]
    strange_drivers: set[str]


def named(
    vehicles: Mapping[str, NamedVehicle],
    drivers: Mapping[str, NamedDriver],
    known_vehicles: Sequence[Known],
    known_drivers: Sequence[Known],
) -> Named:
    """Match by the source's id, then by VIN or user name, then by name; two of one name are told apart by none."""
    found = Named({}, {}, {}, {}, set(), set())
    by_id = {each.source_id: each for each in known_vehicles}
    by_vin = {each.vin.upper(): each for each in known_vehicles if each.vin}
    by_name = _unique([(each.name, each) for each in known_vehicles])
    for key, vehicle in vehicles.items():
        known = (
            by_id.get(vehicle.source_id or "")
            or by_vin.get((vehicle.vin or "").upper())
            or (None if vehicle.source_id else by_name.get(_folded(vehicle.name)))
        )
        source_id = known.source_id if known else _own_id(vehicle)
        found.vehicle_ids[key] = source_id
        if known is None:
            found.strange_vehicles.add(key)
            known = by_id[source_id] = Known(
                source_id, vehicle.vin, vehicle.name, None, None, None, None, None
            )
            by_vin.setdefault((vehicle.vin or source_id).upper(), known)
            by_name.setdefault(_folded(vehicle.name), known)
        before = found.vehicles.get(source_id)
        found.vehicles[source_id] = NamedVehicle(
            source_id=source_id,
            vin=vehicle.vin or (before.vin if before else None) or known.vin,
            name=vehicle.name or (before.name if before else None) or known.name,
        )
    _name_drivers(found, drivers, known_drivers)
    return found


def _name_drivers(
    found: Named, drivers: Mapping[str, NamedDriver], known_drivers: Sequence[Known]
) -> None:
    by_id = {each.source_id: each for each in known_drivers}
    by_user = {each.username: each for each in known_drivers if each.username}
    by_name = _unique(
        [(f"{each.first_name or ''} {each.last_name or ''}", each) for each in known_drivers]
    )
    for key, driver in drivers.items():
        called = f"{driver.first_name or ''} {driver.last_name or ''}"
        known = (
            by_id.get(driver.source_id)
            or by_user.get(driver.username or driver.source_id)
            or by_name.get(_folded(called))
        )
        source_id = known.source_id if known else driver.source_id
        found.driver_ids[key] = source_id
        if known is None:
            found.strange_drivers.add(key)
        found.drivers[source_id] = NamedDriver(
            source_id=source_id,
            username=driver.username or (known.username if known else None),
            first_name=driver.first_name or (known.first_name if known else None),
            last_name=driver.last_name or (known.last_name if known else None),
            license_state=driver.license_state or (known.license_state if known else None),
            license_number=driver.license_number or (known.license_number if known else None),
        )


def _own_id(vehicle: NamedVehicle) -> str:
    return vehicle.source_id or (vehicle.vin or "").upper() or vehicle.name or ""


def _folded(name: str | None) -> str:
    return " ".join((name or "").casefold().split())


def _unique(pairs: Sequence[tuple[str | None, Known]]) -> dict[str, Known]:
    seen: dict[str, list[Known]] = {}
    for name, each in pairs:
        seen.setdefault(_folded(name), []).append(each)
    return {name: each[0] for name, each in seen.items() if name and len(each) == 1}
