"""The simulated vendor's feeds: what came in, in the order in which it did, numbered by versions.

A version is the millisecond in which a row came in, and the how manyth of that millisecond it was: the
same rows get the same versions whenever they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from milepost.kit.world import FaultReading, Incident, IncidentKind, TroubleCode, World
from milepost.models.location import Fix
from milepost.models.stats import STAT_TYPES, StatType
from milepost.providers.geotab.sim_dialect import (
    MILLISECOND,
    geotab_id,
    long_id,
    millisecond,
    moment_of,
    row_id,
    spell,
    write_version,
)
from milepost.providers.geotab.sim_entities import (
    DIAGNOSTICS,
    OWN_BELT,
    OWN_SPEEDING,
    PARTNER,
    Row,
    controller_of,
    diagnostic_of,
    failure_mode_of,
    vendor_value,
)

DAY = timedelta(days=1)
_SHORT, _LONG = timedelta(minutes=30), timedelta(days=1)


class Arrived(NamedTuple):
    """A row, when it came in, and what orders those of one millisecond."""

    ms: int
    key: tuple[str, ...]
    row: Row


Source = Callable[[World, datetime, datetime, datetime], Iterable[Arrived]]
"""Returns what came in in [since, until), as known at an instant."""


def page(
    source: Source, world: World, start: tuple[int, int], limit: int, now: datetime
) -> tuple[list[Row], str]:
    """Return up to `limit` rows that came in after a version, and the version to go on from."""
    began, done = start
    until = now.replace(microsecond=now.microsecond // 1000 * 1000) + MILLISECOND
    at, step = moment_of(began), _SHORT
    found: list[tuple[int, int, Row]] = []
    while at < until and len(found) <= limit:
        end = min(at + step, until)
        missing, before = limit - len(found), len(found)
        chunk = sorted(source(world, at, end, now), key=lambda each: each[:2])
        for ms, rows in groupby(chunk, key=lambda each: each.ms):
            numbered = enumerate(rows, start=1)
            found += [(ms, n, each.row) for n, each in numbered if ms != began or n > done]
        at = end
        if 4 * (len(found) - before) < missing:
            step = min(step * 2, _LONG)
    shown = found[:limit]
    for ms, number, row in shown:
        if "version" in row:
            row["version"] = write_version(ms, number)
    if len(found) > limit:
        return [row for _, _, row in shown], write_version(*shown[-1][:2])
    last = max([shown[-1][:2]] if shown else [], default=(began, done))
    reached = max(last, (millisecond(now), last[1] if last[0] == millisecond(now) else 0))
    return [row for _, _, row in shown], write_version(*reached)


def positions(
    world: World,
    since: datetime,
    until: datetime,
    now: datetime,  # noqa: ARG001  What is measured stays.
) -> Iterator[Arrived]:
    for vehicle in world.vehicles:
        for start, end, ms_of in _windows(world, vehicle.id, since, until):
            for fix in world.fixes(vehicle.id, start, end):
                row = position_row(vehicle.id, fix)
                yield Arrived(ms_of(fix.located_at), (row["id"],), row)


def position_row(vehicle: str, fix: Fix) -> Row:
    return {
        "latitude": fix.latitude,
        "longitude": fix.longitude,
        "speed": fix.speed or 0,
        "dateTime": spell(fix.located_at),
        "device": {"id": geotab_id(vehicle)},
        "id": f"b{int(vehicle) & 0xFFFFFF:X}{millisecond(fix.located_at):X}",
    }


def statuses(
    world: World,
    since: datetime,
    until: datetime,
    now: datetime,  # noqa: ARG001  What is measured stays.
) -> Iterator[Arrived]:
    """Yield readings as diagnostics; a unit without the engine's bus knows the ignition only."""
    for vehicle in world.vehicles:
        types: tuple[StatType, ...] = STAT_TYPES if vehicle.diagnostics else ("engine_state",)
        for start, end, ms_of in _windows(world, vehicle.id, since, until):
            for type_ in types:
                for at, value in readings(world, vehicle.id, type_, start, end):
                    row = status_row(vehicle.id, DIAGNOSTICS[type_][0], at, value)
                    yield Arrived(ms_of(at), (row["id"],), row)
                    if type_ == "engine_state" and value:
                        row = status_row(vehicle.id, "DiagnosticCrankingVoltageId", at, 11.2)
                        yield Arrived(ms_of(at), (row["id"],), row)


def status_row(vehicle: str, diagnostic: str, at: datetime, value: float) -> Row:
    return {
        "data": value,
        "dateTime": spell(at),
        "device": {"id": geotab_id(vehicle)},
        "diagnostic": {"id": diagnostic},
        "controller": "ControllerNoneId",
        "version": "",
        "id": row_id(vehicle, diagnostic, at),
    }


def faults(
    world: World,
    since: datetime,
    until: datetime,
    now: datetime,  # noqa: ARG001  What is measured stays.
) -> Iterator[Arrived]:
    """Yield every active code each time that it is told, and once more when it is gone."""
    for vehicle in world.vehicles:
        for start, end, ms_of in _windows(world, vehicle.id, since, until):
            earlier = world.faults(vehicle.id, start - 14 * DAY, start)
            before = earlier[-1] if earlier else None
            for reading in world.faults(vehicle.id, start, end):
                for row in _fault_rows(vehicle.id, before, reading):
                    yield Arrived(ms_of(reading.at), (row["id"],), row)
                before = reading


def exceptions(world: World, since: datetime, until: datetime, now: datetime) -> Iterator[Arrived]:
    """Yield exceptions by when they last changed: each stands in the feed once, as it is now."""
    left = {vehicle.id for vehicle in world.vehicles}
    for incident in world.incidents_changed(since, until):
        if incident.vehicle_id in left and world.incident(incident.id, now) == incident:
            row = exception_row(incident)
            yield Arrived(millisecond(incident.updated_at), (row["id"],), row)


def exception_row(incident: Incident) -> Row:
    driver = incident.driver_id
    dismissed = incident.state == "dismissed" or incident.kind == "false_alarm"
    return {
        "id": long_id(incident.id),
        "activeFrom": spell(incident.starts_at),
        "activeTo": spell(incident.ends_at),
        "distance": 0.1,
        "duration": "00:00:10",
        "rule": {
            "id": rule_of(incident),
            "reason": "ExceptionRuleReasonNoneId",
            "state": "ExceptionRuleStateActiveId",
        },
        "device": {"id": geotab_id(incident.vehicle_id)},
        "driver": {"id": geotab_id(driver), "isDriver": True} if driver else "UnknownDriverId",
        "diagnostic": "NoDiagnosticId",
        "state": "ExceptionEventStateDismissedId" if dismissed else "ExceptionEventStateValidId",
        "createdDateTime": spell(incident.created_at),
        "lastModifiedDateTime": spell(incident.updated_at),
        "version": "",
    }


_RULES: dict[IncidentKind, str] = {
    "harsh_brake": "RuleHarshBrakingId",
    "harsh_acceleration": "RuleJackrabbitStartsId",
    "harsh_turn": "RuleHarshCorneringId",
    "crash": "RuleEnhancedMajorCollisionId",
    "other": "RuleIdlingId",
    "false_alarm": "RuleHarshBrakingId",
}


def rule_of(incident: Incident) -> str:
    """Return the rule that an incident broke; of speeding and belts every other one is a rule of the fleet's."""
    own = int(incident.id[0], 16) % 2 == 0
    if incident.kind == "speeding":
        return OWN_SPEEDING if own else "RulePostedSpeedingId"
    if incident.kind == "seat_belt_violation":
        return OWN_BELT if own else "RuleSeatbeltId"
    return _RULES.get(incident.kind, PARTNER)


FEEDS: dict[str, Source] = {
    "LogRecord": positions,
    "StatusData": statuses,
    "FaultData": faults,
    "ExceptionEvent": exceptions,
}


def _windows(
    world: World, vehicle: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, Callable[[datetime], int]]]:
    """Yield the stretches of record time that came in, with when what lies in them did."""
    silences = world.silences(vehicle, since - DAY, until)

    def ms_of(at: datetime) -> int:
        return millisecond(next((found for lost, found in silences if lost <= at < found), at))

    for start, end in world.came_in(vehicle, since, until):
        yield start, end, ms_of


def readings(
    world: World, vehicle: str, type_: StatType, start: datetime, end: datetime
) -> Iterator[tuple[datetime, float]]:
    """Yield values in the vendor's units; of engine states only what turns the ignition."""
    if type_ != "engine_state":
        for reading in world.readings(vehicle, type_, start, end):
            yield reading.at, vendor_value(type_, reading.value)
        return
    earlier = world.readings(vehicle, type_, start - 2 * DAY, start)
    before = vendor_value(type_, earlier[-1].value) if earlier else 0
    for reading in world.readings(vehicle, type_, start, end):
        value = vendor_value(type_, reading.value)
        if value != before:
            yield reading.at, value
        before = value


def _fault_rows(vehicle: str, before: FaultReading | None, reading: FaultReading) -> Iterator[Row]:
    now = {diagnostic_of(code) for code in reading.codes}
    for code in reading.codes:
        state = "Pending" if code.status == "pending" else "Active"
        yield _fault_row(vehicle, code, reading.at, state)
    for code in before.codes if before else ():
        if diagnostic_of(code) not in now:
            yield _fault_row(vehicle, code, reading.at, "Inactive")


def _fault_row(vehicle: str, code: TroubleCode, at: datetime, state: str) -> Row:
    mode = failure_mode_of(code)
    row: dict[str, Any] = {
        "id": row_id(vehicle, diagnostic_of(code), at),
        "device": {"id": geotab_id(vehicle)},
        "diagnostic": {"id": diagnostic_of(code)},
        "failureMode": {"id": mode} if mode else "NoFailureModeId",
        "controller": controller_of(code),
        "dateTime": spell(at),
        "faultState": state,
        # Two spellings were seen of the same.
        "faultStates": {
            "effectiveStatus": f"FaultStatus{state}Id" if at.minute % 2 else state,
        },
        "count": code.occurrences,
        "malfunctionLamp": code.lamp and state != "Inactive",
        "amberWarningLamp": False,
        "redStopLamp": False,
        "protectWarningLamp": False,
    }
    if code.protocol == "j1939":
        row["sourceAddress"] = code.source_address
    return row
