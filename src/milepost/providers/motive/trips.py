"""Turns Motive's driving periods into trips; pure."""

from __future__ import annotations

from msgspec import UNSET, Raw, UnsetType

from milepost import clock, units
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import Window, entity_cut
from milepost.models.location import Coordinates
from milepost.models.trip import Trip
from milepost.providers.motive import shapes
from milepost.providers.motive.mapping import began, known, vehicle_of

ONGOING = "in_progress"


def trip_cut(body: Raw, window: Window, identity: Identity, provider: str) -> Cut:
    """Cut a trip out of its page; a period that lasts leaves no record until it is over."""
    return entity_cut(
        body,
        shapes.DrivingPeriod,
        "motive.driving_period",
        lambda raw: _trip(raw, window, identity, provider),
    )


def _trip(
    raw: shapes.DrivingPeriod, window: Window, identity: Identity, provider: str
) -> Trip | Reject | None:
    if raw.status == ONGOING or raw.end_time is None:
        return None
    vehicle, driver = vehicle_of(raw.vehicle), known(raw.driver)
    if isinstance(vehicle, Reject):
        return vehicle
    inside = began(window, raw.start_time)
    if inside is not True:
        return inside or None
    if raw.end_time < raw.start_time or window.verdict(raw.end_time):
        return Reject("end_time: before start_time, or in the future")
    source_id = str(raw.id)
    lasted = (raw.end_time - raw.start_time).total_seconds()
    return Trip(
        id=identity.of("trip", source_id),
        source_id=source_id,
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        driver=identity.of("driver", driver) if driver else UNSET,
        started_at=clock.iso(raw.start_time),
        ended_at=clock.iso(raw.end_time),
        duration=units.ms_from_seconds(max(0.0, lasted if raw.duration is None else raw.duration)),
        start_location=place(raw.origin_lat, raw.origin_lon),
        end_location=place(raw.destination_lat, raw.destination_lon),
        distance=_distance(raw.start_kilometers, raw.end_kilometers),
    )


def place(latitude: float | None, longitude: float | None) -> Coordinates | UnsetType:
    if latitude is None or longitude is None:
        return UNSET
    return Coordinates(longitude=longitude, latitude=latitude)


def _distance(start_km: float | None, end_km: float | None) -> float | UnsetType:
    """Return what the odometer rose by: kilometres, whatever the units header says (README, trap 4)."""
    if start_km is None or end_km is None or end_km < start_km:
        return UNSET
    return round(end_km - start_km, 3)
