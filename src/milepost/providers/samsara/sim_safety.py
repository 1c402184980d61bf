"""The simulated vendor's safety events: the feed of changes, the look-up by id, and cameras' media.

The feed shows an event again each time that it changes. Its cursor is bound to the exact `startTime`, and
without an `endTime` it never ends. Events that a gateway felt without a camera are hidden by default.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost.kit.simulation import Conditions, SimRequest
from milepost.kit.world import Incident, IncidentKind, IncidentState, VehicleCard, World
from milepost.providers.samsara.sim_dialect import (
    MILLISECOND,
    Declined,
    Place,
    cut_page,
    external_ids,
    instant,
    is_set,
    milliseconds,
    read_cursor,
    read_instant,
    read_list,
    spell_millisecond,
    spell_second,
    tags_wanted,
    tiny_tags,
    write_cursor,
)

_EVENTS_A_PAGE = 100  # Guesses: the endpoints take no limit and state no measure.
_MEDIA_A_PAGE = 100
_MOST_IDS = 2_000
_MOST_VEHICLES = 20
_LONGEST = timedelta(hours=24)
_URL_LIFE = timedelta(hours=8)
# Where the vendor has several words, an event keeps the same one for good.
_LABELS: dict[IncidentKind, tuple[str, ...]] = {
    "crash": ("Crash",),
    "near_crash": ("NearCollison", "ForwardCollisionWarning", "NearPedestrianCollision"),
    "harsh_brake": ("Braking",),
    "harsh_acceleration": ("Acceleration",),
    "harsh_turn": ("HarshTurn", "HarshTurn", "RolloverProtection"),
    "speeding": ("LightSpeeding", "ModerateSpeeding", "HeavySpeeding", "SevereSpeeding"),
    "tailgating": ("GenericTailgating", "FollowingDistance", "FollowingDistanceSevere"),
    "cell_phone": ("MobileUsage",),
    "distracted": ("GenericDistraction", "EdgeDistractedDriving"),
    "drowsiness": ("Drowsy",),
    "smoking": ("Smoking",),
    "seat_belt_violation": ("NoSeatbelt",),
    "stop_sign_violation": ("DidNotYield", "EdgeRailroadCrossingViolation"),
    "red_light_violation": ("RanRedLight",),
    "unsafe_lane_change": ("LaneDeparture",),
    "camera_obstruction": ("ObstructedCamera",),
    "eating_and_drinking": ("Eating", "Drinking", "EatingDrinking"),
    "rolling_stop": ("RollingStop",),
    "unsafe_parking": ("UnsafeParking",),
    "other": ("DefensiveDriving", "UTurn", "PolicyViolationMask"),
    "false_alarm": ("Invalid",),
}
_STATES: dict[IncidentState, str] = {
    "needs_review": "needsReview",
    "reviewed": "reviewed",
    "needs_coaching": "needsCoaching",
    "coached": "coached",
    "dismissed": "dismissed",
}
# The event's own word for each camera, the media endpoint's, and what that endpoint is asked with.
_CAMERAS = (
    ("dashcamRoadFacing", "dashcamForwardFacing"),
    ("dashcamDriverFacing", "dashcamInwardFacing"),
)


def stream_events(
    request: SimRequest, world: World, now: datetime, conditions: Conditions
) -> bytes:
    """Show what was updated (or created) from `startTime` on, oldest change first."""
    start = read_instant(request, "startTime")
    shown_until = now.replace(microsecond=now.microsecond // 1000 * 1000) + MILLISECOND
    end = read_instant(request, "endTime", shown_until)
    endless = request.argument("endTime") is None
    field = request.argument("queryByTimeField") or "updatedAtTime"
    if field not in ("updatedAtTime", "createdAtTime"):
        raise Declined(400, "Invalid value for queryByTimeField")
    place = read_cursor(request, now) or Place(milliseconds(now), since_ms=milliseconds(start))
    until = min(end, shown_until)
    since = instant(place.since_ms)
    if field == "updatedAtTime":
        changed = [(i.updated_at, i) for i in world.incidents_changed(since, until)]
    else:
        # Creation follows the event within the half hour that a valley without a mast lasts.
        happened = world.incidents(since - timedelta(hours=1), until, now)
        changed = [(i.created_at, i) for i in happened if since <= i.created_at < until]
    wanted = _Filter(request, world)
    ordered = sorted(
        (milliseconds(at), incident.id, incident) for at, incident in changed if wanted(incident)
    )
    ordered = [item for item in ordered if item[:2] > (place.since_ms, place.subject)]
    size = conditions.page_records or _EVENTS_A_PAGE
    page, more = ordered[:size], len(ordered) > size
    last = page[-1][:2] if page else (place.since_ms, place.subject)
    at = Place(milliseconds(now), subject=last[1], since_ms=last[0])
    cursor = write_cursor(at, request) if more or endless else ""
    data = [_show(incident, request, world, now) for _, _, incident in page]
    return _answer(data, {"endCursor": cursor, "hasNextPage": more})


def list_events(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """Show events by id, with freshly signed URLs of their media."""
    ids = set(read_list(request, "safetyEventIds"))
    if not ids:
        raise Declined(400, "Missing required parameter: safetyEventIds")
    if len(ids) > _MOST_IDS:
        raise Declined(400, f"safetyEventIds is limited to {_MOST_IDS} ids")
    wanted = _Filter(request, world)
    found = [incident for id_ in ids if (incident := world.incident(id_, now)) and wanted(incident)]
    size = conditions.page_records or _EVENTS_A_PAGE
    page, pagination = cut_page(found, lambda incident: incident.id, request, now, size)
    return _answer([_show(incident, request, world, now) for incident in page], pagination)


def list_media(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> bytes:
    """List the clips of up to 20 vehicles and 24 hours; their inputs go by other names than asked for."""
    vehicles = set(read_list(request, "vehicleIds"))
    if not vehicles:
        raise Declined(400, "Missing required parameter: vehicleIds")
    if len(vehicles) > _MOST_VEHICLES:
        raise Declined(400, f"vehicleIds is limited to {_MOST_VEHICLES} vehicles")
    start, end = read_instant(request, "startTime"), read_instant(request, "endTime")
    if not timedelta() <= end - start <= _LONGEST:
        raise Declined(400, "endTime must be within 24 hours after startTime")
    since = read_instant(request, "availableAfterTime", start - timedelta(days=365))
    # These three are repeated parameters, not comma-joined ones.
    inputs = set(request.query.get("inputs", [name for name, _ in _CAMERAS]))
    types = set(request.query.get("mediaTypes", ["videoHighRes"]))
    reasons = set(request.query.get("triggerReasons", ["safetyEvent"]))
    left = {vehicle.id for vehicle in world.vehicles}
    clips = [
        (incident, asked, answered)
        for incident in world.incidents(start, end, now)
        if incident.vehicle_id in vehicles & left
        and incident.footage_at is not None
        and incident.footage_at > since
        and "videoHighRes" in types
        and "safetyEvent" in reasons
        for asked, answered in _CAMERAS
        if asked in inputs
    ]

    def place(clip: tuple[Incident, str, str]) -> str:
        return f"{spell_millisecond(clip[0].starts_at)}/{clip[0].id}/{clip[1]}"

    size = conditions.page_records or _MEDIA_A_PAGE
    page, pagination = cut_page(clips, place, request, now, size)
    media = [
        {
            "vehicleId": incident.vehicle_id,
            "input": answered,
            "mediaType": "videoHighRes",
            "triggerReason": "safetyEvent",
            "startTime": spell_millisecond(incident.starts_at - timedelta(seconds=5)),
            "endTime": spell_millisecond(incident.starts_at + timedelta(seconds=5)),
            "availableAtTime": spell_millisecond(incident.footage_at or incident.created_at),
            "urlInfo": {
                "url": _sign(incident, asked, now),
                "urlExpiryTime": spell_second(now + _URL_LIFE),
            },
        }
        for incident, asked, answered in page
    ]
    return _answer({"media": media}, pagination)


class _Filter:
    """Whether a request wants an event."""

    def __init__(self, request: SimRequest, world: World) -> None:
        self._cards = {vehicle.id: vehicle for vehicle in world.vehicles}
        self._gateways_too = is_set(request, "includeVgOnlyEvents")
        self._assets = set(read_list(request, "assetIds"))
        self._drivers = set(read_list(request, "driverIds"))
        self._labels = set(read_list(request, "behaviorLabels"))
        self._states = set(read_list(request, "eventStates"))
        self._tags = tags_wanted(request, world)

    def __call__(self, incident: Incident) -> bool:
        card = self._cards.get(incident.vehicle_id)
        return (
            card is not None
            and (self._gateways_too or card.camera_serial is not None)
            and (not self._assets or card.id in self._assets)
            and (not self._drivers or incident.driver_id in self._drivers)
            and (not self._labels or bool(self._labels & set(_labels(incident))))
            and (not self._states or _STATES[incident.state] in self._states)
            and (self._tags is None or bool(self._tags & set(card.group_ids)))
        )


def _show(incident: Incident, request: SimRequest, world: World, now: datetime) -> dict[str, Any]:
    source = "userGenerated" if incident.by_hand else "automated"
    shown: dict[str, Any] = {
        "id": incident.id,
        "asset": _show_asset(incident, request, world),
        "driver": _show_driver(incident, request, world),
        "behaviorLabels": [{"label": label, "source": source} for label in _labels(incident)],
        "contextLabels": [],
        "eventState": _STATES[incident.state],
        # Named after milliseconds, spelled as instants: so it is in the vendor's document.
        "startMs": spell_millisecond(incident.starts_at),
        "endMs": spell_millisecond(incident.ends_at),
        "createdAtTime": spell_millisecond(incident.created_at),
        "updatedAtTime": spell_millisecond(incident.updated_at),
        "maxAccelerationGForce": incident.g_force,
        "location": _show_place(incident),
        "inboxEventUrl": f"https://cloud.example/inbox/{incident.id}",
        "incidentReportUrl": f"https://cloud.example/incidents/{incident.id}",
    }
    if incident.fastest_kmh is not None and incident.limit_kmh is not None:
        shown["speedingMetadata"] = {
            "maxSpeedKilometersPerHour": round(incident.fastest_kmh),
            "postedSpeedLimitKilometersPerHour": round(incident.limit_kmh),
        }
    if incident.footage_at is not None:
        shown["media"] = [
            {"input": name, "url": _sign(incident, name, now)} for name, _ in _CAMERAS
        ]
    if incident.state == "dismissed":
        shown["dismissalReason"] = {"code": "incorrect", "comment": "Nothing happened"}
    if incident.state != "needs_review":
        shown["updatedByUserId"] = "71001"
    return shown


def _labels(incident: Incident) -> list[str]:
    chosen = int(incident.id[:8], 16)
    found: list[str] = []
    for kind in (*incident.also, incident.kind):
        words = _LABELS[kind]
        number = chosen
        if kind == "speeding":
            # By how much too fast it was: 8 to 39 km/h.
            over = (incident.fastest_kmh or 0) - (incident.limit_kmh or 0)
            number = min(3, max(0, int(over // 10)))
        found.append(words[number % len(words)])
    return found


def _show_place(incident: Incident) -> dict[str, Any]:
    spot = incident.spot
    place: dict[str, Any] = {
        "latitude": spot.latitude,
        "longitude": spot.longitude,
        "headingDegrees": round(incident.heading) % 360,
    }
    if spot.address:
        street, city, state = spot.address.split(", ")
        place["address"] = {"street": street, "city": city, "state": state, "country": "USA"}
    return place


def _show_asset(incident: Incident, request: SimRequest, world: World) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": incident.vehicle_id}
    card = next((v for v in world.vehicles if v.id == incident.vehicle_id), None)
    if card is None or not is_set(request, "includeAsset"):
        return shown
    shown |= {"name": card.name, "type": "vehicle", "externalIds": external_ids(card)}
    shown["tags"] = tiny_tags(card.group_ids, world)
    return shown | _vin(card)


def _vin(card: VehicleCard) -> dict[str, str]:
    return {"vin": card.vin} if card.vin else {}


def _show_driver(incident: Incident, request: SimRequest, world: World) -> dict[str, Any]:
    """Show the driver; nobody is an empty id, or a zero, for the vendor says both."""
    card = next((d for d in world.drivers if d.id == incident.driver_id), None)
    if card is None:
        return {"id": "0" if int(incident.id[-1], 16) % 2 else ""}
    if not is_set(request, "includeDriver"):
        return {"id": card.id}
    return {"id": card.id, "name": card.name, "tags": tiny_tags(card.group_ids, world)}


def _sign(incident: Incident, name: str, now: datetime) -> str:
    expires = milliseconds(now + _URL_LIFE)
    text = f"{incident.id}/{name}/{expires}"
    signature = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return f"https://media.example/{incident.id}/{name}.mp4?expires={expires}&signature={signature}"


def _answer(data: Any, pagination: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"data": data, "pagination": pagination})
