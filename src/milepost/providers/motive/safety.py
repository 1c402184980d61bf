"""Turns Motive's performance and speeding events into safety events, and tells of their footage; pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import UNREADABLE, Window, entity_cut, moment
from milepost.models.safety import (
    CameraMedia,
    CameraMediaFile,
    CameraMediaFileReference,
    CameraMediaReference,
    SafetyEvent,
    SafetyEventStats,
    SafetyEventType,
)
from milepost.providers.motive import shapes
from milepost.providers.motive.mapping import began, known, vehicle_of
from milepost.providers.motive.trips import place

TYPES: dict[str, SafetyEventType] = {
    "hard_brake": "harsh_brake",
    "hard_accel": "harsh_acceleration",
    "hard_corner": "harsh_turn",
    "crash": "crash",
    "near_miss": "near_crash",
    "near_collision": "near_crash",
    "forward_collision_warning": "near_crash",
    "seat_belt_violation": "seat_belt_violation",
    "tailgating": "tailgating",
    "cell_phone": "cell_phone",
    "stop_sign_violation": "stop_sign_violation",
    "drowsiness": "drowsiness",
    "smoking": "smoking",
    "unsafe_parking": "unsafe_parking",
    "red_light_violation": "red_light_violation",
    "distraction": "distracted",
    "eating": "eating_and_drinking",
    "driver_eating": "eating_and_drinking",
    "unsafe_lane_change": "unsafe_lane_change",
    "lane_swerving": "unsafe_lane_change",
    "road_facing_cam_obstruction": "camera_obstruction",
    "driver_facing_cam_obstruction": "camera_obstruction",
    "speeding": "speeding",
}
WITHOUT_TYPE = {"manual_event"}  # Somebody pressed a button; what happened, nobody says.

_ALONG = {"harsh_brake", "harsh_acceleration", "crash", "near_crash"}
SPEEDING = "speeding:"  # Speeding has ids of its own, which must not meet those of other events.


def event_cut(body: Raw, window: Window, identity: Identity, provider: str) -> Cut:
    """Cut a performance event out of its page; one that the model has no type for leaves no record."""
    return entity_cut(
        body,
        shapes.PerformanceEvent,
        "motive.driver_performance_event",
        lambda raw: _event(raw, window, identity, provider),
    )


def speeding_cut(body: Raw, window: Window, identity: Identity, provider: str) -> Cut:
    return entity_cut(
        body,
        shapes.SpeedingEvent,
        "motive.speeding_event",
        lambda raw: _speeding(raw, window, identity, provider),
    )


def footage(body: Raw, event: str) -> tuple[CameraMedia, bytes] | None:
    """Read fresh addresses of an event's footage, and the JSON; None if it is another, or has none (yet)."""
    try:
        raw = msgspec.json.decode(body, type=shapes.PerformanceEvent)
    except UNREADABLE:
        return None
    if str(raw.id) != event:
        return None
    front, rear = _addresses(raw)
    if front is None and rear is None:
        return None
    media = CameraMedia(
        front_facing=(
            CameraMediaFile(video_url=front, source_id=f"{event}:front_facing") if front else UNSET
        ),
        rear_facing=(
            CameraMediaFile(video_url=rear, source_id=f"{event}:driver_facing") if rear else UNSET
        ),
    )
    return media, bytes(body)


def _event(
    raw: shapes.PerformanceEvent, window: Window, identity: Identity, provider: str
) -> SafetyEvent | Reject | None:
    said = raw.type or ""
    if said in WITHOUT_TYPE or raw.aggregated:  # Of a sum, each part is told as well.
        return None
    type_ = TYPES.get(said)
    if type_ is None:
        return Reject(f"type: unknown event “{said[:40]}”")
    vehicle = vehicle_of(raw.vehicle, raw.current_vehicle)
    if isinstance(vehicle, Reject):
        return vehicle
    inside = began(window, raw.start_time)
    if inside is not True:
        return inside or None
    source_id = str(raw.id)
    driver = known(raw.driver) or known(raw.current_driver)
    tracked = [
        (lat, lon)
        for lat, lon in zip(raw.m_gps_lat or [], raw.m_gps_lon or [], strict=False)
        if lat is not None and lon is not None
    ]
    start: tuple[float | None, float | None] = (raw.lat, raw.lon)
    if raw.lat is None and tracked:
        start = tracked[0]
    return SafetyEvent(
        id=identity.of("safety_event", source_id),
        source_id=source_id,
        provider=provider,
        type=type_,
        source_type=said,
        vehicle=identity.of("vehicle", vehicle),
        driver=identity.of("driver", driver) if driver else UNSET,
        started_at=clock.iso(raw.start_time),
        ended_at=moment(raw.end_time),
        start_location=place(*start),
        end_location=place(*tracked[-1]) if tracked else UNSET,
        stats=_stats(raw, type_),
        camera_media=_media(raw, source_id),
    )


def _speeding(
    raw: shapes.SpeedingEvent, window: Window, identity: Identity, provider: str
) -> SafetyEvent | Reject | None:
    vehicle = vehicle_of(raw.vehicle, raw.current_vehicle)
    if isinstance(vehicle, Reject):
        return vehicle
    inside = began(window, raw.start_time)
    if inside is not True:
        return inside or None
    source_id = f"{SPEEDING}{raw.id}"
    driver = known(raw.driver) or known(raw.current_driver)
    limit = raw.max_posted_speed_limit_in_kph
    stats = SafetyEventStats(
        maximum_speed=_kmh(raw.max_vehicle_speed),
        average_speed=_kmh(raw.avg_vehicle_speed),
        road_speed_limit=_kmh(raw.min_posted_speed_limit_in_kph if limit is None else limit),
    )
    return SafetyEvent(
        id=identity.of("safety_event", source_id),
        source_id=source_id,
        provider=provider,
        type="speeding",
        source_type="speeding",
        vehicle=identity.of("vehicle", vehicle),
        driver=identity.of("driver", driver) if driver else UNSET,
        started_at=clock.iso(raw.start_time),
        ended_at=moment(raw.end_time),
        start_location=place(raw.start_lat, raw.start_lon),
        end_location=place(raw.end_lat, raw.end_lon),
        stats=UNSET if stats == SafetyEventStats() else stats,
    )


def _stats(raw: shapes.PerformanceEvent, type_: SafetyEventType) -> SafetyEventStats | UnsetType:
    force = UNSET if raw.acceleration is None else raw.acceleration
    stats = SafetyEventStats(
        maximum_speed=_kmh(raw.max_speed),
        average_speed=_mean(raw.m_veh_spd or []),
        g_force_forward_backward=force if type_ in _ALONG else UNSET,
        g_force_side_to_side=force if type_ == "harsh_turn" else UNSET,
        heading=UNSET if raw.end_bearing is None else raw.end_bearing,
    )
    return UNSET if stats == SafetyEventStats() else stats


def _media(raw: shapes.PerformanceEvent, event: str) -> CameraMediaReference | UnsetType:
    """Say which footage there is; its addresses live for two days and are not kept (README, trap 12)."""
    if raw.camera_media is None:
        return UNSET
    front, rear = _addresses(raw)
    told = bool(raw.camera_media.available)
    sides = (front, rear) if front or rear else (told or None, told or None)
    return CameraMediaReference(
        front_facing=CameraMediaFileReference(
            available=bool(sides[0]), source_id=f"{event}:front_facing"
        ),
        rear_facing=CameraMediaFileReference(
            available=bool(sides[1]), source_id=f"{event}:driver_facing"
        ),
    )


def _addresses(raw: shapes.PerformanceEvent) -> tuple[str | None, str | None]:
    """Return where the film of the road is, and that of the driver: enhanced, plain, both in one."""
    videos = raw.camera_media.downloadable_videos if raw.camera_media else None
    if videos is None:
        return None, None
    both = videos.dual_facing_enhanced_url or videos.dual_facing_plain_url
    front = videos.front_facing_enhanced_url or videos.front_facing_plain_url or both
    rear = videos.driver_facing_enhanced_url or videos.driver_facing_plain_url
    return front or None, rear or None


def _mean(speeds: Sequence[float | None]) -> float | UnsetType:
    said = [each for each in speeds if each is not None]
    return round(fmean(said), 2) if said else UNSET


def _kmh(speed: float | None) -> float | UnsetType:
    return UNSET if speed is None else round(speed, 2)
