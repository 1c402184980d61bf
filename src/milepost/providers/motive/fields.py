"""Every field of Motive's answers: what it becomes, or why it is left out.

The names are those of recorded and documented answers (README, sources D, F and L). A table of a nested
row stands where its wrapper is, `vehicles[].vehicle`.
"""

from __future__ import annotations

from milepost.kit.ledger import Dropped, Fields, Mapped
from milepost.providers.motive import record_fields
from milepost.providers.motive.mentions import (
    ELECTRIC,
    FITTED,
    NOTE,
    PLACE,
    SETTING,
    UNNAMED,
    driver,
    drop,
    gateway,
    vehicle,
)

COMPANY: Fields = {
    "id": Mapped("the account's sourceId"),
    "name": Mapped("account.name"),
    "dot_ids": Mapped("account.dotNumbers"),
    "time_zone": Mapped("no field; days and months of reports are counted by it"),
    **drop(SETTING, "company_id cycle metric_units minute_logs exemption_type"),
    **drop(PLACE, "street city state zip"),
}

VEHICLE: Fields = {
    "id": Mapped("sourceId"),
    "number": Mapped("name"),
    "status": Mapped("status"),
    "vin": Mapped("vin"),
    "make": Mapped("make"),
    "model": Mapped("model"),
    "year": Mapped("year"),
    "license_plate_state": Mapped("licensePlate.state"),
    "license_plate_number": Mapped("licensePlate.number"),
    "license_plate_country_code": Dropped("the model has states only"),
    "fuel_type": Mapped("fuelType"),
    "group_ids": Mapped("groups"),
    "eld_device": gateway("devices"),
    "created_at": Mapped("createdAt"),
    "updated_at": Mapped("updatedAt"),
    "current_driver": Dropped("who drives now; positions and duty statuses name their drivers"),
    "permanent_driver": Dropped("who usually drives; the model has no place for it"),
    "notes": NOTE,
    "company_id": Dropped("the account has it"),
    "availability_details": Dropped("whether it is in the workshop; the model has no place for it"),
    "registration_expiry_date": Dropped("of its papers, which the model has no place for"),
    **drop(UNNAMED, "carb_ctc_test_enabled carb_ctc_emission_status"),
    **drop(
        SETTING,
        "ifta metric_units prevent_auto_odometer_entry incab_alert_live_stream_enable"
        " driver_facing_camera incab_audio_recording",
    ),
}

USER: Fields = {
    "id": Mapped("sourceId"),
    "first_name": Mapped("firstName"),
    "last_name": Mapped("lastName"),
    "email": Mapped("email"),
    "username": Mapped("username"),
    "phone": Mapped("phone"),
    "phone_country_code": Mapped("phone"),
    "role": Mapped("no field; only drivers are drivers"),
    "status": Mapped("status"),
    "drivers_license_number": Mapped("license.number"),
    "drivers_license_state": Mapped("license.state"),
    "group_ids": Mapped("groups"),
    "created_at": Mapped("createdAt"),
    "updated_at": Mapped("updatedAt"),
    "driver_company_id": Dropped("the carrier's own number; the model has no place for it"),
    "duty_status": Dropped("duty statuses have a stream of their own"),
    "dot_id": Dropped("the account has the carrier's numbers"),
    "joined_at": Dropped("when they joined the carrier; the model has no place for it"),
    **drop(Dropped("the model has one number"), "phone2 phone_country_code2 phone_ext"),
    **drop(
        Dropped("names in other systems of the carrier"),
        "company_reference_id external_ids associated_dispatcher_id",
    ),
    **drop(
        Dropped("when the vendor's app was used"),
        "mobile_current_sign_in_at mobile_last_active_at mobile_last_sign_in_at"
        " web_current_sign_in_at web_last_active_at web_last_sign_in_at expires_at",
    ),
    **drop(
        Dropped("of the carrier, which the model has no place for"),
        "carrier_name carrier_street carrier_city carrier_state carrier_zip"
        " terminal_street terminal_city terminal_state terminal_zip",
    ),
    **drop(
        SETTING,
        "time_zone metric_units eld_mode cycle cycle2 violation_alerts minute_logs"
        " exception_24_hour_restart exception_8_hour_break exception_adverse_driving"
        " exception_ca_farm_school_bus exception_short_haul exception_wait_time"
        " exception_24_hour_restart2 exception_8_hour_break2 exception_adverse_driving2"
        " exception_ca_farm_school_bus2 exception_short_haul2 exception_wait_time2"
        " export_combined export_odometers export_recap manual_driving_enabled"
        " personal_conveyance_enabled yard_moves_enabled",
    ),
}

GROUP: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("name"),
    "parent_id": Mapped("parent"),
    "company_id": Dropped("the account has it"),
    "user": Dropped("who made the group"),
}

ELD_DEVICE: Fields = {
    "id": Mapped("sourceId"),
    "identifier": Mapped("serialNumber"),
    "model": Mapped("description"),
    "vehicle": vehicle("vehicle"),
}

ASSET: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("name"),
    "status": Mapped("status"),
    "vin": Mapped("vin"),
    "make": Mapped("make"),
    "model": Mapped("model"),
    "year": Mapped("year"),
    "license_plate_state": Mapped("licensePlate.state"),
    "license_plate_number": Mapped("licensePlate.number"),
    "group_ids": Mapped("groups"),
    "created_at": Mapped("createdAt"),
    "updated_at": Mapped("updatedAt"),
    "type": Dropped("the model has no place for kinds of trailers"),
    "notes": NOTE,
    "asset_gateway": {
        "identifier": Mapped("serialNumber"),
        "id": Dropped("gateways of assets are no devices of vehicles"),
        "active": SETTING,
        "last_location": {
            "lat": Mapped("location.latitude, of the latest place"),
            "lon": Mapped("location.longitude"),
            "located_at": Mapped("locatedAt"),
            "address": Mapped("address.formatted"),
            "formatted_address": Mapped("address.formatted"),
            "moving": Dropped("a latest place of a trailer has no speed"),
        },
    },
}

_COUNTERS: Fields = {
    "odometer": Mapped("odometer, where the engine's bus tells none"),
    "true_odometer": Mapped("odometer"),
    "engine_hours": Mapped("engine runtime, where the engine's bus tells none"),
    "true_engine_hours": Mapped("engine runtime"),
    "fuel_primary_remaining_percentage": Mapped("fuel level"),
}
_SPOT: Fields = {
    "located_at": Mapped("locatedAt, timestamp"),
    "lat": Mapped("location.latitude"),
    "lon": Mapped("location.longitude"),
    "description": Mapped("address.formatted"),
    "bearing": Mapped("heading"),
    "type": Mapped("engine state"),
}

VEHICLE_LOCATION: Fields = {
    **_SPOT,
    **_COUNTERS,
    "id": Mapped("sourceId"),
    "speed": Mapped("speed"),
    "driver": driver("driver"),
    "battery_voltage": Mapped("battery voltage"),
    "fuel": Mapped("total fuel consumption"),
    "fuel_secondary_remaining_percentage": Dropped("readings have one tank"),
    "eld_device": FITTED,
    **drop(
        ELECTRIC,
        "veh_range hvb_state_of_charge hvb_charge_status hvb_charge_source"
        " hvb_lifetime_energy_output",
    ),
}

LOCATED: Fields = {
    **vehicle("vehicle"),
    "current_driver": driver("driver"),
    "current_location": {
        **_SPOT,
        **_COUNTERS,
        "id": Dropped("a latest place has no id"),
        "kph": Mapped("speed"),
        "speed": Mapped("speed, without kph"),
        "fuel_secondary_remaining_percentage": Mapped("fuel.secondaryPercentage"),
        "fuel": Dropped("a latest place has no total consumption"),
    },
}

BY_SCHEMA: dict[str, Fields] = {
    "motive.vehicle": VEHICLE,
    "motive.user": USER,
    "motive.group": GROUP,
    "motive.eld_device": ELD_DEVICE,
    "motive.asset": ASSET,
    "motive.vehicle_location": {"vehicle_locations": {"vehicle_location": VEHICLE_LOCATION}},
    "motive.log": record_fields.LOG,
    "motive.driving_period": record_fields.DRIVING_PERIOD,
    "motive.driver_performance_event": record_fields.PERFORMANCE_EVENT,
    "motive.speeding_event": record_fields.SPEEDING_EVENT,
    "motive.fault_code": record_fields.FAULT_CODE,
    "motive.vehicle_utilization": record_fields.VEHICLE_UTILIZATION,
    "motive.ifta_trip": record_fields.IFTA_TRIP,
}
"""By the names that cuts carry."""
