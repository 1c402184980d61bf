"""Turns Samsara's reports by vehicle, a day's usage and a month's miles by state, into the unified model; pure."""

from __future__ import annotations

from datetime import date

from msgspec import UNSET, Raw

from milepost import units
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import entity_cut, read
from milepost.models.ifta import IFTAVehicleMonth
from milepost.models.utilization import UtilizationDurations, VehicleUtilizationDay
from milepost.providers.samsara import record_shapes as shapes
from milepost.providers.samsara.hours import known
from milepost.providers.samsara.mapping import STATES


def day_cut(body: Raw, day: date, identity: Identity, provider: str) -> Cut:
    """Cut a vehicle's day out of a report, whose rows do not say of which day they are."""

    def build(raw: shapes.EnergyReport) -> VehicleUtilizationDay | Reject:
        vehicle = known(raw.vehicle)
        if vehicle is None:
            return Reject("vehicle.id: missing")
        fuel = raw.fuelConsumedMl
        durations = _durations(raw)
        return VehicleUtilizationDay(
            id=identity.of("vehicle_utilization_day", f"{vehicle}:{day.isoformat()}"),
            provider=provider,
            vehicle=identity.of("vehicle", vehicle),
            date=day.isoformat(),
            distance=units.km_from_metres(raw.distanceTraveledMeters),
            fuel_consumed=UNSET if fuel is None else units.litres_from_millilitres(fuel),
            durations=UNSET if durations == UtilizationDurations() else durations,
        )

    return entity_cut(body, shapes.EnergyReport, "samsara.fuelEnergyReport", build)


def month_cut(body: Raw, month: str, identity: Identity, provider: str) -> Cut:
    """Cut a vehicle's miles of a month, `2025-02`, out of a report: one record a jurisdiction."""
    raw = bytes(body)
    records: list[IFTAVehicleMonth] = []
    ordinals: list[int] = []
    rejects: list[Reject] = []
    given = read(raw, shapes.VehicleMiles, rejects)
    vehicle = known(given.vehicle) if given is not None else None
    if given is not None and vehicle is None:
        rejects.append(Reject("vehicle.id: missing"))
    for at, item in enumerate(given.jurisdictions or [] if given and vehicle else []):
        miles = read(item, shapes.JurisdictionMiles, rejects, at)
        if miles is None:
            continue
        code = (miles.jurisdiction or "").strip().upper()
        records.append(
            IFTAVehicleMonth(
                id=identity.of("ifta_vehicle_month", f"{vehicle}:{month}:{code}"),
                provider=provider,
                vehicle=identity.of("vehicle", vehicle or ""),
                month=month,
                # A state of Mexico, for one, is none that the model knows.
                jurisdiction=STATES.get(code),
                distance=units.km_from_metres(miles.totalMeters),
            )
        )
        ordinals.append(at)
    return Cut(
        body=raw,
        schema="samsara.iftaVehicleReport",
        path="jurisdictions",
        records=list(records),
        ordinals=ordinals,
        rejects=rejects,
    )


def _durations(raw: shapes.EnergyReport) -> UtilizationDurations:
    """Split the time that the engine ran: what was not idling was driving, as far as can be told."""
    run, idle = raw.engineRunTimeDurationMs, raw.engineIdleTimeDurationMs
    driving = None if run is None or idle is None else max(0, round(run - idle))
    return UtilizationDurations(
        driving=UNSET if driving is None else driving,
        idling=UNSET if idle is None else round(idle),
    )
