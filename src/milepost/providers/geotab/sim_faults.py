"""What goes wrong with the rows that the simulated vendor shows."""

from __future__ import annotations

from datetime import datetime, timedelta

from milepost.kit.simulation import Conditions
from milepost.providers.geotab.sim_dialect import instant, spell
from milepost.providers.geotab.sim_entities import Row

_ESSENTIAL = {"LogRecord": "latitude", "StatusData": "data", "Trip": "start"}
_TIMES = ("dateTime", "activeFrom", "start")
_AHEAD = timedelta(days=3)


def spoil(type_: str, rows: list[Row], now: datetime, conditions: Conditions) -> list[Row]:
    """Change the rows of an answer as the mishaps of a request have it."""
    mishaps = conditions.mishaps
    if rows and "bad_record" in mishaps:
        lost = _ESSENTIAL.get(type_, "id")
        rows = [{name: value for name, value in rows[0].items() if name != lost}, *rows[1:]]
    if rows and "clock_ahead" in mishaps:
        late = {name: spell(now + _AHEAD) for name in _TIMES if name in rows[0]}
        rows = [{**rows[0], **late, **_stopped(rows[0], now)}, *rows[1:]]
    if rows and "unknown_value" in mishaps:
        rows = [_say_something_new(type_, rows[0]), *rows[1:]]
    if "unknown_field" in mishaps:
        extra = {"zenithIndex": {"value": 7, "note": "not in any document"}}
        rows = [{**row, **extra} for row in rows]
    if "rows_repeated" in mishaps:
        rows = rows[:1] + rows
    if "rows_reordered" in mishaps:
        rows = rows[::-1]
    return rows


def _stopped(row: Row, now: datetime) -> Row:
    """Let what is dated ahead end after it begins."""
    if "stop" not in row or "start" not in row:
        return {}
    return {"stop": spell(now + _AHEAD + (instant(row["stop"]) - instant(row["start"])))}


def _say_something_new(type_: str, row: Row) -> Row:
    match type_:
        case "DutyStatusLog":
            return {**row, "status": "Zenith", "origin": "Zenith"}
        case "FaultData":
            return {**row, "faultState": "Zenith", "faultStates": {"effectiveStatus": "Zenith"}}
        case "ExceptionEvent":
            return {**row, "state": {"id": "ExceptionEventStateZenithId"}}
        case "FuelTaxDetail":
            return {**row, "jurisdiction": "ZENITH"}
        case "Device":
            return {**row, "deviceType": "ZENITH", "licenseState": "ZENITH"}
        case _:
            return row
