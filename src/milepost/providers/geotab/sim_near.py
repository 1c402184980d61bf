"""What the simulated vendor tells of one vehicle that is asked about by itself: positions, and a diagnostic's values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from milepost.kit.world import VehicleCard, World
from milepost.models.location import Fix
from milepost.models.stats import STAT_TYPES, StatType
from milepost.providers.geotab.sim_dialect import MILLISECOND, Refused, Search
from milepost.providers.geotab.sim_entities import DIAGNOSTICS, Row, vehicle_of
from milepost.providers.geotab.sim_feeds import position_row, readings, rule_of, status_row

HOUR = timedelta(hours=1)
G = 9.80665

_TYPES: dict[str, StatType] = {DIAGNOSTICS[type_][0]: type_ for type_ in STAT_TYPES}


def list_positions(search: Search, world: World) -> list[Row]:
    """List a vehicle's positions; those at the ends of the window are interpolated, and have no id."""
    if search.named("deviceSearch") is None:
        raise Refused("ArgumentException", "A device is needed to search for LogRecords.")
    start, end = search.window()
    rows: list[Row] = []
    for card in vehicle_of(search, world):
        near = [
            fix
            for window in world.held(card.id, start - HOUR, end + HOUR, search.now)
            for fix in world.fixes(card.id, *window)
        ]
        edges = (_between(near, edge) for edge in (start, end - MILLISECOND))
        rows += [
            {name: value for name, value in position_row(card.id, edge).items() if name != "id"}
            for edge in edges
            if edge
        ]
        rows += [position_row(card.id, fix) for fix in near if start <= fix.located_at < end]
    return sorted(rows, key=lambda row: str(row["dateTime"]))


def list_statuses(search: Search, world: World) -> list[Row]:
    """List a vehicle's values of one diagnostic: readings, or how hard an incident was, and how fast one might drive."""
    diagnostic = search.named("diagnosticSearch")
    start, end = search.window()
    return [
        status_row(card.id, diagnostic, at, value)
        for card in (vehicle_of(search, world) if diagnostic else [])
        for at, value in _values(world, card, diagnostic or "", (start, end), search.now)
        if diagnostic
    ]


def _values(
    world: World,
    card: VehicleCard,
    diagnostic: str,
    window: tuple[datetime, datetime],
    now: datetime,
) -> Iterator[tuple[datetime, float]]:
    type_ = _TYPES.get(diagnostic)
    if type_ is not None:
        # Without the engine's bus a unit knows the ignition only.
        if card.diagnostics or type_ == "engine_state":
            for held in world.held(card.id, *window, now):
                yield from readings(world, card.id, type_, *held)
        return
    for incident in world.incidents(*window, now):
        if incident.vehicle_id != card.id:
            continue
        sideways = rule_of(incident) == "RuleHarshCorneringId"
        if diagnostic == "DiagnosticAccelerationForwardBrakingId" and not sideways:
            yield incident.starts_at, -incident.g_force * G
        elif diagnostic == "DiagnosticAccelerationSideToSideId" and sideways:
            yield incident.starts_at, incident.g_force * G
        elif diagnostic == "DiagnosticPostedRoadSpeedId" and incident.limit_kmh:
            yield incident.starts_at, incident.limit_kmh


def _between(fixes: Sequence[Fix], at: datetime) -> Fix | None:
    """Interpolate where a vehicle was between two positions."""
    before = [fix for fix in fixes if fix.located_at <= at]
    after = [fix for fix in fixes if fix.located_at > at]
    if not before or not after:
        return None
    one, other = before[-1], after[0]
    share = (at - one.located_at) / (other.located_at - one.located_at)
    return Fix(
        at,
        one.latitude + share * (other.latitude - one.latitude),
        one.longitude + share * (other.longitude - one.longitude),
        None,
        one.speed,
    )
