"""Samsara's streams: a slice in, pages out; and the live questions, of the account and of this moment."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from msgspec import Raw

from milepost import clock
from milepost.errors import Changed, NotAllowed, NotOffered
from milepost.kit.access import Access
from milepost.kit.authorization import Authorization, FromCredentials, Headers
from milepost.kit.contract import AccountFound, Cut, Page, Slice
from milepost.kit.http import ProviderClient
from milepost.kit.login import Credentials
from milepost.kit.oauth import KeyOrGrant, OAuth
from milepost.kit.salvage import Window, refuse_strange_page
from milepost.models.hos import HOSAvailableTime
from milepost.models.location import LatestVehicleLocation
from milepost.models.safety import CameraMedia
from milepost.models.trailer import LatestTrailerLocation
from milepost.providers.samsara import lanes, latest, listings, mapping, readings, records, safety
from milepost.providers.samsara.client import API_VERSION, SamsaraClient, bearer
from milepost.providers.samsara.line import Line
from milepost.providers.samsara.seats import LOOK_BACK, Seats
from milepost.providers.samsara.walk import Walk

TYPES: dict[str, list[str]] = {
    "locations": ["gps"],
    "stats_motion": ["engineStates", "obdOdometerMeters", "gpsOdometerMeters"],
    "stats_fuel": ["obdEngineSeconds", "syntheticEngineSeconds", "fuelPercents"],
    "stats_power": ["fuelConsumedMilliliters", "engineRpm", "batteryMilliVolts"],
    "stats_engine": ["engineCoolantTemperatureMilliC", "engineOilPressureKPa"],
}
"""The stat types of each series: never more than three a call (README, trap 2)."""

# Some 5 ms of mapping; between such stretches the loop may do something else.
STRETCH_BYTES = 500_000


LISTINGS: dict[str, Callable[[Line, Slice], AsyncIterator[Page]]] = {
    "groups": listings.groups,
    "vehicles": listings.vehicles,
    "drivers": listings.drivers,
    "devices": listings.devices,
    "trailers": listings.trailers,
}

RECORDS: dict[str, Callable[[Line, Slice], AsyncIterator[Page]]] = {
    "hos_logs": records.hos_logs,
    "hos_daily_logs": records.hos_daily_logs,
    "trips": records.trips,
    "safety_events": records.safety_events,
    "utilization_days": records.utilization_days,
    "ifta_months": records.ifta_months,
    "fault_codes": records.fault_codes,
}


class SamsaraConnector:
    """One connection's line to Samsara, or to a brand that speaks its dialect."""

    def __init__(self, access: Access) -> None:
        self._manifest = access.manifest
        self._identity = access.identity
        http = ProviderClient.of(
            access,
            authorization=self._login(access),
            headers={"accept": "application/json", "x-samsara-version": API_VERSION},
        )
        self._line = Line(access.manifest, SamsaraClient(http), access.identity)

    async def account(self) -> AccountFound:
        return mapping.account(await self._line.client.organization())

    def pages(self, slice_: Slice) -> AsyncIterator[Page]:
        if slice_.stream in RECORDS:
            return RECORDS[slice_.stream](self._line, slice_)
        match slice_.mode:
            case "listing":
                return LISTINGS[slice_.stream](self._line, slice_)
            case "history":
                return self._history(slice_)
            case "feed":
                return self._feed(slice_)

    async def latest_locations(self) -> list[tuple[LatestVehicleLocation, bytes]]:
        now = clock.now()
        try:
            async with asyncio.TaskGroup() as calls:
                asked = [calls.create_task(self._snapshot(types)) for types in latest.SNAPSHOTS]
                seats = calls.create_task(self._seats(now))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        snapshots = [task.result() for task in asked]
        found = [
            latest.location(given, self._identity, self._manifest.code, now, seats.result())
            for given in latest.join(snapshots)
        ]
        return [each for each in found if each is not None]

    async def available_times(self) -> list[tuple[HOSAvailableTime, bytes]]:
        return await records.available_times(self._line)

    async def trailer_locations(self) -> list[tuple[LatestTrailerLocation, bytes]]:
        now = clock.now()
        asking = functools.partial(self._line.client.trailer_stats, [readings.GPS])
        found = [
            latest.trailer_location(body, self._identity, self._manifest.code, now)
            for body in await self._line.everything(asking)
        ]
        return [each for each in found if each is not None]

    async def camera_media(self, event: str) -> tuple[CameraMedia, bytes] | None:
        permission = self._line.permission("safety_events")
        asking = functools.partial(self._line.client.safety_event, permission, event)
        found = [safety.footage(body, event) for body in await self._line.everything(asking)]
        return next((each for each in found if each is not None), None)

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        return await self._line.client.request(method, path, headers, body)

    async def aclose(self) -> None:
        await self._line.client.aclose()

    async def _history(self, slice_: Slice) -> AsyncIterator[Page]:
        types, now = TYPES[slice_.stream], clock.now()
        parts = lanes.parts(*records.window_of(slice_))
        asks = [
            functools.partial(
                self._line.client.stats_history,
                self._line.permission(slice_.stream),
                types,
                *part,
                vehicles=slice_.subjects,
            )
            for part in parts
        ]
        async for stride in lanes.stride(asks, slice_.cursor):
            cuts: list[Cut] = []
            for part, step in zip(parts, stride.steps, strict=True):
                if step is not None:
                    cuts += await _series(step.entries, types, Window(now, *part))
            yield Page(cuts=cuts, cursor=stride.cursor, last=stride.cursor is None)

    async def _feed(self, slice_: Slice) -> AsyncIterator[Page]:
        types = TYPES[slice_.stream]
        asking = functools.partial(
            self._line.client.stats_feed, self._line.permission(slice_.stream), types
        )
        async for step in Walk(asking, slice_.cursor):
            if not step.cursor:
                raise Changed("Samsara's feed gave no cursor to go on from.")
            yield Page(
                cuts=await _series(step.entries, types, Window(step.asked_at)),
                cursor=step.cursor,
                last=step.last,
                caught_up_to=step.asked_at if step.last else None,
            )

    async def _seats(self, now: datetime) -> Seats:
        """Ask who drives; without the right to read that, nobody is known to."""
        asking = functools.partial(self._line.client.assignments, now - LOOK_BACK, now)
        try:
            return Seats(await self._line.everything(asking))
        except (NotAllowed, NotOffered):
            return Seats()

    async def _snapshot(self, types: list[str]) -> list[Raw]:
        permission = self._line.permission("locations")
        asking = functools.partial(self._line.client.stats, permission, types)
        return await self._line.everything(asking)

    def _login(self, access: Access) -> Authorization:
        def by_key(credentials: Credentials) -> Headers:
            return {"authorization": f"Bearer {bearer(self._manifest.token, credentials)}"}

        key = FromCredentials(access.wallet, by_key)
        if self._manifest.oauth is None:
            return key
        return KeyOrGrant(access.wallet, key, OAuth(access))


async def _series(entries: list[Raw], types: list[str], window: Window) -> list[Cut]:
    """Map a page of series, with pauses in which the loop may do something else."""
    cuts: list[Cut] = []
    stretch = 0
    for entry in entries:
        if types == [readings.GPS]:
            cuts += readings.positions(entry, window)
        else:
            cuts += readings.stats(entry, types, window)
        stretch += len(memoryview(entry))
        if stretch > STRETCH_BYTES:
            stretch = 0
            await asyncio.sleep(0)
    refuse_strange_page(cuts)
    if not cuts:
        readings.refuse_renamed(entries, types)
    return cuts
