"""What the streams of one connection share: its client, its company's clock, its vehicles, its units."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import structlog
from msgspec import Raw

from milepost import clock
from milepost.errors import Changed, NotAllowed
from milepost.ids import Identity
from milepost.kit.contract import Manifest
from milepost.kit.salvage import UNREADABLE, Window, read
from milepost.providers.motive import mapping, scale, shapes
from milepost.providers.motive.client import MotiveClient
from milepost.providers.motive.paging import Ask, read_page, walk
from milepost.providers.motive.zones import UTC_ZONE, zone_of

log = structlog.get_logger()

LATEST = "locations.vehicle_locations_list"  # A permission of its own.

_DAYS_BACK = 3  # A weekend has few trips to measure by.


class Line:
    """One connection's line for as long as a turn of a sync; what it looks up it looks up once."""

    def __init__(self, manifest: Manifest, client: MotiveClient, identity: Identity) -> None:
        self.client = client
        self.identity = identity
        self.code = manifest.code
        self._manifest = manifest
        self._company: shapes.Company | None = None
        self._fleet: list[str] | None = None
        self._metric: bool | None = None
        self._looking = asyncio.Lock()
        self._measuring = asyncio.Lock()

    def permission(self, stream: str) -> str:
        return self._manifest.stream(stream).permission

    async def everything(self, ask: Ask, plural: str, singular: str) -> list[Raw]:
        """Read a listing to its end."""
        return [row async for step in walk(ask, plural, singular) for row in step.rows]

    async def company(self) -> shapes.Company:
        async with self._looking:
            if self._company is None:
                self._company = mapping.company(await self.client.companies())
            return self._company

    async def zone(self) -> ZoneInfo:
        """Return the zone by which reports count days; UTC where the company names none that is known."""
        return zone_of((await self.company()).time_zone) or UTC_ZONE

    async def fleet(self) -> list[str]:
        """List the ids of all vehicles, in order; inactive ones have a history too."""
        async with self._looking:
            if self._fleet is None:
                permission = self.permission("vehicles")

                async def ask(number: int) -> bytes:
                    return await self.client.listed("/v1/vehicles", permission, number)

                rows = await self.everything(ask, "vehicles", "vehicle")
                self._fleet = sorted({id_ for row in rows if (id_ := _id(row)) is not None})
            return self._fleet

    async def located(self) -> list[Raw]:
        """List where active vehicles are now; others are not in the list."""
        return await self.everything(
            lambda number: self.client.listed("/v3/vehicle_locations", LATEST, number),
            "vehicles",
            "vehicle",
        )

    async def last_seen(self) -> dict[str, datetime]:
        """Return when each active vehicle was last seen."""
        window, found = Window(clock.now()), dict[str, datetime]()
        for row in await self.located():
            seen = read(row, shapes.Located, [])
            place = seen.current_location if seen is not None else None
            if seen is not None and place is not None and not window.verdict(place.located_at):
                found[str(seen.id)] = place.located_at
        return found

    async def metric(self, without: Collection[str] = ()) -> bool:
        """Say whether distances and fuel come in km and litres, as the header of every request asks.

        Measured once a turn against driving periods, which are in km whatever the header says (README,
        “Units”); where nothing can be measured, the header is believed. Vehicles in `without` are
        not measured by.
        """
        async with self._measuring:
            if self._metric is None:
                measured = await self._measure(clock.now(), without)
                if measured is not None:
                    log.info("units measured", provider=self.code, ratio=round(measured, 3))
                self._metric = measured is None or scale.is_metric(measured)
            return self._metric

    async def _measure(self, now: datetime, without: Collection[str]) -> float | None:
        first, last = (now - timedelta(days=_DAYS_BACK)).date(), now.date()
        permission = self.permission("trips")
        try:
            body = await self.client.days("/v1/driving_periods", permission, first, last, number=1)
            rows = read_page(body, "driving_periods", "driving_period")[0].rows
            for period in scale.longest(rows, without):
                history = await self.client.history(
                    self.permission("locations"),
                    str(period.vehicle.id),
                    period.start_time.date() - timedelta(days=1),
                    min(last, (period.end_time or now).date() + timedelta(days=1)),
                )
                found = scale.ratio(period, history) if history is not None else None
                if found is not None:
                    return found
        except (NotAllowed, Changed):
            return None
        return None


def _id(row: Raw) -> str | None:
    try:
        return mapping.known(msgspec.json.decode(row, type=shapes.Named))
    except UNREADABLE:
        return None
