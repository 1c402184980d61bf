"""Geotab's connector: which stream is read how; and the live questions, of the account and of this moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from msgspec import UNSET

from milepost import clock
from milepost.errors import NotSupported
from milepost.kit.access import Access
from milepost.kit.contract import AccountFound, Page, Slice
from milepost.kit.salvage import text
from milepost.models.connection import Account, AccountUser
from milepost.models.hos import HOSAvailableTime
from milepost.models.location import LatestVehicleLocation
from milepost.models.safety import CameraMedia
from milepost.models.trailer import LatestTrailerLocation
from milepost.providers.geotab import feeds, latest, listings, mapping, records
from milepost.providers.geotab.client import GeotabClient
from milepost.providers.geotab.line import Line

STREAMS: dict[str, Callable[[Line, Slice], AsyncIterator[Page]]] = {
    "groups": listings.groups,
    "vehicles": listings.vehicles,
    "drivers": listings.drivers,
    "devices": listings.devices,
    "trailers": listings.trailers,
    "locations": feeds.locations,
    "stats": feeds.stats,
    "safety_events": feeds.safety_events,
    "fault_codes": feeds.fault_codes,
    "hos_logs": records.hos_logs,
    "hos_daily_logs": records.hos_daily_logs,
    "trips": records.trips,
    "utilization_days": records.utilization_days,
    "ifta_months": records.ifta_months,
}


class GeotabConnector:
    """One connection's line to Geotab, or to a brand that resells its platform."""

    def __init__(self, access: Access) -> None:
        self._identity = access.identity
        self._code = access.manifest.code
        self._line = Line(access.manifest, GeotabClient(access), access.identity)

    async def account(self) -> AccountFound:
        """Log in: the database is the fleet's name, the user the one that was made for us."""
        session = await self._line.client.session()
        # A session may be shared and old: only an answer proves that it still opens something.
        await self._line.client.count("User", self._line.permission("drivers"))
        database, user = session["database"], session["userName"]
        return AccountFound(
            source_id=database or None,
            account=Account(
                name=text(database),
                user=AccountUser(email=user) if "@" in user else UNSET,
            ),
        )

    def pages(self, slice_: Slice) -> AsyncIterator[Page]:
        return STREAMS[slice_.stream](self._line, slice_)

    async def latest_locations(self) -> list[tuple[LatestVehicleLocation, bytes]]:
        rows = await listings.statuses(self._line, "locations", latest.ALONG)
        towed, measures = await self._towed(), await self._line.measures()
        return [
            (latest.vehicle_location(id_, status, measures, self._identity, self._code), body)
            for id_, status, body in latest.read(rows, clock.now())
            if id_ not in towed
        ]

    async def trailer_locations(self) -> list[tuple[LatestTrailerLocation, bytes]]:
        rows = await listings.statuses(self._line, "locations")
        towed = await self._towed()
        return [
            (latest.trailer_location(id_, status, self._identity, self._code), body)
            for id_, status, body in latest.read(rows, clock.now())
            if id_ in towed
        ]

    async def available_times(self) -> list[tuple[HOSAvailableTime, bytes]]:
        return await records.available_times(self._line)

    async def camera_media(self, event: str) -> tuple[CameraMedia, bytes] | None:
        """Refuse: footage has no address of its own, only a method that needs the login (README)."""
        raise NotSupported(detail=f"Footage of {event} can only be fetched with the login itself.")

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],  # noqa: ARG002  The dialect takes none.
        body: str | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        status, answer = await self._line.client.request(method, path, body)
        return status, {"content-type": "application/json"}, answer

    async def aclose(self) -> None:
        await self._line.client.aclose()

    async def _towed(self) -> set[str]:
        return {device.id for device in await self._line.devices() if mapping.is_trailer(device)}
