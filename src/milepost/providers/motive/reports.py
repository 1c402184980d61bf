"""Turns Motive's daily utilisation and its miles by state into the unified model; pure."""

from __future__ import annotations

from datetime import date

from msgspec import UNSET, Raw

from milepost import units
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import clean, entity_cut
from milepost.models.ifta import IFTAVehicleMonth
from milepost.models.utilization import UtilizationDurations, VehicleUtilizationDay
from milepost.providers.motive import shapes
from milepost.providers.motive.mapping import STATES, km, litres, vehicle_of


def day_cut(body: Raw, day: date, identity: Identity, provider: str, *, metric: bool) -> Cut:
    """Cut a vehicle's day out of a report, whose rows do not say of which day they are."""

    def build(raw: shapes.Utilization) -> VehicleUtilizationDay | Reject | None:
        # A row with a message is zeros for want of data, not a day without driving.
        if clean(raw.message) or raw.total_distance is None:
            return None
        vehicle = vehicle_of(raw.vehicle)
        if isinstance(vehicle, Reject):
            return vehicle
        durations = UtilizationDurations(
            driving=UNSET if raw.driving_time is None else units.ms_from_seconds(raw.driving_time),
            idling=UNSET if raw.idle_time is None else units.ms_from_seconds(raw.idle_time),
        )
        # Fuel of zero on a day with a distance is fuel that nobody measured.
        fuel = raw.total_fuel if raw.total_fuel or not raw.total_distance else None
        return VehicleUtilizationDay(
            id=identity.of("vehicle_utilization_day", f"{vehicle}:{day.isoformat()}"),
            provider=provider,
            vehicle=identity.of("vehicle", vehicle),
            date=day.isoformat(),
            distance=km(raw.total_distance, metric=metric),
            fuel_consumed=UNSET if fuel is None else litres(fuel, metric=metric),
            durations=UNSET if durations == UtilizationDurations() else durations,
        )

    return entity_cut(body, shapes.Utilization, "motive.vehicle_utilization", build)


def month_cut(body: Raw, month: str, identity: Identity, provider: str, *, metric: bool) -> Cut:
    """Cut what a vehicle drove in one jurisdiction in a month, `2025-02`, out of its page."""

    def build(raw: shapes.IftaTrip) -> IFTAVehicleMonth | Reject:
        vehicle = vehicle_of(raw.vehicle)
        if isinstance(vehicle, Reject):
            return vehicle
        code = clean(raw.jurisdiction).upper()
        return IFTAVehicleMonth(
            id=identity.of("ifta_vehicle_month", f"{vehicle}:{month}:{code}"),
            provider=provider,
            vehicle=identity.of("vehicle", vehicle),
            month=month,
            # A state of Mexico, for one, is none that the model knows.
            jurisdiction=STATES.get(code),
            distance=km(raw.distance, metric=metric),
        )

    return entity_cut(body, shapes.IftaTrip, "motive.ifta_trip", build)
