"""What goes wrong with the simulated Samsara's answers, once they are written.

A list that is cut short is not among it: no answer says how many there are, so that nobody could tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost import clock
from milepost.kit.simulation import Conditions, Mishap, SimRequest
from milepost.providers.samsara.sim_dialect import milliseconds

_SPOILING: set[Mishap] = {
    "cursor_repeated", "bad_record", "unknown_field", "unknown_value", "other_account",
    "rows_repeated", "rows_reordered", "row_withdrawn", "clock_ahead",
}  # fmt: skip
_AHEAD = timedelta(days=3)
_TIMES = ("time", "logStartTime", "logEndTime", "startMs", "endMs", "startTime", "endTime")
_ENUMS = ("value", "hosStatusType", "driverActivationStatus", "canBusType", "eventState", "model")


def spoil(body: bytes, request: SimRequest, now: datetime, conditions: Conditions) -> bytes:
    mishaps = conditions.mishaps
    if not mishaps & _SPOILING:
        return body
    page: dict[str, Any] = msgspec.json.decode(body)
    rows = _rows(page)
    if "bad_record" in mishaps and rows:
        _harm(rows[0])
    if "clock_ahead" in mishaps and rows:
        _date_ahead(rows[0], now)
    if "unknown_value" in mishaps and rows:
        _say_something_new(rows[0])
    if "unknown_field" in mishaps:
        for row in rows:
            row["zenithIndex"] = {"value": 7, "note": "not in any document"}
    if "other_account" in mishaps and request.path == "/me":
        page["data"]["id"] = f"9{page['data']['id']}"
    _shuffle(rows, request, mishaps)
    after = request.argument("after")
    if "cursor_repeated" in mishaps and after and "pagination" in page:
        page["pagination"] = {"endCursor": after, "hasNextPage": True}
    return msgspec.json.encode(page)


def _shuffle(rows: list[Any], request: SimRequest, mishaps: frozenset[Mishap]) -> None:
    """Take the list's first row away, say a row twice, or turn a page and what lies in its rows round."""
    if "row_withdrawn" in mishaps and not request.argument("after"):
        del rows[:1]
    for some in (rows, *(inner for row in rows for inner in _inside(row))):
        if "rows_repeated" in mishaps:
            some.extend(some[:1])
        if "rows_reordered" in mishaps:
            some.reverse()


def _rows(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Find a page's records: under `data`, inside the object that `data` is, or under `trips`."""
    data = page.get("data", page.get("trips"))
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    return data if isinstance(data, list) else []


def _inside(row: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Find the dated lists in a record: a vehicle's readings, a driver's statuses."""
    for value in row.values():
        if isinstance(value, list) and value and _dated(value[0]):
            yield value


def _dated(value: object) -> bool:
    return isinstance(value, dict) and bool({"time", "logStartTime"} & value.keys())


def _first(row: dict[str, Any]) -> dict[str, Any]:
    """The first dated thing in a record: a reading, a snapshot, a status, or the record itself."""
    for value in row.values():
        first = value[0] if isinstance(value, list) and value else value
        if _dated(first):
            assert isinstance(first, dict)
            return first
    return row


def _harm(row: dict[str, Any]) -> None:
    """Take something essential out of a record: a position's latitude, a value, or what names it."""
    first = _first(row)
    if "time" in first and first is not row:
        first.pop("latitude", None) or first.pop("value", None)
    elif row.get("hosLogs"):
        row["hosLogs"][0].pop("hosStatusType")
    elif not any(row.pop(key, None) for key in ("id", "serial", "startMs", "vehicleId")):
        named: dict[str, Any] = row.get("driver") or row.get("vehicle") or {}
        named.pop("id", None)


def _date_ahead(row: dict[str, Any], now: datetime) -> None:
    first, ahead = _first(row), now + _AHEAD
    for key in _TIMES:
        if first.get(key):
            first[key] = milliseconds(ahead) if key.endswith("Ms") else clock.iso(ahead)


def _say_something_new(row: dict[str, Any]) -> None:
    first = _first(row)
    for key in _ENUMS:
        if isinstance(first.get(key), str):
            first[key] = "zenith"
