"""What Milepost computes beside what a provider says: extensions, shown on request and never mixed in."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from milepost.models.meta import Model


class DerivedVehicle(Model, frozen=True, kw_only=True):
    """What the vehicle identification number says, by NHTSA's vPIC data."""

    vin_valid: bool  # the right signs, and a check digit that fits (49 CFR 565.15)
    make: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    year: int | UnsetType = UNSET
    manufacturer: str | UnsetType = UNSET
    vehicle_type: str | UnsetType = UNSET
    body_class: str | UnsetType = UNSET
    weight_class: int | UnsetType = UNSET  # 1 to 8, by gross vehicle weight rating
    fuel_type: str | UnsetType = UNSET
    engine: str | UnsetType = UNSET
    engine_displacement: float | UnsetType = UNSET  # litres
    engine_cylinders: int | UnsetType = UNSET
    plant_country: str | UnsetType = UNSET


class DerivedFault(Model, frozen=True, kw_only=True):
    """What a fault code says by the open tables of its protocol.

    `component` is the parameter (SPN) or the system that a code is about, `failure` the way in which it
    failed (FMI). `generic` says whether an OBD-II code means the same with every maker.
    """

    component: str | UnsetType = UNSET
    failure: str | UnsetType = UNSET
    severity: Literal["least", "moderate", "most"] | UnsetType = UNSET
    source: str | UnsetType = UNSET  # the control unit that complains, by its J1939 address
    generic: bool | UnsetType = UNSET
