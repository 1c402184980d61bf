"""Geotab, simulated: the dialect of MyGeotab's JSON-RPC over any `World`.

A pure function of request, world, instant and conditions. Every call is a POST to /apiv1, and errors come
inside a 200 with their type in three places; a `Get` stops at 5,000 rows without saying so. What the
vendor does beyond its documents is as published of live accounts in 2026 (README, [live]).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost.kit.simulation import Conditions, SimAnswer, SimRequest
from milepost.kit.world import World
from milepost.providers.geotab import sim_entities, sim_faults, sim_feeds, sim_near, sim_records
from milepost.providers.geotab.sim_dialect import (
    Refused,
    Search,
    instant,
    millisecond,
    moment_of,
    read_version,
    refusal,
)
from milepost.providers.geotab.sim_entities import Row

MOST_RESULTS = 5_000
MOST_FEED_ROWS = 50_000
MOST_CALLS = 100
SESSION_LIFE = timedelta(days=14)
_ASKED_TO_WAIT = 56  # Seconds, as one observed refusal asked.

GETS: dict[str, Callable[[Search, World], list[Row]]] = {
    "Device": sim_entities.list_devices,
    "User": sim_entities.list_users,
    "Group": sim_entities.list_groups,
    "Rule": sim_entities.list_rules,
    "Diagnostic": sim_entities.list_diagnostics,
    "FailureMode": sim_entities.list_failure_modes,
    "DeviceStatusInfo": sim_entities.list_statuses,
    "Trip": sim_records.list_trips,
    "FuelAndEnergyUsed": sim_records.list_fuel_used,
    "FuelTaxDetail": sim_records.list_fuel_tax,
    "DutyStatusLog": sim_records.list_duty,
    "AnnotationLog": sim_records.list_annotations,
    "DutyStatusAvailability": sim_records.list_availability,
    "DriverChange": sim_records.list_driver_changes,
    "LogRecord": sim_near.list_positions,
    "StatusData": sim_near.list_statuses,
}
_SORTED_BY_ID = {"Device", "User", "Trip"}

# Calls a minute, by user, method and type; of several in one the vendor tells none, and this is a guess.
_RATES = {"Authenticate": 10, "Get": 650, "GetFeed": 60, "GetCountOf": 100, "ExecuteMultiCall": 300}

Params = Mapping[str, Any]


class _Call(msgspec.Struct, frozen=True):
    method: str
    params: dict[str, Any] = {}


def answer(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> SimAnswer:
    """Answer as the vendor would at instant `now` (aware UTC)."""
    if "broken_text" in conditions.mishaps:
        return SimAnswer(
            status=503, body=b"Service Unavailable", headers={"content-type": "text/plain"}
        )
    if request.path.rstrip("/") != "/apiv1" or request.method != "POST":
        return SimAnswer(status=404, body=b"Not Found", headers={"content-type": "text/plain"})
    try:
        call = _read(request.body)
        _admit(call, now, conditions)
        result = _do(call.method, call.params, world, now, conditions)
    except Refused as refused:
        headers = {"content-type": "application/json"}
        if refused.retry_after is not None:
            headers["retry-after"] = str(max(1, round(refused.retry_after)))
        return SimAnswer(status=200, body=refusal(refused, now), headers=headers)
    body = msgspec.json.encode({"result": result, "jsonrpc": "2.0"})
    return SimAnswer(status=200, body=body, headers={"content-type": "application/json"})


def _read(body: bytes) -> _Call:
    try:
        return msgspec.json.decode(body, type=_Call)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("JsonSerializerException", "Invalid JSON.") from None


def _admit(call: _Call, now: datetime, conditions: Conditions) -> None:
    mishaps = conditions.mishaps
    if "broken" in mishaps:
        raise Refused("ServiceUnavailableException", "The service is not available.")
    if "token_revoked" in mishaps:
        raise Refused("InvalidUserException", "Incorrect login credentials")
    credentials = call.params.get("credentials") or {}
    user = call.params.get("userName") or credentials.get("userName", "")
    if "throttled" in mishaps:
        wait = _ASKED_TO_WAIT if conditions.retry_after is None else conditions.retry_after
        raise Refused("OverLimitException", "API calls quota exceeded.", wait)
    if conditions.throttle is not None:
        type_ = call.params.get("typeName", "")
        rate = _RATES.get(call.method, 60) / 60
        seconds = conditions.throttle.take(f"{user} {call.method} {type_}", rate, now)
        if seconds:
            raise Refused("OverLimitException", "API calls quota exceeded.", seconds)
    if call.method == "Authenticate":
        return
    if not _is_session(credentials, now):
        raise Refused("InvalidUserException", "Incorrect login credentials")
    if "scope_revoked" in mishaps:
        raise Refused("InvalidPermissionsException", "The user lacks the permission to do this.")
    if "failed_inside" in mishaps:
        raise Refused("GenericException", "Something went wrong.")


def _do(method: str, params: Params, world: World, now: datetime, conditions: Conditions) -> Any:
    match method:
        case "Authenticate":
            return _authenticate(params, now)
        case "GetCountOf":
            return len(_list(str(params.get("typeName")), {}, world, now, conditions))
        case "Get":
            return _get(params, world, now, conditions)
        case "GetFeed":
            return _feed(params, world, now, conditions)
        case "ExecuteMultiCall":
            return _many(params, world, now, conditions)
        case _:
            message = f"The method '{method}' could not be found."
            raise Refused("MissingMethodException", message)


def _authenticate(params: Params, now: datetime) -> dict[str, Any]:
    """Open a session; any name and password do, but the password `wrong`."""
    user, password = params.get("userName"), params.get("password")
    if not user or not password or password == "wrong":  # noqa: S105  No secret: it opens nothing.
        raise Refused("InvalidUserException", "Incorrect login credentials")
    credentials = {
        "database": params.get("database") or "prairie_star",
        "userName": user,
        "sessionId": f"{millisecond(now):x}-{_sign(str(user), millisecond(now))}",
    }
    return {"credentials": credentials, "path": "ThisServer"}


def _is_session(credentials: Params, now: datetime) -> bool:
    began, _, sign = str(credentials.get("sessionId", "")).partition("-")
    try:
        ms = int(began, 16)
    except ValueError:
        return False
    alive = now < moment_of(min(ms, millisecond(now) + 1)) + SESSION_LIFE
    return alive and sign == _sign(str(credentials.get("userName")), ms)


def _sign(user: str, ms: int) -> str:
    return hashlib.blake2b(f"{user}/{ms}".encode(), digest_size=9).hexdigest()


def _list(
    type_: str, terms: Params, world: World, now: datetime, conditions: Conditions
) -> list[Row]:
    show = GETS.get(type_)
    if show is None:
        raise Refused("MissingMethodException", "The method 'Get' could not be found.")
    rows = show(Search(type_, terms, now), world)
    return rows[1:] if "row_withdrawn" in conditions.mishaps else rows


def _get(params: Params, world: World, now: datetime, conditions: Conditions) -> list[Row]:
    """Return what is asked for, at the most 5,000 rows; sought through by id, those after an offset."""
    type_ = str(params.get("typeName"))
    limit = min(int(params.get("resultsLimit") or MOST_RESULTS), MOST_RESULTS)
    rows = _list(type_, params.get("search") or {}, world, now, conditions)
    sort = params.get("sort")
    if sort:
        if sort.get("sortBy") != "id" or type_ not in _SORTED_BY_ID:
            message = "Can not sort by id. Supported sortable fields are version, date."
            raise Refused("ArgumentException", message)
        offset = sort.get("offset")
        rows = sorted(rows, key=lambda row: str(row["id"]))
        if offset and "cursor_repeated" not in conditions.mishaps:
            rows = [row for row in rows if row["id"] > offset]
        if offset and "list_cut_short" in conditions.mishaps:
            rows = []
        limit = min(limit, conditions.page_records or limit)
    return sim_faults.spoil(type_, rows[:limit], now, conditions)


def _feed(params: Params, world: World, now: datetime, conditions: Conditions) -> dict[str, Any]:
    type_ = str(params.get("typeName"))
    source = sim_feeds.FEEDS.get(type_)
    if source is None:
        raise Refused("MissingMethodException", "The method 'GetFeed' could not be found.")
    limit = min(int(params.get("resultsLimit") or MOST_FEED_ROWS), MOST_FEED_ROWS)
    dense = type_ in {"LogRecord", "StatusData"}
    limit = min(limit, (conditions.page_readings if dense else conditions.page_records) or limit)
    since, search = params.get("fromVersion"), params.get("search") or {}
    if since is not None and "cursor_lost" in conditions.mishaps:
        raise Refused("ArgumentException", "The version is not known.")
    if since is None and "fromDate" not in search:
        start = (millisecond(now), 0)
        _, version = sim_feeds.page(source, world, start, MOST_FEED_ROWS, now)
        return {"data": [], "toVersion": version}
    start = read_version(since) if since else (millisecond(instant(search["fromDate"])), 0)
    rows, version = sim_feeds.page(source, world, start, limit, now)
    if since is not None and "cursor_repeated" in conditions.mishaps:
        version = str(since)
    return {"data": sim_faults.spoil(type_, rows, now, conditions), "toVersion": version}


def _many(params: Params, world: World, now: datetime, conditions: Conditions) -> list[Any]:
    calls = params.get("calls") or []
    if len(calls) > MOST_CALLS:
        raise Refused("ArgumentException", f"At most {MOST_CALLS} calls may be made at once.")
    return [
        _do(str(call.get("method")), call.get("params") or {}, world, now, conditions)
        for call in calls
    ]
