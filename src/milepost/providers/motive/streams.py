"""Motive's connector: its streams, and the live questions, of the account and of this moment."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping

from milepost import clock
from milepost.errors import LoginLost
from milepost.kit.access import Access
from milepost.kit.authorization import FromCredentials, Headers
from milepost.kit.contract import AccountFound, Page, Slice
from milepost.kit.http import ProviderClient
from milepost.kit.login import Credentials
from milepost.kit.oauth import KeyOrGrant, OAuth
from milepost.models.hos import HOSAvailableTime
from milepost.models.location import LatestVehicleLocation
from milepost.models.safety import CameraMedia
from milepost.models.trailer import LatestTrailerLocation
from milepost.providers.motive import mapping, readings, records
from milepost.providers.motive.client import READ_SECONDS, MotiveClient
from milepost.providers.motive.line import Line
from milepost.providers.motive.listings import LISTED, devices, listing

STREAMS: dict[str, Callable[[Line, Slice], AsyncIterator[Page]]] = {
    **dict.fromkeys(LISTED, listing),
    "devices": devices,
    "locations": records.locations,
    "hos_logs": records.hos_logs,
    "hos_daily_logs": records.hos_daily_logs,
    "trips": records.trip_records,
    "safety_events": records.safety_events,
    "fault_codes": records.fault_codes,
    "utilization_days": records.utilization_days,
    "ifta_months": records.ifta_months,
}

_KEY = re.compile(r"[!-~]{1,500}")  # What a header can hold, without spaces.


class MotiveConnector:
    """One connection's line to Motive."""

    def __init__(self, access: Access) -> None:
        self._identity = access.identity
        http = ProviderClient.of(
            access,
            authorization=KeyOrGrant(
                access.wallet, FromCredentials(access.wallet, login), OAuth(access)
            ),
            headers={
                "accept": "application/json",
                # Else the units are those of whoever made the key (README, “Units”).
                "x-metric-units": "true",
            },
            read_seconds=READ_SECONDS,
        )
        self._line = Line(access.manifest, MotiveClient(http), access.identity)

    async def account(self) -> AccountFound:
        return mapping.account(await self._line.company())

    def pages(self, slice_: Slice) -> AsyncIterator[Page]:
        ask = STREAMS[slice_.stream]
        return ask(self._line, slice_)

    async def latest_locations(self) -> list[tuple[LatestVehicleLocation, bytes]]:
        line, now = self._line, clock.now()
        metric = await line.metric()
        found = [
            readings.latest(row, self._identity, line.code, now, metric=metric)
            for row in await line.located()
        ]
        return [each for each in found if each is not None]

    async def available_times(self) -> list[tuple[HOSAvailableTime, bytes]]:
        return await records.available_times(self._line)

    async def trailer_locations(self) -> list[tuple[LatestTrailerLocation, bytes]]:
        line = self._line
        rows = await line.everything(
            lambda number: line.client.listed(
                "/v1/asset_locations", line.permission("trailers"), number
            ),
            "assets",
            "asset",
        )
        found = [mapping.trailer_location(row, self._identity, line.code) for row in rows]
        return [each for each in found if each is not None]

    async def camera_media(self, event: str) -> tuple[CameraMedia, bytes] | None:
        return await records.camera_media(self._line, event)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        return await self._line.client.request(method, path, headers, body)

    async def aclose(self) -> None:
        await self._line.client.aclose()


def login(credentials: Credentials) -> Headers:
    """Make the header of an API key; raise LoginLost, which never shows it, where it cannot be one."""
    key = credentials.get("apiKey", "").strip()
    if not _KEY.fullmatch(key):
        raise LoginLost("The credentials cannot be those of an account: check what was typed.")
    return {"x-api-key": key}
