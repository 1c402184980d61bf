"""Turns Samsara's safety events into the unified model: the vocabulary of its labels, its footage; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import Window, entity_cut, read
from milepost.models.location import Coordinates
from milepost.models.safety import (
    CameraMedia,
    CameraMediaFile,
    CameraMediaFileReference,
    CameraMediaReference,
    SafetyEvent,
    SafetyEventStats,
    SafetyEventType,
)
from milepost.providers.samsara import record_shapes as shapes
from milepost.providers.samsara.hours import known
from milepost.providers.samsara.trips import instant_of

# The worst first: an event with several labels is what its worst label says.
_LABELS: dict[SafetyEventType, str] = {
    "crash": "Crash",
    "near_crash": "NearCollison NearCollision NearPedestrianCollision ForwardCollisionWarning"
    " RearCollisionWarning VulnerableRoadUserCollisionWarning VehicleInBlindSpotWarning",
    "drowsiness": "Drowsy",
    "cell_phone": "MobileUsage",
    "seat_belt_violation": "NoSeatbelt",
    "red_light_violation": "RanRedLight",
    "stop_sign_violation": "DidNotYield EdgeRailroadCrossingViolation",
    "rolling_stop": "RollingStop",
    "tailgating": "GenericTailgating FollowingDistance FollowingDistanceModerate"
    " FollowingDistanceSevere",
    "speeding": "Speeding LightSpeeding ModerateSpeeding HeavySpeeding SevereSpeeding MaxSpeed",
    "harsh_brake": "Braking",
    "harsh_acceleration": "Acceleration",
    "harsh_turn": "HarshTurn RolloverProtection YawControl",
    "distracted": "GenericDistraction EdgeDistractedDriving LateResponse BluetoothHeadset",
    "unsafe_lane_change": "LaneDeparture",
    "smoking": "Smoking",
    "eating_and_drinking": "Eating Drinking EatingDrinking",
    "unsafe_parking": "UnsafeParking",
    "camera_obstruction": "ObstructedCamera",
}

# The model has no type for these; some praise, some are about the day's paperwork or the device.
_NO_TYPE = (
    "AggressiveDriving UnsafeManeuver LeftTurn UTurn Reversing Passenger PolicyViolationMask"
    " ProtectiveEquipment HosViolation Idling DefensiveDriving HighSpeedSuddenDisconnect"
    " OperationalEvent OtherViolation Invalid"
)

_FORWARD = {"harsh_brake", "harsh_acceleration", "crash"}


def plain(word: str) -> str:
    """Write a label without case and gaps: the vendor has `HarshTurn`, `harshTurn` and `Harsh Turn`."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


TYPES: dict[str, SafetyEventType] = {
    plain(label): type_ for type_, labels in _LABELS.items() for label in labels.split()
}
WITHOUT_TYPE = {plain(label) for label in _NO_TYPE.split()}
_RANKS = {type_: rank for rank, type_ in enumerate(_LABELS)}

# One vocabulary in events, another in answers about media.
_FRONT = {"dashcamroadfacing", "dashcamforwardfacing"}
_REAR = {"dashcamdriverfacing", "dashcaminwardfacing"}


def event_cut(body: Raw, window: Window, identity: Identity, provider: str) -> Cut:
    """Cut an event out of its page; one whose labels the model has no type for leaves no record."""
    return entity_cut(
        body,
        shapes.SafetyEvent,
        "samsara.safetyEvent",
        lambda raw: _event(raw, window, identity, provider),
    )


def footage(body: Raw, event: str) -> tuple[CameraMedia, bytes] | None:
    """Build the footage of an event, and the JSON that it comes of; None without an address to fetch."""
    raw = read(body, shapes.SafetyEvent, [])
    if raw is None or str(raw.id) != event:
        return None
    front, rear = (_file(raw.media or [], inputs, event) for inputs in (_FRONT, _REAR))
    if front is UNSET and rear is UNSET:
        return None
    return CameraMedia(front_facing=front, rear_facing=rear), bytes(body)


def withdrawn(bodies: Iterable[Raw]) -> list[str]:
    """Return the ids of events that are of no type, as reviewers may decide; an event's last mention counts."""
    found: dict[str, bool] = {}
    for body in bodies:
        left_out: list[Reject] = []
        raw = read(body, shapes.SafetyEvent, left_out)
        if raw is None or any(getattr(each, "field", "") == "behaviorLabels" for each in left_out):
            continue  # What it is cannot be told, so that it is not withdrawn.
        try:
            typed = type_of(each.label for each in raw.behaviorLabels or [] if each.label)
        except LookupError:
            continue
        found[str(raw.id)] = typed is None
    return [source_id for source_id, gone in found.items() if gone]


def type_of(labels: Iterable[str]) -> tuple[SafetyEventType, str] | None:
    """Return the worst type that labels tell of, and the label that does; None without one.

    Raises LookupError where there is none because of a label that nobody knows.
    """
    found: list[tuple[int, SafetyEventType, str]] = []
    strange = ""
    for label in labels:
        word = plain(label)
        type_ = TYPES.get(word)
        if word == "invalid":
            return None
        if type_ is not None:
            found.append((_RANKS[type_], type_, label))
        elif word not in WITHOUT_TYPE and not word.startswith("context"):
            strange = label
    if found:
        _, type_, label = min(found)
        return type_, label
    if strange:
        raise LookupError(strange)
    return None


def _event(
    raw: shapes.SafetyEvent, window: Window, identity: Identity, provider: str
) -> SafetyEvent | Reject | None:
    vehicle, driver, source_id = known(raw.asset), known(raw.driver), str(raw.id)
    started_at, ended_at = _moment(raw.startMs), _moment(raw.endMs)
    try:
        typed = type_of(each.label for each in raw.behaviorLabels or [] if each.label)
    except LookupError as strange:
        return Reject(f"behaviorLabels: unknown label “{str(strange.args[0])[:40]}”")
    bad = window.verdict(started_at) if started_at else "no such time"
    if typed is None:
        return None
    if vehicle is None:
        return Reject("asset.id: missing")
    if started_at is None or bad:
        return Reject(f"startMs: {bad}")
    type_, label = typed
    place = raw.location
    return SafetyEvent(
        id=identity.of("safety_event", source_id),
        source_id=source_id,
        provider=provider,
        type=type_,
        source_type=label,
        vehicle=identity.of("vehicle", vehicle),
        driver=identity.of("driver", driver) if driver else UNSET,
        started_at=clock.iso(started_at),
        ended_at=clock.iso(ended_at) if ended_at else UNSET,
        start_location=(
            Coordinates(longitude=place.longitude, latitude=place.latitude) if place else UNSET
        ),
        stats=_stats(raw, type_),
        camera_media=_media(raw.media or [], source_id),
    )


def _stats(raw: shapes.SafetyEvent, type_: SafetyEventType) -> SafetyEventStats | UnsetType:
    speeding = raw.speedingMetadata or shapes.Speeding()
    heading = raw.location.headingDegrees if raw.location else None
    force = raw.maxAccelerationGForce
    stats = SafetyEventStats(
        maximum_speed=_given(speeding.maxSpeedKilometersPerHour),
        road_speed_limit=_given(speeding.postedSpeedLimitKilometersPerHour),
        # One number without a direction: the kind of event tells which way it pulled.
        g_force_forward_backward=_given(force if type_ in _FORWARD else None),
        g_force_side_to_side=_given(force if type_ == "harsh_turn" else None),
        heading=_given(heading),
    )
    return UNSET if stats == SafetyEventStats() else stats


def _media(media: list[shapes.Media], event: str) -> CameraMediaReference | UnsetType:
    sides = [
        next(
            (
                CameraMediaFileReference(
                    available=bool(each.url), source_id=f"{event}:{each.input}"
                )
                for each in sorted(media, key=lambda each: not each.url)
                if plain(each.input or "") in inputs
            ),
            UNSET,
        )
        for inputs in (_FRONT, _REAR)
    ]
    if sides == [UNSET, UNSET]:
        return UNSET
    return CameraMediaReference(front_facing=sides[0], rear_facing=sides[1])


def _file(media: list[shapes.Media], inputs: set[str], event: str) -> CameraMediaFile | UnsetType:
    for each in media:
        if plain(each.input or "") in inputs and each.url:
            return CameraMediaFile(video_url=each.url, source_id=f"{event}:{each.input}")
    return UNSET


def _moment(value: datetime | int | None) -> datetime | None:
    return instant_of(value) if isinstance(value, int) else value


def _given(value: float | None) -> float | UnsetType:
    return UNSET if value is None else value
