"""Adds up stored records for readers: vehicles' days of use, and the months of IFTA."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from milepost.store import records
from milepost.store.documents import FIRST, as_known
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries
from milepost.store.raw import RawPlace
from milepost.store.records import Order, Visible, Wanted

SQL = queries("summaries")


class UtilizationRow(msgspec.Struct, frozen=True):
    """The days of one vehicle; None where no day has such a figure."""

    vehicle_id: UUID
    modified_at: datetime
    first_day: datetime
    last_day: datetime
    distance: float  # km
    fuel_consumed: float | None  # litres
    driving: int | None  # ms
    idling: int | None  # ms
    raw: list[RawPlace]


class IFTARow(msgspec.Struct, frozen=True):
    """A sum of vehicle months; what they are not grouped by is empty, and so is an unknown jurisdiction."""

    vehicle_id: UUID
    jurisdiction: str
    month: str
    distance: float  # km
    raw: list[RawPlace]


class Grouping(msgspec.Struct, frozen=True):
    """What vehicle months are summed up by."""

    by_vehicle: bool
    by_jurisdiction: bool
    by_month: bool


async def utilization(
    session: Session,
    connection_id: UUID,
    wanted: Wanted,
    *,
    order: Order,
    after: tuple[datetime, UUID] | None,
    raw: bool,
    limit: int,
) -> list[UtilizationRow]:
    """Sum up the days within bounds, by vehicle, in order of vehicle id or of the last change of the sum."""
    after_at, after_id = after or (FIRST, UUID(int=0))
    values = {**wanted.values(), "connection_id": connection_id, "raw": raw, "limit": limit}
    values |= {"after_at": after_at, "after_id": after_id}
    tail = SQL["by_vehicle"] if order == "recorded" else SQL["by_modification"]
    query = "\n".join([SQL["utilization"], records.SQL["visible"], tail])
    found = await fetch_all(session, as_known(query, wanted.visible.known_at), values)
    return [UtilizationRow(*(*row[:-2], _places(*row[-2:]))) for row in found]


async def ifta(
    session: Session,
    connection_id: UUID,
    visible: Visible,
    grouping: Grouping,
    *,
    months: tuple[datetime, datetime],
    after: tuple[UUID, str, str] | None,
    raw: bool,
    limit: int,
) -> list[IFTARow]:
    """Sum up the vehicle months from the first to the last, both included, in order of what they are grouped by."""
    after_vehicle, after_jurisdiction, after_month = after or (None, "", "")
    values: dict[str, Any] = {
        **msgspec.structs.asdict(visible),
        **msgspec.structs.asdict(grouping),
        "connection_id": connection_id,
        "first_month": months[0],
        "last_month": months[1],
        "after_vehicle": after_vehicle,
        "after_jurisdiction": after_jurisdiction,
        "after_month": after_month,
        "raw": raw,
        "limit": limit,
    }
    query = "\n".join([SQL["ifta"], records.SQL["visible"], SQL["ifta_grouped"]])
    found = await fetch_all(session, as_known(query, visible.known_at), values)
    return [IFTARow(*(*row[:-2], _places(*row[-2:]))) for row in found]


def _places(raw_ids: list[int | None] | None, ordinals: list[int | None] | None) -> list[RawPlace]:
    return list(zip(raw_ids or [], ordinals or [], strict=True))
