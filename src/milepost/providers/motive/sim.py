"""Motive, simulated: the dialect of its REST API over any `World`.

A pure function of request, world, instant and conditions. What is as seen on the wire and what is a
guess: README, “The simulator”.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from milepost.kit import grants
from milepost.kit.simulation import Conditions, SimAnswer, SimRequest
from milepost.kit.world import World
from milepost.providers.motive import (
    sim_events,
    sim_faults,
    sim_hours,
    sim_listings,
    sim_locations,
    sim_reports,
)
from milepost.providers.motive.sim_dialect import Ask, Declined

CONSENT_PATH = "/oauth/token"
_RATE = 10  # requests a second by company; the vendor publishes none


class Endpoint(NamedTuple):
    """An endpoint: who answers, and the scope that it needs."""

    show: Callable[[Ask], bytes]
    scope: str


ENDPOINTS: dict[str, Endpoint] = {
    "/v1/companies": Endpoint(sim_listings.list_companies, "companies.read"),
    "/v1/vehicles": Endpoint(sim_listings.list_vehicles, "vehicles.read"),
    "/v1/users": Endpoint(sim_listings.list_users, "users.read"),
    "/v1/groups": Endpoint(sim_listings.list_groups, "groups.read"),
    "/v1/eld_devices": Endpoint(sim_listings.list_devices, "eld_devices.read"),
    "/v1/assets": Endpoint(sim_listings.list_assets, "assets.read"),
    "/v1/asset_locations": Endpoint(sim_listings.list_asset_locations, "assets.read"),
    "/v3/vehicle_locations": Endpoint(
        sim_locations.list_current, "locations.vehicle_locations_list"
    ),
    "/v1/logs": Endpoint(sim_hours.list_logs, "hos_logs.logs"),
    "/v1/available_time": Endpoint(sim_hours.list_available_time, "hos_logs.available_time"),
    "/v1/driving_periods": Endpoint(sim_events.list_driving_periods, "driving_periods.read"),
    "/v2/driver_performance_events": Endpoint(
        sim_events.list_performance_events, "driver_performance_events.read"
    ),
    "/v1/speeding_events": Endpoint(sim_events.list_speeding_events, "speeding_events.read"),
    "/v1/fault_codes": Endpoint(sim_events.list_fault_codes, "fault_codes.read"),
    "/v2/vehicle_utilization": Endpoint(
        sim_reports.list_utilization, "utilization.vehicle_utilization"
    ),
    "/v1/ifta/summary": Endpoint(sim_reports.list_ifta, "ifta_reports.summary"),
}
_HISTORY = re.compile(r"/v3/vehicle_locations/([0-9]+)")


def answer(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> SimAnswer:
    """Answer as the vendor would at instant `now` (aware UTC)."""
    if "broken_text" in conditions.mishaps:
        body = b"<html><body>502 Bad Gateway</body></html>"
        return SimAnswer(status=502, body=body, headers={"content-type": "text/html"})
    if request.path == CONSENT_PATH and request.method == "POST" and conditions.grants is not None:
        return _trade(request, conditions)
    ask = Ask(sim_faults.in_circles(request, conditions), world, now, conditions)
    try:
        endpoint = _admit(ask)
        wait = _wait(ask)
        if wait is not None:
            return _decline(Declined(429, "Rate limit exceeded"), wait)
        body = endpoint.show(ask)
    except Declined as declined:
        return _decline(declined, {})
    body = sim_faults.spoil(body, now, conditions)
    return SimAnswer(status=200, body=body, headers={"content-type": "application/json"})


def _admit(ask: Ask) -> Endpoint:
    mishaps, request = ask.conditions.mishaps, ask.request
    if "broken" in mishaps:
        raise Declined(500, "Internal Server Error")
    if not _key(request) or "token_revoked" in mishaps:
        raise Declined(401, "invalid API key")
    if ask.conditions.grants is not None:
        if "token_expired" in mishaps:
            ask.conditions.grants.expire(_key(request))
        if not ask.conditions.grants.accepts(_key(request)):
            raise Declined(401, "The access token expired")
    path = request.path.rstrip("/")
    history = _HISTORY.fullmatch(path)
    endpoint = ENDPOINTS.get(path)
    if history is not None:
        endpoint = Endpoint(
            lambda ask: sim_locations.show_history(ask, history[1]),
            "locations.vehicle_locations_single",
        )
    if endpoint is None:
        raise Declined(404, "not found")
    if request.method != "GET":
        raise Declined(405, "method not allowed")
    if "scope_revoked" in mishaps:
        raise Declined(403, "You are not authorized to perform this action")
    if "feature_missing" in mishaps:
        raise Declined(404, "not found")
    if "cursor_lost" in mishaps and request.argument("page_no") not in (None, "1"):
        raise Declined(400, "page_no is out of range")
    if "failed_inside" in mishaps:
        raise Declined(200, "Something went wrong")
    return endpoint


def _trade(request: SimRequest, conditions: Conditions) -> SimAnswer:
    """Trade a code or a refresh token, which is good for one renewal."""
    assert conditions.grants is not None
    grace = "no_grace" not in conditions.mishaps
    status, body = grants.answer(conditions.grants, request.headers, request.body, grace=grace)
    return SimAnswer(status=status, body=body, headers={"content-type": "application/json"})


def _key(request: SimRequest) -> str:
    """Return the API key or the bearer token; any that is not empty opens the fleet."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return request.headers.get("x-api-key", "").strip() or bearer


def _wait(ask: Ask) -> dict[str, str] | None:
    """Return the headers of a refusal to answer now; None when the request may pass."""
    conditions = ask.conditions
    if "throttled" in conditions.mishaps:
        asked = conditions.retry_after
        return {} if asked is None else {"retry-after": f"{asked:g}"}
    if conditions.throttle is None:
        return None
    wait = conditions.throttle.take(_key(ask.request), _RATE, ask.now)
    return {"retry-after": str(math.ceil(wait))} if wait else None


def _decline(declined: Declined, headers: dict[str, str]) -> SimAnswer:
    body = msgspec.json.encode({"error_message": declined.message})
    headers = {"content-type": "application/json", **headers}
    return SimAnswer(status=declined.status, body=body, headers=headers)
