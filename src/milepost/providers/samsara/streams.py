"""Samsara's streams: a slice in, pages out; and the two live questions, whose account and where now."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime

import msgspec
from msgspec import Raw

from milepost import clock
from milepost.errors import Changed, CursorLost
from milepost.ids import Identity
from milepost.kit.contract import AccountFound, Cut, Manifest, Page, Slice
from milepost.kit.http import ProviderClient
from milepost.kit.limits import budget
from milepost.models.location import LatestVehicleLocation
from milepost.providers.samsara import latest, mapping, readings
from milepost.providers.samsara.client import API_VERSION, SamsaraClient, bearer

TYPES: dict[str, list[str]] = {
    "locations": ["gps"],
    "stats_motion": ["engineStates", "obdOdometerMeters", "gpsOdometerMeters"],
    "stats_fuel": ["obdEngineSeconds", "syntheticEngineSeconds", "fuelPercents"],
    "stats_power": ["fuelConsumedMilliliters", "engineRpm", "batteryMilliVolts"],
    "stats_engine": ["engineCoolantTemperatureMilliC", "engineOilPressureKPa"],
}
"""The stat types of each series: never more than three a call (README, trap 2)."""

SWEEPS = ("active", "deactivated")
# Some 5 ms of mapping; between such stretches the loop may do something else.
STRETCH_BYTES = 500_000


class Step(msgspec.Struct, frozen=True):
    """One page of a walk; `asked_at` is the instant just before it was asked for."""

    entries: list[Raw]
    cursor: str
    last: bool
    asked_at: datetime


class Walk:
    """Follows a listing from cursor to cursor.

    A walk that would go in circles, or lose its way, stops with Changed: it must never seem complete.
    """

    def __init__(self, ask: Callable[[str | None], Awaitable[bytes]], after: str | None) -> None:
        self._ask = ask
        self._after = after
        self._seen = {after}
        self._done = False

    def __aiter__(self) -> Walk:
        return self

    async def __anext__(self) -> Step:
        if self._done:
            raise StopAsyncIteration
        asked_at = clock.now()
        answer = mapping.envelope(await self._ask(self._after))
        cursor = answer.pagination.endCursor or ""
        self._done = not answer.pagination.hasNextPage
        if not self._done:
            if not cursor:
                raise Changed("Samsara says that more pages follow, but gives no cursor to them.")
            if cursor in self._seen:
                raise Changed("Samsara gave the same cursor twice: the listing goes in circles.")
            self._seen.add(cursor)
            self._after = cursor
        return Step(answer.data or [], cursor, self._done, asked_at)


class SamsaraConnector:
    """One connection's line to Samsara, or to a brand that speaks its dialect."""

    def __init__(
        self,
        *,
        manifest: Manifest,
        credentials: Mapping[str, str],
        identity: Identity,
        base_url: str,
    ) -> None:
        self._manifest = manifest
        self._credentials = credentials
        self._identity = identity
        self._base_url = base_url
        self._opened: SamsaraClient | None = None

    async def account(self) -> AccountFound:
        return mapping.account(await self._client.organization())

    def pages(self, slice_: Slice) -> AsyncIterator[Page]:
        match slice_.mode:
            case "listing" if slice_.stream == "drivers":
                return self._drivers(slice_)
            case "listing":
                return self._listing(slice_)
            case "history":
                return self._history(slice_)
            case "feed":
                return self._feed(slice_)

    async def latest_locations(self) -> list[tuple[LatestVehicleLocation, bytes]]:
        now = clock.now()
        try:
            async with asyncio.TaskGroup() as calls:
                asked = [calls.create_task(self._snapshot(types)) for types in latest.SNAPSHOTS]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        snapshots = [task.result() for task in asked]
        found = [
            latest.location(given, self._identity, self._manifest.code, now)
            for given in latest.join(snapshots)
        ]
        return [each for each in found if each is not None]

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def _listing(self, slice_: Slice) -> AsyncIterator[Page]:
        ask, cut = {
            "groups": (self._client.tags, mapping.group_cut),
            "vehicles": (self._client.vehicles, mapping.vehicle_cut),
        }[slice_.stream]
        asking = functools.partial(ask, self._permission(slice_.stream))
        async for step in Walk(asking, slice_.cursor):
            cuts = [cut(entry, self._identity, self._manifest.code) for entry in step.entries]
            mapping.refuse_strange_page(cuts)
            yield Page(cuts=cuts, cursor=None if step.last else step.cursor, last=step.last)

    async def _drivers(self, slice_: Slice) -> AsyncIterator[Page]:
        """Sweep active drivers, then deactivated ones; the cursor says which sweep it is in."""
        sweep, _, cursor = (slice_.cursor or SWEEPS[0]).partition(":")
        if sweep not in SWEEPS:
            raise CursorLost
        for activation in SWEEPS[SWEEPS.index(sweep) :]:
            asking = functools.partial(
                self._client.drivers, self._permission("drivers"), activation
            )
            async for step in Walk(asking, cursor or None):
                cuts = [
                    mapping.driver_cut(entry, self._identity, self._manifest.code, activation)
                    for entry in step.entries
                ]
                mapping.refuse_strange_page(cuts)
                last = step.last and activation == SWEEPS[-1]
                here = f"{SWEEPS[-1]}:" if step.last else f"{activation}:{step.cursor}"
                yield Page(cuts=cuts, cursor=None if last else here, last=last)
            cursor = ""

    async def _history(self, slice_: Slice) -> AsyncIterator[Page]:
        if slice_.starts_at is None or slice_.ends_at is None:
            raise ValueError("a history slice has a window")
        types = TYPES[slice_.stream]
        window = readings.Window(clock.now(), slice_.starts_at, slice_.ends_at)
        asking = functools.partial(
            self._client.stats_history,
            self._permission(slice_.stream),
            types,
            slice_.starts_at,
            slice_.ends_at,
        )
        async for step in Walk(asking, slice_.cursor):
            cuts = await _series(step.entries, types, window)
            yield Page(cuts=cuts, cursor=None if step.last else step.cursor, last=step.last)

    async def _feed(self, slice_: Slice) -> AsyncIterator[Page]:
        types = TYPES[slice_.stream]
        asking = functools.partial(self._client.stats_feed, self._permission(slice_.stream), types)
        async for step in Walk(asking, slice_.cursor):
            if not step.cursor:
                raise Changed("Samsara's feed gave no cursor to go on from.")
            yield Page(
                cuts=await _series(step.entries, types, readings.Window(step.asked_at)),
                cursor=step.cursor,
                last=step.last,
                caught_up_to=step.asked_at if step.last else None,
            )

    async def _snapshot(self, types: list[str]) -> list[Raw]:
        permission = self._permission("locations")
        asking = functools.partial(self._client.stats, permission, types)
        return [entry async for step in Walk(asking, None) for entry in step.entries]

    def _permission(self, stream: str) -> str:
        return self._manifest.stream(stream).permission

    @property
    def _client(self) -> SamsaraClient:
        if self._opened is None:
            token = bearer(self._manifest.token, self._credentials)
            limits = self._manifest.limits
            self._opened = SamsaraClient(
                ProviderClient(
                    name=self._manifest.name,
                    base_url=self._base_url,
                    headers={
                        "authorization": f"Bearer {token}",
                        "accept": "application/json",
                        "x-samsara-version": API_VERSION,
                    },
                    budget=budget(self._base_url, token, limits, time.monotonic()),
                )
            )
        return self._opened


async def _series(entries: list[Raw], types: list[str], window: readings.Window) -> list[Cut]:
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
    mapping.refuse_strange_page(cuts)
    if not cuts:
        readings.refuse_renamed(entries, types)
    return cuts
