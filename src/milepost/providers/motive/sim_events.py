"""The simulated Motive's driving periods, performance and speeding events, and fault codes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from milepost.kit.world import Incident, IncidentKind, Journey, TroubleCode, VehicleCard, World
from milepost.providers.motive.sim_dialect import (
    Ask,
    begins,
    brief_driver,
    brief_vehicle,
    device,
    drivers_by_id,
    ms,
    number,
    page,
    read_days,
    spell,
    write,
)

_UTC = ZoneInfo("UTC")
_DAY = timedelta(days=1)
_LONGEST_TRIP = timedelta(days=1)
_URL_LIFE = timedelta(hours=48)
_FAULT_DAYS = 60  # How far back the list of faults goes; a guess.

# What has no name of its own here is called by the nearest one.
_KINDS: dict[IncidentKind, str] = {
    "harsh_brake": "hard_brake", "harsh_acceleration": "hard_accel", "harsh_turn": "hard_corner",
    "crash": "crash", "near_crash": "near_miss", "tailgating": "tailgating",
    "cell_phone": "cell_phone", "distracted": "distraction", "drowsiness": "drowsiness",
    "smoking": "smoking", "seat_belt_violation": "seat_belt_violation",
    "stop_sign_violation": "stop_sign_violation", "rolling_stop": "stop_sign_violation",
    "red_light_violation": "red_light_violation", "unsafe_lane_change": "unsafe_lane_change",
    "camera_obstruction": "road_facing_cam_obstruction", "eating_and_drinking": "eating",
    "unsafe_parking": "unsafe_parking", "other": "manual_event",
}  # fmt: skip


def list_driving_periods(ask: Ask) -> bytes:
    """List periods that began on UTC days, the newest first, with those that are not over yet."""
    first, last = read_days(ask, _UTC, 30)
    start, end = begins(first, _UTC), begins(last, _UTC) + _DAY
    cards = {vehicle.id: vehicle for vehicle in ask.world.vehicles}
    drivers = drivers_by_id(ask.world)
    # What has begun and will end within a day is under way.
    known = ask.now + _LONGEST_TRIP
    found = [
        trip
        for vehicle in cards
        for trip in ask.world.trips(vehicle, start, min(end, ask.now), known)
        if start <= trip.starts_at < end and trip.starts_at <= ask.now
    ]
    complete = {
        (trip.vehicle_id, trip.starts_at)
        for vehicle in cards
        for trip in ask.world.trips(vehicle, max(start, ask.now - _LONGEST_TRIP), ask.now, ask.now)
    }
    found = [
        trip
        for trip in found
        if trip.ends_at <= ask.now - _LONGEST_TRIP
        or trip.ends_at > ask.now
        or (trip.vehicle_id, trip.starts_at) in complete
    ]
    found.sort(key=lambda trip: (trip.starts_at, trip.vehicle_id), reverse=True)

    def show(trip: Journey) -> dict[str, Any]:
        driver = brief_driver(drivers.get(trip.driver_id or ""))
        return _show_period(trip, cards[trip.vehicle_id], driver, ask.now)

    return write(page(ask, found, "driving_periods", "driving_period", show))


def list_performance_events(ask: Ask) -> bytes:
    """List events but speeding; what a review rejected is withdrawn, as if it had never been."""
    with_media = (ask.request.argument("media_required") or "").lower() == "true"
    cards, found = _incidents(ask)
    happened = [i for i in found if i.kind in _KINDS]
    drivers = drivers_by_id(ask.world)

    def show(incident: Incident) -> dict[str, Any]:
        vehicle = cards[incident.vehicle_id]
        spot = incident.spot
        shown: dict[str, Any] = {
            "id": event_number(incident.id),
            "type": _KINDS[incident.kind],
            "acceleration": incident.g_force,
            "duration": round((incident.ends_at - incident.starts_at).total_seconds()),
            "start_time": spell(incident.starts_at),
            "end_time": spell(incident.ends_at),
            "end_bearing": incident.heading,
            "end_speed": None,
            "max_speed": incident.fastest_kmh,
            "lat": spot.latitude,
            "lon": spot.longitude,
            "location": spot.address,
            "m_gps_heading": [],
            "m_gps_lat": [],
            "m_gps_lon": [],
            "m_veh_spd": [],
            "coaching_status": "coached" if incident.state == "coached" else "pending_review",
            "metadata": {"severity": None},
            "driver": brief_driver(drivers.get(incident.driver_id or "")),
            "vehicle": brief_vehicle(vehicle),
            "eld_device": device(vehicle),
        }
        if vehicle.camera_serial:
            shown["camera_media"] = _media(incident, ask.now, with_urls=with_media)
        return shown

    return write(page(ask, happened, "driver_performance_events", "driver_performance_event", show))


def list_speeding_events(ask: Ask) -> bytes:
    cards, found = _incidents(ask)
    drivers = drivers_by_id(ask.world)

    def show(incident: Incident) -> dict[str, Any]:
        vehicle, spot = cards[incident.vehicle_id], incident.spot
        fastest, limit = incident.fastest_kmh, incident.limit_kmh
        over = None if fastest is None or limit is None else fastest - limit
        return {
            "id": event_number(incident.id),
            "speeding_distance_in_km": None,
            "max_over_speed_in_kph": over,
            "avg_over_speed_in_kph": over,
            "min_posted_speed_limit_in_kph": limit,
            "max_posted_speed_limit_in_kph": limit,
            "avg_vehicle_speed": fastest,
            "min_vehicle_speed": limit,
            "max_vehicle_speed": fastest,
            "duration": round((incident.ends_at - incident.starts_at).total_seconds()),
            "start_lat": spot.latitude,
            "start_lon": spot.longitude,
            "end_lat": None,
            "end_lon": None,
            "type": "posted",
            "start_time": spell(incident.starts_at),
            "end_time": spell(incident.ends_at),
            "coaching_status": "coachable",
            "status": "valid",
            "driver": brief_driver(drivers.get(incident.driver_id or "")),
            "vehicle": brief_vehicle(vehicle),
            "eld_device": device(vehicle),
            "metadata": {"severity": "medium", "trigger": "speeding"},
        }

    speeding = [incident for incident in found if incident.kind == "speeding"]
    return write(page(ask, speeding, "speeding_events", "speeding_event", show))


def list_fault_codes(ask: Ask) -> bytes:
    """List faults, each once from when it was first seen to when it was gone."""
    found = [
        (vehicle, fault)
        for vehicle in ask.world.vehicles
        for fault in _faults(ask.world, vehicle, ask.now)
    ]
    return write(page(ask, found, "fault_codes", "fault_code", lambda each: _show_fault(*each)))


def event_number(incident: str) -> int:
    return number("incident", incident)


class Seen:
    """One fault: when it was seen first and last, in which form, and how often."""

    def __init__(self, code: TroubleCode, at: datetime) -> None:
        self.code, self.first, self.last, self.times = code, at, at, 0
        self.closed = False


def _faults(world: World, vehicle: VehicleCard, now: datetime) -> list[Seen]:
    start = now - timedelta(days=_FAULT_DAYS)
    open_: dict[tuple[object, ...], Seen] = {}
    found: list[Seen] = []
    for window in world.held(vehicle.id, start, now, now):
        for reading in world.faults(vehicle.id, *window):
            here = {(c.protocol, c.spn, c.fmi, c.dtc): c for c in reading.codes}
            for key in [*open_]:
                if key not in here:
                    open_.pop(key).closed = True
            for key, code in here.items():
                if key not in open_:
                    open_[key] = Seen(code, reading.at)
                    found.append(open_[key])
                seen = open_[key]
                seen.code, seen.last, seen.times = code, reading.at, seen.times + 1
    return found


def _show_fault(vehicle: VehicleCard, seen: Seen) -> dict[str, Any]:
    code = seen.code
    heavy = code.protocol == "j1939"
    name = str(code.spn) if heavy else code.dtc
    return {
        "id": number("fault", vehicle.id, name, code.fmi, ms(seen.first)),
        "code": name,
        "code_label": f"SPN {code.spn} FMI {code.fmi}" if heavy else name,
        "code_description": code.description,
        "source_address_label": str(code.source_address) if heavy else "2024",
        "status": "closed" if seen.closed else "open",
        "first_observed_at": spell(seen.first),
        "last_observed_at": spell(seen.last),
        "type": "constant",
        "fmi": code.fmi if heavy else None,
        "occurrence_count": code.occurrences if heavy else None,
        "num_observations": seen.times,
        "sum_num_observations": seen.times,
        "source_address_name": None,
        "source_address": str(code.source_address) if heavy else "2024",
        "is_sid": False,
        "fmi_description": code.fmi_description if heavy else None,
        "dtc_status": "pending" if code.status == "pending" else None,
        "dtc_severity": None,
        "functional_grp_id": None,
        "ftb": None,
        "eld_device": device(vehicle),
        "vehicle": brief_vehicle(vehicle),
        "network": code.protocol,
    }


def _show_period(
    trip: Journey, vehicle: VehicleCard, driver: dict[str, Any] | None, now: datetime
) -> dict[str, Any]:
    over = trip.ends_at <= now
    # The dashboard's own count where the engine's bus is not read.
    start_km = trip.odometer_m[0] / 1000 if trip.odometer_m else 1_000.0
    end_km = start_km + trip.metres / 1000
    miles = trip.metres / 1609.344
    lasted = (min(trip.ends_at, now) - trip.starts_at).total_seconds()
    return {
        "id": number("period", trip.vehicle_id, ms(trip.starts_at)),
        "start_time": spell(trip.starts_at),
        "end_time": spell(trip.ends_at) if over else None,
        "status": "complete" if over else "in_progress",
        "type": "driving",
        "annotation_status": None,
        "notes": None,
        "duration": lasted,
        "start_kilometers": start_km,
        "end_kilometers": end_km if over else None,
        "source": None,
        "driver": driver,
        "vehicle": brief_vehicle(vehicle),
        "origin": trip.origin.address or "",
        "origin_lat": trip.origin.latitude,
        "origin_lon": trip.origin.longitude,
        "destination_lat": trip.destination.latitude if over else None,
        "destination_lon": trip.destination.longitude if over else None,
        "destination": (trip.destination.address or "") if over else "",
        "distance": f"{miles:.1f} mi" if over else None,
        "start_hvb_state_of_charge": None,
        "end_hvb_state_of_charge": None,
        "start_hvb_lifetime_energy_output": None,
        "end_hvb_lifetime_energy_output": None,
    }


def _incidents(ask: Ask) -> tuple[dict[str, VehicleCard], list[Incident]]:
    first, last = read_days(ask, _UTC)
    start, end = begins(first, _UTC), begins(last, _UTC) + _DAY
    cards = {vehicle.id: vehicle for vehicle in ask.world.vehicles}
    found = [i for i in ask.world.incidents(start, end, ask.now) if i.vehicle_id in cards]
    return cards, sorted(found, key=lambda i: (i.starts_at, i.id), reverse=True)


def _media(incident: Incident, now: datetime, *, with_urls: bool) -> dict[str, Any]:
    ready = incident.footage_at is not None
    urls = {
        f"{side}_facing_{quality}_url": (
            _sign(incident, side, now)
            if ready and with_urls and quality == "plain" and side != "dual"
            else None
        )
        for side in ("front", "driver", "dual")
        for quality in ("enhanced", "plain")
    }
    return {
        "id": event_number(incident.id),
        "available": ready,
        "auto_transcode_status": "completed" if ready else "not started",
        "downloadable_videos": urls,
    }


def _sign(incident: Incident, side: str, now: datetime) -> str:
    expires = ms(now + _URL_LIFE) // 1000
    text = f"{incident.id}/{side}/{expires}"
    signature = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return f"https://media.example/{text}?signature={signature}"
