"""Turns Geotab's exceptions to rules into safety events; pure.

An exception tells only which rule a vehicle broke, from when to when. Where it was, how fast and how hard
is read from what the vehicle told meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import UNREADABLE, Window, read
from milepost.models.location import Coordinates
from milepost.models.safety import SafetyEvent, SafetyEventStats, SafetyEventType
from milepost.providers.geotab import shapes
from milepost.providers.geotab.wire import FOREVER, ref

Shape = TypeVar("Shape", shapes.Along, shapes.StatusData)

G = 9.80665  # m/s²

RULES: dict[str, SafetyEventType] = {
    "RuleHarshBrakingId": "harsh_brake",
    "RuleJackrabbitStartsId": "harsh_acceleration",
    "RuleHarshCorneringId": "harsh_turn",
    "RulePostedSpeedingId": "speeding",
    "RuleSeatbeltId": "seat_belt_violation",
    "RuleAccidentId": "crash",
    "RuleEnhancedMajorCollisionId": "crash",
    "RuleEnhancedMinorCollisionId": "crash",
}
"""The vendor's own rules about safety; its others are about idling, engine lights, hours and zones."""

FORWARD = "DiagnosticAccelerationForwardBrakingId"
SIDEWAYS = "DiagnosticAccelerationSideToSideId"
POSTED = "DiagnosticPostedRoadSpeedId"
BESIDE = timedelta(seconds=30)
"""How far on either side of an event an acceleration still belongs to it."""


class Told(msgspec.Struct, frozen=True):
    """An exception that is a safety event, before anything is known of where it was."""

    body: bytes
    raw: shapes.ExceptionEvent
    vehicle: str
    type: SafetyEventType

    @property
    def ends_at(self) -> datetime | None:
        """When it ended; None while it lasts."""
        end = self.raw.activeTo
        return None if end is None or end >= FOREVER else end

    def wants(self) -> list[str]:
        """Return the diagnostics that tell how hard or how much too fast it was."""
        if self.type == "speeding":
            return [POSTED]
        return {
            "harsh_turn": [SIDEWAYS],
            "harsh_brake": [FORWARD],
            "harsh_acceleration": [FORWARD],
            "crash": [FORWARD, SIDEWAYS],
        }.get(self.type, [])


def type_of(rule: str, rules: Mapping[str, shapes.Rule]) -> SafetyEventType | None:
    """Return the type of what breaks a rule; a customer's own is read by its conditions."""
    known = RULES.get(rule)
    if known is not None or rule.startswith("Rule") or rule not in rules:
        return known
    return _by_condition(rules[rule].condition)


def told(raw: Raw, rules: Mapping[str, shapes.Rule], window: Window) -> Told | Cut | None:
    """Read an exception: a safety event of the window, one to set aside, or none at all."""
    rejects: list[Reject] = []
    body = bytes(raw)
    event = read(body, shapes.ExceptionEvent, rejects)
    if event is None:
        return _set_aside(body, rejects)
    rule, vehicle = ref(event.rule), ref(event.device)
    type_ = type_of(rule, rules) if rule else None
    if type_ is None or vehicle is None or not _stands(event):
        return _set_aside(body, rejects) if rejects else None
    bad = window.verdict(event.activeFrom)
    if bad:
        return _set_aside(body, [*rejects, Reject(f"activeFrom: {bad}")])
    floor, ceiling = window.bounds()
    return Told(body, event, vehicle, type_) if floor <= event.activeFrom < ceiling else None


def withdrawn(bodies: Iterable[Raw]) -> list[str]:
    """Return the ids of exceptions that do not count, as reviewers may decide; an exception's last mention counts."""
    found: dict[str, bool] = {}
    for body in bodies:
        try:
            event = msgspec.json.decode(body, type=shapes.ExceptionEvent)
        except UNREADABLE:
            continue
        found[event.id] = not _stands(event)
    return [source_id for source_id, gone in found.items() if gone]


def _stands(event: shapes.ExceptionEvent) -> bool:
    return ref(event.state) in {None, "ExceptionEventStateValidId"}


def event_cut(
    event: Told,
    logs: Sequence[Raw],
    statuses: Sequence[Raw],
    rules: Mapping[str, shapes.Rule],
    identity: Identity,
    provider: str,
) -> Cut:
    """Build a safety event of an exception and of what its vehicle told around it."""
    raw, ends_at = event.raw, event.ends_at
    rule = ref(raw.rule) or ""
    found = [log for each in logs if (log := _readable(each, shapes.Along)) is not None]
    driver = ref(raw.driver)
    named = rules.get(rule)
    record = SafetyEvent(
        id=identity.of("safety_event", raw.id),
        source_id=raw.id,
        provider=provider,
        type=event.type,
        source_type=(named.name if named and named.name else None) or rule,
        vehicle=identity.of("vehicle", event.vehicle),
        driver=identity.of("driver", driver) if driver else UNSET,
        started_at=clock.iso(raw.activeFrom),
        ended_at=clock.iso(ends_at) if ends_at else UNSET,
        start_location=_nearest(found, raw.activeFrom),
        end_location=_nearest(found, ends_at) if ends_at else UNSET,
        stats=_stats(found, statuses),
    )
    parts = (event.body, b",".join(logs), b",".join(statuses))
    return Cut(
        body=b'{"exceptionEvent":%b,"logRecords":[%b],"statusData":[%b]}' % parts,
        schema="geotab.ExceptionEvent",
        records=[record],
    )


def _by_condition(condition: shapes.Condition | None) -> SafetyEventType | None:
    """Read what a rule looks for, from the root of its conditions down."""
    if condition is None:
        return None
    kind, diagnostic = condition.conditionType or "", ref(condition.diagnostic) or ""
    if "seatbelt" in diagnostic.lower():
        return "seat_belt_violation"
    if kind.startswith("Speed"):
        return "speeding"
    below = (_by_condition(child) for child in condition.children or ())
    return next((type_ for type_ in below if type_ is not None), None)


def _stats(logs: Iterable[shapes.Along], statuses: Iterable[Raw]) -> SafetyEventStats | UnsetType:
    speeds = [log.speed for log in logs if log.speed is not None]
    values: dict[str, list[float]] = {}
    for raw in statuses:
        row = _readable(raw, shapes.StatusData)
        if row is not None and row.id is not None:
            values.setdefault(ref(row.diagnostic) or "", []).append(row.data)
    stats = SafetyEventStats(
        maximum_speed=round(max(speeds), 2) if speeds else UNSET,
        road_speed_limit=_strongest(values.get(POSTED), lambda kmh: round(kmh, 2)),
        g_force_forward_backward=_strongest(values.get(FORWARD), _g),
        g_force_side_to_side=_strongest(values.get(SIDEWAYS), _g),
    )
    return UNSET if stats == SafetyEventStats() else stats


def _strongest(values: list[float] | None, convert: Callable[[float], float]) -> float | UnsetType:
    return convert(max(map(abs, values))) if values else UNSET


def _g(acceleration: float) -> float:
    return round(acceleration / G, 3)


def _nearest(logs: Sequence[shapes.Along], at: datetime) -> Coordinates | UnsetType:
    if not logs:
        return UNSET
    log = min(logs, key=lambda each: abs(each.dateTime - at.astimezone(UTC)))
    return Coordinates(longitude=log.longitude, latitude=log.latitude)


def _readable(raw: Raw, shape: type[Shape]) -> Shape | None:
    try:
        return msgspec.json.decode(raw, type=shape)
    except UNREADABLE:
        return None


def _set_aside(body: bytes, rejects: list[Reject]) -> Cut:
    return Cut(body=body, schema="geotab.ExceptionEvent.alone", records=[], rejects=rejects)
