"""Safety events of the synthetic trucks: what gateways and dashcams saw, and what people made of it later.

An event is created a minute or two after it happened (or when reception is back), its footage comes some
minutes later, and about half are looked at by people within three days: dismissed, relabelled, coached.
"""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from milepost.kit.world import Edit, Incident, IncidentKind, VehicleCard
from milepost.sandbox.chance import seeded
from milepost.sandbox.crew import Crew
from milepost.sandbox.shifts import FIRST_DAY, Truck

# What a gateway alone can tell, and what takes a camera; the numbers are shares.
_FELT: dict[IncidentKind, int] = {
    "harsh_brake": 30, "harsh_acceleration": 14, "harsh_turn": 14, "speeding": 40, "crash": 2,
}  # fmt: skip
_SEEN: dict[IncidentKind, int] = _FELT | {
    "near_crash": 6, "tailgating": 20, "cell_phone": 14, "distracted": 12, "drowsiness": 4,
    "smoking": 4, "seat_belt_violation": 10, "stop_sign_violation": 4, "red_light_violation": 4,
    "unsafe_lane_change": 8, "camera_obstruction": 4, "eating_and_drinking": 8, "rolling_stop": 6,
    "unsafe_parking": 2, "other": 6,
}  # fmt: skip
_FORCES: dict[IncidentKind, tuple[float, float]] = {
    "harsh_brake": (0.42, 0.7), "harsh_acceleration": (0.35, 0.5), "harsh_turn": (0.4, 0.6),
    "crash": (1.2, 2.6), "near_crash": (0.45, 0.8),
}  # fmt: skip
# What a person calls it who has watched the footage.
_BETTER: dict[IncidentKind, IncidentKind] = {
    "harsh_brake": "near_crash", "harsh_turn": "harsh_brake", "distracted": "cell_phone",
    "rolling_stop": "stop_sign_violation", "cell_phone": "distracted", "near_crash": "crash",
}  # fmt: skip
_LIMITS_KMH = (56, 72, 88, 105)
LONGEST_STORY = timedelta(days=8)
"""From an event to the last thing that anybody does with it."""


class Told(NamedTuple):
    """An event's versions by time, each as it stood from its `updated_at` on."""

    versions: tuple[Incident, ...]
    relabelled_at: datetime | None

    def known(self, at: datetime) -> Incident | None:
        return next((v for v in reversed(self.versions) if v.updated_at <= at), None)


class Incidents:
    """The safety events of all trucks, as a function of time and of when one asks."""

    def __init__(
        self, seed: int, cards: Mapping[str, VehicleCard], trucks: Mapping[str, Truck], crew: Crew
    ) -> None:
        self._seed = seed
        self._cards = cards
        self._trucks = trucks
        self._crew = crew
        self._of_day = functools.lru_cache(maxsize=16_384)(self._draw)

    def between(self, start: datetime, end: datetime, at: datetime) -> list[Incident]:
        told = (story.known(at) for story in self._stories(start, end))
        found = [incident for incident in told if incident and start <= incident.starts_at < end]
        return sorted(found, key=lambda incident: (incident.starts_at, incident.id))

    def find(self, id_: str, at: datetime) -> Incident | None:
        try:
            found = uuid.UUID(id_).bytes[-6:]
        except ValueError:
            return None
        number, day = int.from_bytes(found[:3]), int.from_bytes(found[3:5])
        if number >= len(self._trucks):
            return None
        vehicle_id, truck = list(self._trucks.items())[number]
        told = (story.known(at) for story in self._of_day(vehicle_id, number, truck, day))
        return next((incident for incident in told if incident and incident.id == id_), None)

    def changed(self, since: datetime, until: datetime) -> list[Incident]:
        at = until - timedelta(milliseconds=1)
        told = (story.known(at) for story in self._stories(since - LONGEST_STORY, until))
        found = [incident for incident in told if incident and incident.updated_at >= since]
        return sorted(found, key=lambda incident: (incident.updated_at, incident.id))

    def edits(self, since: datetime, until: datetime) -> Iterator[Edit]:
        for story in self._stories(since - LONGEST_STORY, until):
            if story.relabelled_at and since <= story.relabelled_at < until:
                first = story.versions[0]
                yield Edit(
                    at=story.relabelled_at,
                    model="safety_event",
                    change="relabelled",
                    subject=first.id,
                    starts_at=first.starts_at,
                )

    def _stories(self, start: datetime, end: datetime) -> Iterator[Told]:
        for number, (vehicle_id, truck) in enumerate(self._trucks.items()):
            first = max(0, (start - FIRST_DAY).days - 2)
            for day in range(first, (end - FIRST_DAY).days + 1):
                yield from self._of_day(vehicle_id, number, truck, day)

    def _draw(self, vehicle_id: str, number: int, truck: Truck, day: int) -> tuple[Told, ...]:
        chance = seeded("safety", self._seed, vehicle_id, day)
        shift = truck.shift(day)
        moving = [block for block in shift.blocks if block.state == "on"]
        found: list[Told] = []
        for place in range(chance.choices((0, 1, 2, 3), (40, 35, 18, 7))[0]):
            block = chance.choice(moving)
            starts_at = block.starts_at + timedelta(milliseconds=chance.randrange(60_000, 240_000))
            first = self._happen(vehicle_id, number, truck, day, place, starts_at)
            found.append(
                _tell(first, shift.outage, camera=bool(self._cards[vehicle_id].camera_serial))
            )
        return tuple(found)

    def _happen(
        self, vehicle_id: str, number: int, truck: Truck, day: int, place: int, starts_at: datetime
    ) -> Incident:
        key = f"{self._seed}/{vehicle_id}/{day}/{place}"
        chance = seeded("incident", key)
        # The id says where the event is found again: by its truck, its day, its place in the day.
        found = number.to_bytes(3) + day.to_bytes(2) + place.to_bytes(1)
        digest = hashlib.blake2b(key.encode(), digest_size=10).digest() + found
        kinds = _SEEN if self._cards[vehicle_id].camera_serial else _FELT
        kind = chance.choices(tuple(kinds), tuple(kinds.values()))[0]
        spot, heading = truck.spot(starts_at)
        seats = self._crew.seats(number, day)
        lasts = chance.randrange(30_000, 300_000) if kind == "speeding" else 2_000
        lasts += chance.randrange(0, 8_000)
        limit = float(chance.choice(_LIMITS_KMH)) if kind == "speeding" else None
        # A second label now and then: who brakes hard was often close, and looked at a telephone.
        also: tuple[IncidentKind, ...] = ("distracted",) if kind == "near_crash" else ()
        if kind == "harsh_brake" and kinds is _SEEN and chance.random() < 0.3:
            also = ("tailgating",)
        return Incident(
            id=str(uuid.UUID(bytes=digest, version=4)),
            vehicle_id=vehicle_id,
            driver_id=seats[0].driver_id if seats else None,
            kind=kind,
            also=also,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(milliseconds=lasts),
            spot=spot,
            heading=heading,
            g_force=round(chance.uniform(*_FORCES.get(kind, (0.02, 0.25))), 3),
            limit_kmh=limit,
            fastest_kmh=limit + chance.randrange(8, 40) if limit else None,
            state="needs_review",
            created_at=starts_at,
            updated_at=starts_at,
        )


def _tell(happened: Incident, outage: tuple[datetime, datetime] | None, *, camera: bool) -> Told:
    chance = seeded("story", happened.id)
    known_from = happened.ends_at
    if outage and outage[0] <= known_from < outage[1]:
        known_from = outage[1]
    created_at = known_from + timedelta(milliseconds=chance.randrange(20_000, 120_000))
    versions = [replace(happened, created_at=created_at, updated_at=created_at)]

    def go_on(after: timedelta, **change: object) -> None:
        versions.append(replace(versions[-1], updated_at=versions[-1].updated_at + after, **change))

    relabelled_at = None
    if camera and chance.random() < 0.85:
        minutes = timedelta(milliseconds=chance.randrange(120_000, 900_000))
        go_on(minutes, footage_at=created_at + minutes)
    fate = chance.random()
    review = timedelta(milliseconds=chance.randrange(4 * 3_600_000, 72 * 3_600_000))
    if fate < 0.15:
        go_on(review, state="reviewed")
    elif fate < 0.25:
        go_on(review, state="dismissed", kind="false_alarm", also=(), by_hand=True)
    elif fate < 0.5:
        better = _BETTER.get(happened.kind, happened.kind)
        go_on(review, state="needs_coaching", kind=better, by_hand=better != happened.kind)
        go_on(timedelta(milliseconds=chance.randrange(86_400_000, 259_200_000)), state="coached")
    if versions[-1].by_hand:
        relabelled_at = next(v.updated_at for v in versions if v.by_hand)
    return Told(tuple(versions), relabelled_at)
