"""IFTA: how far vehicles drove in each jurisdiction, kept by month and summed up as the reader asks."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from milepost.models.meta import Model, RawData, RecordMetadata, State
from milepost.models.vehicle import Vehicle

ISOMonth = Annotated[str, Meta(pattern=r"^(\d{4})-(0[1-9]|1[0-2])$", examples=["2021-01"])]


class IFTAVehicleMonth(Model, frozen=True, kw_only=True):
    """What one vehicle drove in one month in one jurisdiction.

    A null `jurisdiction` stands for a distance of which the source does not say where; the contract
    has no other null.
    """

    id: str
    provider: str
    vehicle: str | Vehicle
    month: ISOMonth
    jurisdiction: State | None
    distance: float  # km
    metadata: RecordMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET


class IFTASummary(Model, frozen=True, kw_only=True):
    """Vehicle months summed up; what they are not grouped by is absent."""

    provider: str
    distance: float  # km
    vehicle: str | Vehicle | UnsetType = UNSET
    jurisdiction: State | UnsetType | None = UNSET  # null: see IFTAVehicleMonth
    month: ISOMonth | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
