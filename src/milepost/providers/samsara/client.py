"""Samsara's endpoints, one method each, and what its failures mean; no mapping.

Paths and parameters: OpenAPI document of API version 2025-10-23 (README, source S).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from string import Formatter

import msgspec

from milepost import clock
from milepost.errors import (
    Changed,
    CursorLost,
    LoginLost,
    NotAllowed,
    NotOffered,
    ProviderError,
    TryAgain,
)
from milepost.kit.http import Answer, Judge, ProviderClient

API_VERSION = "2025-10-23"
LARGEST_PAGE = "512"  # Where the document has a `limit`: tags, vehicles and drivers; 513 is a 400.
READ_ORGANIZATION = "Read Org Information"
READ_ASSIGNMENTS = "Read Assignments"
READ_TRAILER_STATISTICS = "Read Trailer Statistics"

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # What RFC 6750 lets a bearer token be made of.
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_CURSOR_LOST = re.compile(r"parameters differ|cursor|pagination token", re.IGNORECASE)

_NOT_READY = re.compile(r"still (be )?processing", re.IGNORECASE)

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def bearer(template: str, credentials: Mapping[str, str]) -> str:
    """Make the bearer token as a manifest says: `{apiKey}`, or `{username!b}` for base64url of a field.

    Raises LoginLost, which never shows the token, where no provider could accept it.
    """
    made = []
    for literal, name, _, conversion in Formatter().parse(template):
        made.append(literal)
        if name:
            value = credentials.get(name, "").strip()
            if conversion == "b":
                value = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
            made.append(value)
    token = "".join(made)
    if not _TOKEN.fullmatch(token):
        raise LoginLost("The credentials cannot be those of an account: check what was typed.")
    return token


class SamsaraClient:
    """The calls that the connector makes; each returns the body of a good answer."""

    def __init__(self, http: ProviderClient) -> None:
        self._http = http

    async def organization(self) -> bytes:
        judge = _judge("/me", READ_ORGANIZATION)
        return await self._http.get("/me", {}, spends="organization", judge=judge)

    async def tags(self, permission: str, after: str | None) -> bytes:
        return await self._page("/tags", {"limit": LARGEST_PAGE}, after, "tags", permission)

    async def vehicles(self, permission: str, after: str | None) -> bytes:
        params = {"limit": LARGEST_PAGE}
        return await self._page("/fleet/vehicles", params, after, "vehicles", permission)

    async def drivers(self, permission: str, activation: str, after: str | None) -> bytes:
        """List drivers of one activation status; without one, deactivated drivers stay hidden."""
        params = {"driverActivationStatus": activation, "limit": LARGEST_PAGE}
        return await self._page("/fleet/drivers", params, after, "drivers", permission)

    async def gateways(self, permission: str, after: str | None) -> bytes:
        return await self._page("/gateways", {}, after, "gateways", permission)

    async def trailers(self, permission: str, after: str | None) -> bytes:
        params = {"limit": LARGEST_PAGE}
        return await self._page("/fleet/trailers", params, after, "trailers", permission)

    async def assets(self, permission: str, kind: str, after: str | None) -> bytes:
        """List assets of one type, 300 a page."""
        params = {"type": kind, "includeTags": "true", "includeExternalIds": "true"}
        return await self._page("/assets", params, after, "assets", permission)

    async def assignments(self, starts_at: datetime, ends_at: datetime, after: str | None) -> bytes:
        """Ask who sat in which vehicle at any time of a window; fifty a page, whatever the `limit`."""
        params = {"filterBy": "vehicles", **_window(starts_at, ends_at)}
        path = "/fleet/driver-vehicle-assignments"
        return await self._page(path, params, after, "assignments", READ_ASSIGNMENTS)

    async def trailer_stats(self, types: list[str], after: str | None) -> bytes:
        """Ask for the last known value of each type of every trailer; there is no `limit`."""
        path, params = "/fleet/trailers/stats", {"types": ",".join(types)}
        return await self._page(path, params, after, "trailer_stats", READ_TRAILER_STATISTICS)

    async def duty_statuses(
        self,
        permission: str,
        starts_at: datetime,
        ends_at: datetime,
        drivers: Sequence[str] | None,
        after: str | None,
    ) -> bytes:
        """Ask for the duty statuses of these drivers, or all, in a window; the endpoint has no `limit`."""
        params = _window(starts_at, ends_at)
        if drivers is not None:
            params["driverIds"] = ",".join(drivers)
        return await self._page("/fleet/hos/logs", params, after, "hos_logs", permission)

    async def daily_logs(
        self, permission: str, first: date, last: date, activation: str, after: str | None
    ) -> bytes:
        """Ask for drivers' days, both ends included; `last` may not lie in the fleet's future."""
        params = {
            "startDate": first.isoformat(),
            "endDate": last.isoformat(),
            "driverActivationStatus": activation,
        }
        path = "/fleet/hos/daily-logs"
        return await self._page(path, params, after, "hos_daily_logs", permission)

    async def clocks(self, permission: str, after: str | None) -> bytes:
        """Ask for the time that each driver has left, deactivated drivers included."""
        params = {"limit": LARGEST_PAGE}
        return await self._page("/fleet/hos/clocks", params, after, "hos_clocks", permission)

    async def trips(
        self, permission: str, vehicle: str, starts_at: datetime, ends_at: datetime
    ) -> bytes:
        """Ask for the trips of one vehicle that touch a window of 90 days at the most."""
        params = {
            "vehicleId": vehicle,
            "startMs": str(_ms(starts_at)),
            "endMs": str(_ms(ends_at + timedelta(microseconds=999))),
        }
        return await self._page("/v1/fleet/trips", params, None, "trips", permission)

    async def safety_events(self, permission: str, since: str, after: str | None) -> bytes:
        """Ask for the events that changed since a time, to the present; a cursor belongs to its `since`."""
        params = {
            "startTime": since,
            "queryByTimeField": "updatedAtTime",
            # Else what gateways without a camera noticed would be missing.
            "includeVgOnlyEvents": "true",
            "includeDriver": "true",
        }
        path = "/safety-events/stream"
        return await self._page(path, params, after, "safety_events", permission)

    async def safety_event(self, permission: str, event: str, after: str | None) -> bytes:
        """Ask for one event by id, as it is now: the addresses of its footage are freshly signed."""
        params = {"safetyEventIds": event, "includeVgOnlyEvents": "true"}
        return await self._page("/safety-events", params, after, "safety_events", permission)

    async def fuel_energy(self, permission: str, midnight: datetime, after: str | None) -> bytes:
        """Ask for each vehicle's usage of the day that begins at `midnight`, in that time zone.

        Both ends are included, and of the times only date and offset count: one and the same means a day.
        """
        day = midnight.isoformat()
        params = {"startDate": day, "endDate": day}
        path = "/fleet/reports/vehicles/fuel-energy"
        return await self._page(path, params, after, "fuel_energy", permission)

    async def ifta(self, permission: str, first: date, after: str | None) -> bytes | None:
        """Ask for the miles of the month that begins at `first`; None while they are still counted."""
        path = "/fleet/reports/ifta/vehicle"
        params = {"year": str(first.year), "month": MONTHS[first.month - 1]}
        asked = params if after is None else {**params, "after": after}
        strict = _judge(path, permission, resumed=after is not None)
        counting = False

        def judge(answer: Answer) -> ProviderError | None:
            nonlocal counting
            counting = answer.status == 400 and bool(_NOT_READY.search(_message(answer)))
            return None if counting else strict(answer)

        body = await self._http.get(path, asked, spends="ifta", judge=judge)
        return None if counting else body

    async def stats(self, permission: str, types: list[str], after: str | None) -> bytes:
        """Ask for the last known value of each type of every vehicle."""
        path = "/fleet/vehicles/stats"
        return await self._page(path, {"types": ",".join(types)}, after, "stats", permission)

    async def stats_feed(self, permission: str, types: list[str], after: str | None) -> bytes:
        """Ask for what came in since `after`; without it, for the last known values and a cursor."""
        path = "/fleet/vehicles/stats/feed"
        return await self._page(path, {"types": ",".join(types)}, after, "stats", permission)

    async def stats_history(
        self,
        permission: str,
        types: list[str],
        starts_at: datetime,
        ends_at: datetime,
        after: str | None,
        vehicles: Sequence[str] | None = None,
    ) -> bytes:
        """Ask for readings of [starts_at, ends_at); the cursor goes from vehicle to vehicle."""
        params = {**_window(starts_at, ends_at), "types": ",".join(types)}
        if vehicles is not None:
            params["vehicleIds"] = ",".join(vehicles)
        path = "/fleet/vehicles/stats/history"
        return await self._page(path, params, after, "stats", permission)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Pass a customer's own call on."""
        answer = await self._http.send(method, path, headers, body, spends="organization")
        return answer.status, answer.headers, answer.body

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _page(
        self, path: str, params: dict[str, str], after: str | None, spends: str, permission: str
    ) -> bytes:
        # Every page repeats the first one's parameters: the cursor belongs to exactly these.
        asked = params if after is None else {**params, "after": after}
        judge = _judge(path, permission, resumed=after is not None)
        return await self._http.get(path, asked, spends=spends, judge=judge)


def _window(starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    # Rounded up, so that what lies between is not lost; the mapping cuts exactly.
    rounded = ends_at + timedelta(microseconds=999)
    return {"startTime": clock.iso(starts_at), "endTime": clock.iso(rounded)}


def _ms(instant: datetime) -> int:
    return (instant - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def _judge(path: str, permission: str, *, resumed: bool = False) -> Judge:
    def judge(answer: Answer) -> ProviderError | None:
        status = answer.status
        if status == 200:
            return None
        said = f"Samsara answered {status} to {path}{_handle(answer)}"
        if status == 401:
            return LoginLost(f"{said}: it no longer accepts the credentials.")
        if status == 403:
            # The licence of the account may lack it too, which the answer does not tell apart.
            return NotAllowed(permission)
        if status == 404:
            return NotOffered(f"{said}: the account does not have this feature.")
        if status in {408, 504}:
            return TryAgain(f"{said}.", timed_out=True)
        if status >= 500:
            return TryAgain(f"{said}.")
        message = _message(answer)
        if status == 400 and resumed and _CURSOR_LOST.search(message):
            return CursorLost(f"{said}: {message}")
        return Changed(f"{said}: {message or 'no reason given'}")

    return judge


def _message(answer: Answer) -> str:
    """Return the vendor's own words: JSON, or the plain text of a v1 400 (a 5xx may say anything)."""
    if answer.body.startswith(b"rpc error"):
        return answer.body[:200].decode(errors="replace")
    try:
        message = msgspec.json.decode(answer.body, type=dict[str, object]).get("message")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return message[:200] if isinstance(message, str) else ""


def _handle(answer: Answer) -> str:
    request_id = answer.headers.get("request-id", "")
    return f" (request {request_id})" if _REQUEST_ID.fullmatch(request_id) else ""
