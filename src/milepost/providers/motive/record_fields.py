"""Every field of Motive's answers about what happens in time: what it becomes, or why it is left out."""

from __future__ import annotations

from milepost.kit.ledger import Dropped, Fields, Mapped
from milepost.providers.motive.mentions import (
    ELECTRIC,
    ELSEWHERE,
    FITTED,
    NOTE,
    PLACE,
    UNNAMED,
    driver,
    drop,
    vehicle,
)

_FORM = Dropped("of the form of the log, which the model has no place for")
_COACHING = Dropped("how the carrier dealt with it; the model has no place for it")
_FOLLOWS = Dropped("follows from other fields")

LOG: Fields = {
    "id": Dropped("a driver and a date name a day"),
    "date": Mapped("date"),
    "driver": driver("driver"),
    "total_miles": Mapped("distances.total"),
    "metric_units": Mapped("no field; says in which units total_miles is"),
    "vehicles": {"vehicle": vehicle("vehicle, where it is the only one")},
    "co_drivers": {"co_driver": driver("codrivers")},
    "remarks": {
        "remark": {
            "id": Mapped("remarks.sourceId"),
            "time": Mapped("remarks.submittedAt"),
            "notes": Mapped("remarks.notes"),
            "location": PLACE,
        }
    },
    "events": {
        "event": {
            "id": Mapped("sourceId"),
            "type": Mapped("status"),
            "sds_type": Mapped("status; statusDurations.personalConveyance and yardMove"),
            "start_time": Mapped("startedAt"),
            "end_time": Mapped("endedAt"),
            "notes": Mapped("remarks.notes"),
            "location": PLACE,
        }
    },
    "off_duty_duration": Mapped("statusDurations.offDuty"),
    "on_duty_duration": Mapped("statusDurations.onDuty"),
    "sleeper_duration": Mapped("statusDurations.sleeperBed"),
    "driving_duration": Mapped("statusDurations.driving"),
    "waiting_duration": Mapped("statusDurations.waiting"),
    **drop(
        _FORM,
        "driver_signed_at driver_signature_url time_zone cycle driver_first_name driver_last_name"
        " carrier_name carrier_street carrier_city carrier_state carrier_zip terminal_street"
        " terminal_city terminal_state terminal_zip notes driver_company_id origin destination"
        " exception_24_hour_restart exception_8_hour_break exception_wait_time exception_short_haul"
        " short_haul eld_mode co_driver_full_names trailer_numbers vehicle_numbers cycle_restarts"
        " inspection_reports odometers shipping_doc shipping_docs form_and_manner_errors"
        " hos_violations",
    ),
}

AVAILABLE_TIME: Fields = {
    "id": Mapped("driver"),
    "duty_status": Mapped("currentStatus"),
    "last_hos_status": {
        "status": Mapped("currentStatus, without a duty status"),
        "time": Dropped("the time left is of now"),
    },
    "available_time": {
        "drive": Mapped("availableTime.drive"),
        "shift": Mapped("availableTime.shift"),
        "cycle": Mapped("availableTime.cycle"),
        "break": Mapped("availableTime.break"),
    },
    **drop(Dropped("more of the rules than the model has clocks for"), "recap last_cycle_reset"),
    **drop(ELSEWHERE, "first_name last_name username email driver_company_id status role"),
}

DRIVING_PERIOD: Fields = {
    "id": Mapped("sourceId"),
    "start_time": Mapped("startedAt"),
    "end_time": Mapped("endedAt"),
    "status": Mapped("no field; a period in progress is no trip yet"),
    "duration": Mapped("duration"),
    "start_kilometers": Mapped("distance"),
    "end_kilometers": Mapped("distance"),
    "driver": driver("driver"),
    "vehicle": vehicle("vehicle"),
    "origin_lat": Mapped("startLocation.latitude"),
    "origin_lon": Mapped("startLocation.longitude"),
    "destination_lat": Mapped("endLocation.latitude"),
    "destination_lon": Mapped("endLocation.longitude"),
    "origin": PLACE,
    "destination": PLACE,
    "distance": Dropped("a text for people; the kilometres count"),
    "notes": NOTE,
    "type": Dropped("all are driving"),
    **drop(UNNAMED, "annotation_status source"),
    **drop(
        ELECTRIC,
        "start_hvb_state_of_charge end_hvb_state_of_charge start_hvb_lifetime_energy_output"
        " end_hvb_lifetime_energy_output",
    ),
}

_VIDEOS: Fields = dict.fromkeys(
    (
        "front_facing_enhanced_url", "front_facing_plain_url", "driver_facing_enhanced_url",
        "driver_facing_plain_url", "dual_facing_enhanced_url", "dual_facing_plain_url",
    ),
    Mapped("cameraMedia, whether there is footage; its address lives for two days"),
)  # fmt: skip

PERFORMANCE_EVENT: Fields = {
    "id": Mapped("sourceId"),
    "type": Mapped("type, sourceType"),
    "start_time": Mapped("startedAt"),
    "end_time": Mapped("endedAt"),
    "driver": driver("driver"),
    "current_driver": driver("driver, as notifications have it"),
    "vehicle": vehicle("vehicle"),
    "current_vehicle": vehicle("vehicle, as notifications have it"),
    "lat": Mapped("startLocation.latitude"),
    "lon": Mapped("startLocation.longitude"),
    "m_gps_lat": Mapped("endLocation.latitude"),
    "m_gps_lon": Mapped("endLocation.longitude"),
    "m_veh_spd": Mapped("stats.averageSpeed"),
    "max_speed": Mapped("stats.maximumSpeed"),
    "acceleration": Mapped("stats.gForceForwardBackward or gForceSideToSide"),
    "end_bearing": Mapped("stats.heading"),
    "camera_media": {
        "id": Dropped("footage is asked for by its event"),
        "available": Mapped("cameraMedia.frontFacing.available, rearFacing.available"),
        "downloadable_videos": _VIDEOS,
        **drop(
            _FOLLOWS, "auto_transcode_status start_time duration cam_positions cam_type uploaded_at"
        ),
    },
    "location": PLACE,
    "duration": _FOLLOWS,
    **drop(
        Dropped("more of the course of an event than the model has a place for"),
        "end_speed start_speed min_speed start_bearing intensity m_gps_heading m_gps_spd",
    ),
    **drop(
        Dropped("an event that sums up others, each of which is told too"),
        "aggregated sub_event_metadata",
    ),
    **drop(_COACHING, "coaching_status coached_at coached_by"),
    "metadata": Dropped("how grave the vendor takes it; the model has no place for it"),
    "eld_device": FITTED,
}

SPEEDING_EVENT: Fields = {
    "id": Mapped("sourceId"),
    "start_time": Mapped("startedAt"),
    "end_time": Mapped("endedAt"),
    "driver": driver("driver"),
    "current_driver": driver("driver, as notifications have it"),
    "vehicle": vehicle("vehicle"),
    "current_vehicle": vehicle("vehicle, as notifications have it"),
    "start_lat": Mapped("startLocation.latitude"),
    "start_lon": Mapped("startLocation.longitude"),
    "end_lat": Mapped("endLocation.latitude"),
    "end_lon": Mapped("endLocation.longitude"),
    "avg_vehicle_speed": Mapped("stats.averageSpeed"),
    "max_vehicle_speed": Mapped("stats.maximumSpeed"),
    "max_posted_speed_limit_in_kph": Mapped("stats.roadSpeedLimit"),
    "min_posted_speed_limit_in_kph": Mapped("stats.roadSpeedLimit, without the highest"),
    "min_vehicle_speed": Dropped("the model has no lowest speed"),
    "type": Dropped("all are speeding"),
    "status": Dropped("what it says besides valid, no source tells"),
    **drop(
        _FOLLOWS,
        "duration speeding_distance_in_km max_over_speed_in_kph avg_over_speed_in_kph",
    ),
    "coaching_status": _COACHING,
    "metadata": Dropped("how grave the vendor takes it; the model has no place for it"),
    "eld_device": FITTED,
}

FAULT_CODE: Fields = {
    "id": Mapped("sourceId"),
    "vehicle": vehicle("vehicle"),
    "first_observed_at": Mapped("observedAt"),
    "last_observed_at": Mapped("no field; whether it is of the window"),
    "network": Mapped("protocol"),
    "code": Mapped("code; j1939.spn, obdii.code"),
    "code_label": Mapped("code, where there is none"),
    "code_description": Mapped("description; j1939.spnDescription, obdii.description"),
    "status": Mapped("status"),
    "dtc_status": Mapped("status, of one that is pending"),
    "fmi": Mapped("j1939.fmi"),
    "fmi_description": Mapped("j1939.fmiDescription"),
    "occurrence_count": Mapped("j1939.occurrenceCount"),
    "num_observations": Mapped("j1939.occurrenceCount, where there is none"),
    "source_address": Mapped("j1939.sourceAddress"),
    "eld_device": FITTED,
    **drop(_FOLLOWS, "source_address_label source_address_name sum_num_observations type"),
    **drop(
        Dropped("more of a code than the model has a place for"),
        "is_sid dtc_severity functional_grp_id ftb",
    ),
}

VEHICLE_UTILIZATION: Fields = {
    "vehicle": vehicle("vehicle"),
    "total_distance": Mapped("distance"),
    "total_fuel": Mapped("fuelConsumed"),
    "driving_time": Mapped("durations.driving"),
    "idle_time": Mapped("durations.idling"),
    "message": Mapped("no field; a row with one has no data"),
    **drop(Dropped("a part of the total"), "driving_fuel idle_fuel"),
    "utilization_percentage": _FOLLOWS,
    "last_located_at": Dropped("positions have a stream of their own"),
}

IFTA_TRIP: Fields = {
    "vehicle": vehicle("vehicle"),
    "jurisdiction": Mapped("jurisdiction"),
    "distance": Mapped("distance"),
    "time_zone": Dropped("the company has it"),
}
