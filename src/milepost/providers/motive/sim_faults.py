"""What goes wrong with the simulated Motive's answers, once they are written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost.kit.simulation import Conditions, Mishap, SimRequest
from milepost.providers.motive.sim_dialect import spell

_SPOILING: set[Mishap] = {
    "cursor_repeated", "bad_record", "unknown_field", "unknown_value", "other_account",
    "rows_reordered", "clock_ahead",
}  # fmt: skip
_ESSENTIAL = ("located_at", "start_time", "first_observed_at", "id", "date", "distance", "vehicle")
_TIMES = ("located_at", "start_time", "first_observed_at")
_ENUMS = ("type", "status", "role", "network", "fuel_type", "duty_status", "jurisdiction")
_AHEAD = timedelta(days=3)


def in_circles(request: SimRequest, conditions: Conditions) -> SimRequest:
    """Ask for the first page whatever was asked for, where pages are to repeat."""
    if "cursor_repeated" not in conditions.mishaps or "page_no" not in request.query:
        return request
    return msgspec.structs.replace(request, query={**request.query, "page_no": ["1"]})


def spoil(body: bytes, now: datetime, conditions: Conditions) -> bytes:
    mishaps = conditions.mishaps
    if not mishaps & _SPOILING:
        return body
    page: dict[str, Any] = msgspec.json.decode(body)
    entries = next(value for key, value in page.items() if key != "pagination")
    rows = [record for entry in entries for record in entry.values()]
    if "bad_record" in mishaps and rows:
        _harm(rows[0])
    if "clock_ahead" in mishaps and rows:
        _date_ahead(rows[0], now)
    if "unknown_value" in mishaps and rows:
        _say_something_new(rows[0])
    if "unknown_field" in mishaps:
        for row in rows:
            row["zenith_index"] = {"value": 7, "note": "not in any document"}
    if "other_account" in mishaps and "companies" in page:
        rows[0]["id"] += 9_000_000
    if "cursor_repeated" in mishaps and rows and "pagination" in page:
        page["pagination"]["total"] += page["pagination"]["per_page"] * 2
    if "rows_reordered" in mishaps:
        entries.reverse()
    return msgspec.json.encode(page)


def _harm(record: dict[str, Any]) -> None:
    """Take something essential out of a record."""
    if record.get("events"):
        record["events"][0]["event"].pop("start_time")
        return
    for key in _ESSENTIAL:
        if key in record:
            del record[key]
            return


def _date_ahead(record: dict[str, Any], now: datetime) -> None:
    inner = record["events"][0]["event"] if record.get("events") else record
    for key in (*_TIMES, "end_time", "last_observed_at"):
        if inner.get(key):
            inner[key] = spell(now + _AHEAD)


def _say_something_new(record: dict[str, Any]) -> None:
    inner = record["events"][0]["event"] if record.get("events") else record
    for key in _ENUMS:
        if isinstance(inner.get(key), str):
            inner[key] = "zenith"
