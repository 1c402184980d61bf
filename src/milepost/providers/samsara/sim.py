"""Samsara, simulated: the dialect of its REST API (version 2025-10-23) over any `World`.

A pure function of request, world, instant and conditions. Behaviour beyond the vendor's OpenAPI document
(empty terminal cursors, the limit of four types, fractional Retry-After, `null` for no assignments) is
as integrators observed it on live accounts in 2026; a page's measure is a guess, said where it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from milepost.kit import grants
from milepost.kit.simulation import Conditions, SimAnswer, SimRequest
from milepost.kit.world import World
from milepost.providers.samsara import (
    sim_equipment,
    sim_hours,
    sim_listings,
    sim_mishaps,
    sim_reports,
    sim_safety,
    sim_stats,
    sim_trips,
)
from milepost.providers.samsara.sim_dialect import Declined, request_id

CONSENT_PATH = "/oauth2/token"
TRANSIENT_RETRY_S = 0.40235  # What an observed 429 asked for: fractions of a second.


class Endpoint(NamedTuple):
    """An endpoint: who answers, the scope that its token needs, its limit in requests a second."""

    show: Callable[[SimRequest, World, datetime, Conditions], bytes]
    scope: str
    rate: float


_COMPLIANCE, _SAFETY = "Read ELD Compliance Settings (US)", "Read Safety Events & Scores"

# The vendor prints a rate for some endpoints only; its other tiers are 10, 25 and 50 a second.
ENDPOINTS: dict[str, Endpoint] = {
    "/me": Endpoint(sim_listings.show_organisation, "Read Org Information", 25),
    "/tags": Endpoint(sim_listings.list_tags, "Read Tags", 25),
    "/fleet/vehicles": Endpoint(sim_listings.list_vehicles, "Read Vehicles", 25),
    "/fleet/drivers": Endpoint(sim_listings.list_drivers, "Read Drivers", 25),
    "/fleet/driver-vehicle-assignments": Endpoint(
        sim_listings.list_assignments, "Read Assignments", 5
    ),
    "/fleet/vehicles/stats": Endpoint(sim_stats.show_snapshot, "Read Vehicle Statistics", 50),
    "/fleet/vehicles/stats/feed": Endpoint(sim_stats.show_feed, "Read Vehicle Statistics", 50),
    "/fleet/vehicles/stats/history": Endpoint(
        sim_stats.show_history, "Read Vehicle Statistics", 50
    ),
    "/gateways": Endpoint(sim_equipment.list_gateways, "Read Gateways", 5),
    "/fleet/trailers": Endpoint(sim_equipment.list_trailers, "Read Trailers", 5),
    "/fleet/trailers/stats": Endpoint(
        sim_equipment.show_trailer_stats, "Read Trailer Statistics", 25
    ),
    "/assets": Endpoint(sim_equipment.list_assets, "Read Assets", 5),
    "/fleet/hos/logs": Endpoint(sim_hours.list_logs, _COMPLIANCE, 5),
    "/fleet/hos/daily-logs": Endpoint(sim_hours.list_days, _COMPLIANCE, 5),
    "/fleet/hos/clocks": Endpoint(sim_hours.list_clocks, _COMPLIANCE, 25),
    "/v1/fleet/trips": Endpoint(sim_trips.list_trips, "Read Vehicle Trips", 25),
    "/safety-events/stream": Endpoint(sim_safety.stream_events, _SAFETY, 5),
    "/safety-events": Endpoint(sim_safety.list_events, _SAFETY, 5),
    "/cameras/media": Endpoint(sim_safety.list_media, "Read Media Retrieval", 5),
    "/fleet/reports/vehicles/fuel-energy": Endpoint(
        sim_reports.list_fuel, "Read Fuel & Energy", 25
    ),
    "/fleet/reports/ifta/vehicle": Endpoint(sim_reports.list_ifta, "Read IFTA (US)", 25),
}
_TOKEN_RATE = 150  # requests a second by token, over all endpoints


def answer(request: SimRequest, world: World, now: datetime, conditions: Conditions) -> SimAnswer:
    """Answer as the vendor would at instant `now` (aware UTC)."""
    if "broken_text" in conditions.mishaps:
        body = b"upstream connect error or disconnect/reset before headers"
        return SimAnswer(status=503, body=body, headers={"content-type": "text/plain"})
    if request.path == CONSENT_PATH and request.method == "POST" and conditions.grants is not None:
        return _trade(request, conditions)
    try:
        endpoint = _admit(request, conditions)
        wait = _wait(request, endpoint, now, conditions)
        if wait is not None:
            declined = Declined(429, "Rate limit exceeded")
            return _decline(request, now, declined, {"retry-after": f"{wait:.5f}"})
        body = endpoint.show(request, world, now, conditions)
    except Declined as declined:
        return _decline(request, now, declined, {})
    body = sim_mishaps.spoil(body, request, now, conditions)
    headers = {"content-type": "application/json", "request-id": request_id(request, now)}
    return SimAnswer(status=200, body=body, headers=headers)


def _trade(request: SimRequest, conditions: Conditions) -> SimAnswer:
    """Trade a code or a refresh token; the vendor documents no more of it than its OAuth samples show."""
    assert conditions.grants is not None
    grace = "no_grace" not in conditions.mishaps
    status, body = grants.answer(conditions.grants, request.headers, request.body, grace=grace)
    return SimAnswer(status=status, body=body, headers={"content-type": "application/json"})


def prerender(world: World, conditions: Conditions, start: datetime, end: datetime) -> int:
    """Write the positions of [start, end) onto the shelf; return how many. Needs a shelf."""
    held = {vehicle.id: world.held(vehicle.id, start, end, end) for vehicle in world.vehicles}
    request = SimRequest(method="GET", path="/fleet/vehicles/stats/history")
    walk = sim_stats.Walk(request, world, ["gps"], (), conditions, lambda v: held[v.id])
    return sum(walk.measure(vehicle) for vehicle in world.vehicles)


def _admit(request: SimRequest, conditions: Conditions) -> Endpoint:
    mishaps = conditions.mishaps
    if "broken" in mishaps:
        raise Declined(500, "internal server error")
    if not _token(request) or "token_revoked" in mishaps:
        raise Declined(401, "invalid token")
    if conditions.grants is not None:
        if "token_expired" in mishaps:
            conditions.grants.expire(_token(request))
        if not conditions.grants.accepts(_token(request)):
            raise Declined(401, "invalid token")
    endpoint = ENDPOINTS.get(request.path.rstrip("/"))
    if endpoint is None:
        raise Declined(404, "Not Found")
    if request.method != "GET":
        raise Declined(405, "Method Not Allowed")
    if "scope_revoked" in mishaps:
        raise Declined(403, f"Token lacks the required scope: {endpoint.scope}")
    if "feature_missing" in mishaps:
        raise Declined(404, "Not Found")
    if "cursor_lost" in mishaps and request.argument("after"):
        raise Declined(400, "Invalid pagination cursor")
    if "failed_inside" in mishaps:
        raise Declined(200, "Something went wrong")
    return endpoint


def _token(request: SimRequest) -> str:
    """Return the bearer token; any key that is not empty opens the fleet."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _wait(
    request: SimRequest, endpoint: Endpoint, now: datetime, conditions: Conditions
) -> float | None:
    """Return the seconds that the vendor asks to wait; None when the request may pass."""
    if "throttled" in conditions.mishaps:
        asked = conditions.retry_after
        return TRANSIENT_RETRY_S if asked is None else asked
    if conditions.throttle is None:
        return None
    token, throttle = _token(request), conditions.throttle
    wait = throttle.take(f"{token} {request.path}", endpoint.rate, now)
    return wait or throttle.take(token, _TOKEN_RATE, now) or None


def _decline(
    request: SimRequest, now: datetime, declined: Declined, headers: dict[str, str]
) -> SimAnswer:
    id_ = request_id(request, now)
    # The document says that a legacy endpoint refuses in a text; of these only the 400 was seen on the wire.
    if declined.plain or request.path.startswith("/v1/"):
        headers = {"content-type": "text/plain; charset=utf-8", "request-id": id_, **headers}
        text = declined.message.encode()
        return SimAnswer(status=declined.status, body=text, headers=headers)
    body = msgspec.json.encode({"message": declined.message, "requestId": id_})
    return SimAnswer(
        status=declined.status,
        body=body,
        headers={"content-type": "application/json", "request-id": id_, **headers},
    )
