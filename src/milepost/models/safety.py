"""Safety events: harsh driving, violations and crashes, and the footage of them."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import UNSET, UnsetType

from milepost.models.driver import Driver
from milepost.models.location import Coordinates
from milepost.models.meta import Instant, Model, RawData, RecordMetadata
from milepost.models.vehicle import Vehicle

SafetyEventType = Literal[
    "harsh_brake", "harsh_acceleration", "harsh_turn", "speeding", "crash", "near_crash",
    "tailgating", "cell_phone", "distracted", "drowsiness", "smoking", "seat_belt_violation",
    "stop_sign_violation", "red_light_violation", "unsafe_lane_change", "camera_obstruction",
    "eating_and_drinking", "rolling_stop", "unsafe_parking",
]  # fmt: skip
SAFETY_EVENT_TYPES: tuple[SafetyEventType, ...] = get_args(SafetyEventType)


class SafetyEventStats(Model, frozen=True, kw_only=True):
    maximum_speed: float | UnsetType = UNSET  # km/h
    average_speed: float | UnsetType = UNSET  # km/h
    road_speed_limit: float | UnsetType = UNSET  # km/h
    g_force_forward_backward: float | UnsetType = UNSET  # g
    g_force_side_to_side: float | UnsetType = UNSET  # g
    heading: float | UnsetType = UNSET  # degrees


class CameraMediaFileReference(Model, frozen=True, kw_only=True):
    """Whether a camera's file can be fetched, and what the source calls it."""

    available: bool
    source_id: str | UnsetType = UNSET


class CameraMediaReference(Model, frozen=True, kw_only=True):
    front_facing: CameraMediaFileReference | UnsetType = UNSET
    rear_facing: CameraMediaFileReference | UnsetType = UNSET


class HereLinkAttributes(Model, frozen=True, kw_only=True):
    """The road as HERE describes it, in its own codes: all of them are strings."""

    country_code: str | UnsetType = UNSET  # ISO 3166-1
    vehicle_types: str | UnsetType = UNSET
    is_urban: str | UnsetType = UNSET
    transport_verified: str | UnsetType = UNSET
    functional_class: str | UnsetType = UNSET  # 1 to 5, 0 unknown
    controlled_access: str | UnsetType = UNSET
    limited_access_road: str | UnsetType = UNSET
    travel_direction: str | UnsetType = UNSET
    is_boat_ferry: str | UnsetType = UNSET
    is_rail_ferry: str | UnsetType = UNSET
    is_multi_digitized: str | UnsetType = UNSET
    is_divided: str | UnsetType = UNSET
    is_divider_legal: str | UnsetType = UNSET
    is_frontage: str | UnsetType = UNSET
    is_paved: str | UnsetType = UNSET
    is_ramp: str | UnsetType = UNSET
    is_private: str | UnsetType = UNSET
    has_poi_access: str | UnsetType = UNSET
    intersection_category: str | UnsetType = UNSET  # 1 to 6, 0 unknown
    speed_category: str | UnsetType = UNSET  # 1 (over 130 km/h) to 8 (under 11 km/h), 0 unknown
    lane_category: str | UnsetType = UNSET  # 1 one, 2 two or three, 3 more; 0 unknown
    coverage_indicator: str | UnsetType = UNSET
    low_mobility: str | UnsetType = UNSET  # 1 low, 2 not low, 0 unknown
    has_public_access: str | UnsetType = UNSET
    route_types: str | UnsetType = UNSET


class HereWeather(Model, frozen=True, kw_only=True):
    """The weather at the time of the event, as HERE reports it."""

    latitude: float | UnsetType = UNSET  # degrees, of the measurement
    longitude: float | UnsetType = UNSET  # degrees, of the measurement
    temperature: float | UnsetType = UNSET  # °C
    dew_point: float | UnsetType = UNSET  # °C
    humidity: float | UnsetType = UNSET  # %
    pressure: float | UnsetType = UNSET  # the contract names no unit
    wind_speed: float | UnsetType = UNSET  # m/s
    wind_direction: float | UnsetType = UNSET  # degrees
    location_id: str | UnsetType = UNSET
    precipitation_type: str | UnsetType = UNSET
    intensity_of_precipitation: float | UnsetType = UNSET  # cm/h
    visibility: float | UnsetType = UNSET  # km


class HereSafetyEventExtension(Model, frozen=True, kw_only=True):
    """What the HERE platform knows about the place and the moment."""

    speed_limit: float | UnsetType = UNSET  # km/h
    speed_limit_source: Literal["posted", "derived"] | UnsetType = UNSET
    truck_speed_limit: float | UnsetType = UNSET  # km/h
    road_name: str | UnsetType = UNSET
    link_attributes: HereLinkAttributes | UnsetType = UNSET
    weather: HereWeather | UnsetType = UNSET


class SafetyEventExtensions(Model, frozen=True, kw_only=True):
    """What other parties than the provider add."""

    here: HereSafetyEventExtension | UnsetType = UNSET


class SafetyEvent(Model, frozen=True, kw_only=True):
    """A safety-related incident that the provider detected; `source_type` is the provider's own word for it."""

    id: str
    source_id: str
    provider: str
    type: SafetyEventType
    vehicle: str | Vehicle
    started_at: Instant
    ended_at: Instant | UnsetType = UNSET
    source_type: str | UnsetType = UNSET
    driver: str | Driver | UnsetType = UNSET
    start_location: Coordinates | UnsetType = UNSET
    end_location: Coordinates | UnsetType = UNSET
    stats: SafetyEventStats | UnsetType = UNSET
    camera_media: CameraMediaReference | UnsetType = UNSET
    extensions: SafetyEventExtensions | UnsetType = UNSET
    metadata: RecordMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET


class CameraMediaFile(Model, frozen=True, kw_only=True):
    """A video that can be downloaded from the provider."""

    video_url: str
    source_id: str | UnsetType = UNSET


class CameraMedia(Model, frozen=True, kw_only=True):
    """The footage of a safety event."""

    front_facing: CameraMediaFile | UnsetType = UNSET
    rear_facing: CameraMediaFile | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
