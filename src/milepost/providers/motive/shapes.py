"""What Motive's answers look like, as far as we read them; the mapping's typed view of their JSON.

Names and types: README, sources D and F. Everything that may be null or absent is so here: keys come and
go with the role of a user and the age of a vehicle.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

Moment = Annotated[datetime, Meta(tz=True)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
SourceId = int | str
"""Whole numbers; a location's is a UUID. Both are kept as strings."""


class Pagination(msgspec.Struct, frozen=True):
    per_page: int
    page_no: int
    total: int


class Named(msgspec.Struct, frozen=True):
    """Somebody or something mentioned."""

    id: SourceId | None = None


class Company(msgspec.Struct, frozen=True):
    id: SourceId | None = None
    name: str | None = None
    time_zone: str | None = None
    dot_ids: list[str | int] | None = None


class DeviceOf(msgspec.Struct, frozen=True):
    """The gateway of a vehicle."""

    id: SourceId | None = None


class Vehicle(msgspec.Struct, frozen=True):
    id: SourceId
    number: str | None = None
    status: str | None = None
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    year: str | int | None = None
    license_plate_state: str | None = None
    license_plate_number: str | None = None
    fuel_type: str | None = None
    group_ids: list[SourceId] | None = None
    eld_device: DeviceOf | None = None
    created_at: str | None = None
    updated_at: str | None = None


class User(msgspec.Struct, frozen=True):
    id: SourceId
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    username: str | None = None
    phone: str | None = None
    phone_country_code: str | None = None
    role: str | None = None
    status: str | None = None
    drivers_license_number: str | None = None
    drivers_license_state: str | None = None
    group_ids: list[SourceId] | None = None
    created_at: str | None = None
    updated_at: str | None = None


class Group(msgspec.Struct, frozen=True):
    id: SourceId
    name: str | None = None
    parent_id: SourceId | None = None


class Device(msgspec.Struct, frozen=True):
    id: SourceId
    identifier: str | None = None
    model: str | None = None
    vehicle: Named | None = None


class AssetLocation(msgspec.Struct, frozen=True):
    lat: Latitude
    lon: Longitude
    located_at: Moment
    address: str | None = None
    formatted_address: str | None = None


class AssetGateway(msgspec.Struct, frozen=True):
    identifier: str | None = None
    last_location: AssetLocation | None = None


class Asset(msgspec.Struct, frozen=True):
    id: SourceId
    name: str | None = None
    status: str | None = None
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    year: str | int | None = None
    license_plate_state: str | None = None
    license_plate_number: str | None = None
    group_ids: list[SourceId] | None = None
    asset_gateway: AssetGateway | None = None
    created_at: str | None = None
    updated_at: str | None = None


class Location(msgspec.Struct, frozen=True, gc=False):
    """One record of a vehicle's history: a position, and what the vehicle's bus said then."""

    located_at: Moment
    lat: Latitude
    lon: Longitude
    id: str | None = None
    type: str | None = None
    description: str | None = None
    speed: float | None = None
    bearing: float | None = None
    battery_voltage: float | None = None
    odometer: float | None = None
    true_odometer: float | None = None
    engine_hours: float | None = None
    true_engine_hours: float | None = None
    fuel: float | None = None
    fuel_primary_remaining_percentage: float | None = None
    driver: Named | None = None


class LocationEntry(msgspec.Struct, frozen=True, gc=False):
    vehicle_location: Location


class History(msgspec.Struct, frozen=True):
    """The whole answer about one vehicle; it has no pages."""

    vehicle_locations: list[LocationEntry] | None


class RawHistory(msgspec.Struct, frozen=True):
    """The same, entry by entry."""

    vehicle_locations: list[Raw] | None


class CurrentLocation(msgspec.Struct, frozen=True):
    located_at: Moment
    lat: Latitude
    lon: Longitude
    bearing: float | None = None
    kph: float | None = None
    speed: float | None = None
    description: str | None = None
    odometer: float | None = None
    true_odometer: float | None = None
    engine_hours: float | None = None
    true_engine_hours: float | None = None
    fuel_primary_remaining_percentage: float | None = None
    fuel_secondary_remaining_percentage: float | None = None
    type: str | None = None


class Located(msgspec.Struct, frozen=True):
    """A vehicle and where it is now."""

    id: SourceId
    current_location: CurrentLocation | None = None
    current_driver: Named | None = None


class Event(msgspec.Struct, frozen=True):
    """A stretch of one duty status within a day's log."""

    id: SourceId
    start_time: Moment
    end_time: Moment | None = None
    type: str | None = None
    sds_type: str | None = None
    notes: str | None = None


class Remark(msgspec.Struct, frozen=True):
    time: Moment
    id: SourceId | None = None
    notes: str | None = None


class RemarkEntry(msgspec.Struct, frozen=True):
    remark: Remark


class VehicleEntry(msgspec.Struct, frozen=True):
    vehicle: Named


class CoDriverEntry(msgspec.Struct, frozen=True):
    co_driver: Named


class EventEntry(msgspec.Struct, frozen=True):
    event: Event


class Log(msgspec.Struct, frozen=True):
    """One driver's day, by the driver's own clock."""

    date: date
    driver: Named
    events: list[Raw] | None = None
    vehicles: list[VehicleEntry] | None = None
    co_drivers: list[CoDriverEntry] | None = None
    remarks: list[RemarkEntry] | None = None
    metric_units: bool | None = None
    total_miles: float | None = None
    off_duty_duration: float | None = None
    on_duty_duration: float | None = None
    sleeper_duration: float | None = None
    driving_duration: float | None = None
    waiting_duration: float | None = None


class TimeLeft(msgspec.Struct, frozen=True):
    drive: float | None = None
    shift: float | None = None
    cycle: float | None = None
    break_: float | None = msgspec.field(default=None, name="break")


class LastStatus(msgspec.Struct, frozen=True):
    status: str | None = None


class DriverLeft(msgspec.Struct, frozen=True):
    """A driver and the time that is left on their clocks, in seconds."""

    id: SourceId
    duty_status: str | None = None
    available_time: TimeLeft | None = None
    last_hos_status: LastStatus | None = None


class DrivingPeriod(msgspec.Struct, frozen=True):
    id: SourceId
    start_time: Moment
    vehicle: Named
    end_time: Moment | None = None
    status: str | None = None
    duration: float | None = None
    start_kilometers: float | None = None
    end_kilometers: float | None = None
    driver: Named | None = None
    origin_lat: Latitude | None = None
    origin_lon: Longitude | None = None
    destination_lat: Latitude | None = None
    destination_lon: Longitude | None = None


class Videos(msgspec.Struct, frozen=True):
    front_facing_enhanced_url: str | None = None
    front_facing_plain_url: str | None = None
    driver_facing_enhanced_url: str | None = None
    driver_facing_plain_url: str | None = None
    dual_facing_enhanced_url: str | None = None
    dual_facing_plain_url: str | None = None


class CameraMedia(msgspec.Struct, frozen=True):
    id: SourceId | None = None
    available: bool | None = None
    downloadable_videos: Videos | None = None


class PerformanceEvent(msgspec.Struct, frozen=True):
    """Harsh driving, and what dashcams see; speeds are km/h whatever the units header says."""

    id: SourceId
    start_time: Moment
    end_time: Moment | None = None
    type: str | None = None
    driver: Named | None = None
    current_driver: Named | None = None
    vehicle: Named | None = None
    current_vehicle: Named | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    max_speed: float | None = None
    acceleration: float | None = None
    end_bearing: float | None = None
    aggregated: bool | None = None
    m_veh_spd: list[float | None] | None = None
    m_gps_lat: list[Latitude | None] | None = None
    m_gps_lon: list[Longitude | None] | None = None
    camera_media: CameraMedia | None = None


class SpeedingEvent(msgspec.Struct, frozen=True):
    id: SourceId
    start_time: Moment
    end_time: Moment | None = None
    status: str | None = None
    driver: Named | None = None
    current_driver: Named | None = None
    vehicle: Named | None = None
    current_vehicle: Named | None = None
    start_lat: Latitude | None = None
    start_lon: Longitude | None = None
    end_lat: Latitude | None = None
    end_lon: Longitude | None = None
    avg_vehicle_speed: float | None = None
    max_vehicle_speed: float | None = None
    max_posted_speed_limit_in_kph: float | None = None
    min_posted_speed_limit_in_kph: float | None = None


class Fault(msgspec.Struct, frozen=True):
    id: SourceId
    vehicle: Named
    first_observed_at: Moment
    last_observed_at: Moment | None = None
    network: str | None = None
    code: str | int | None = None
    code_label: str | None = None
    code_description: str | None = None
    status: str | None = None
    dtc_status: str | None = None
    fmi: int | None = None
    fmi_description: str | None = None
    occurrence_count: int | None = None
    num_observations: int | None = None
    source_address: str | int | None = None


class Utilization(msgspec.Struct, frozen=True):
    vehicle: Named
    total_distance: float | None = None
    total_fuel: float | None = None
    driving_time: float | None = None
    idle_time: float | None = None
    message: str | None = None


class IftaTrip(msgspec.Struct, frozen=True):
    vehicle: Named
    distance: float
    jurisdiction: str | None = None
