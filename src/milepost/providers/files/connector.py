"""The line to nobody: a connection of files has no provider to call, and says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from zoneinfo import ZoneInfo

from milepost.errors import LoginLost, NotSupported
from milepost.kit.access import Access
from milepost.kit.contract import AccountFound, Page, Slice
from milepost.models.connection import Account
from milepost.models.hos import HOSAvailableTime
from milepost.models.location import LatestVehicleLocation
from milepost.models.safety import CameraMedia
from milepost.models.trailer import LatestTrailerLocation

_NOBODY = "A connection of files has no provider that could be asked."


class FilesConnector:
    """What the engine holds in place of a provider; its only work is to check the connection's settings."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def account(self) -> AccountFound:
        """Check the time zone; raise LoginLost for one that does not exist."""
        fields = await self._access.wallet.credentials()
        if zone := fields.get("timeZone"):
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                raise LoginLost(
                    f"“{zone[:60]}” is no time zone; write one like America/Chicago."
                ) from None
        name = fields.get("name")
        return AccountFound(source_id=None, account=Account(name=name) if name else Account())

    async def pages(self, slice_: Slice) -> AsyncIterator[Page]:  # noqa: ARG002  The contract's own.
        """Yield nothing: the manifest names no stream."""
        return
        yield

    async def latest_locations(self) -> list[tuple[LatestVehicleLocation, bytes]]:
        raise NotSupported(detail=_NOBODY)

    async def available_times(self) -> list[tuple[HOSAvailableTime, bytes]]:
        raise NotSupported(detail=_NOBODY)

    async def trailer_locations(self) -> list[tuple[LatestTrailerLocation, bytes]]:
        raise NotSupported(detail=_NOBODY)

    async def camera_media(self, event: str) -> tuple[CameraMedia, bytes] | None:  # noqa: ARG002
        raise NotSupported(detail=_NOBODY)

    async def request(
        self,
        method: str,  # noqa: ARG002
        path: str,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
        body: str | None,  # noqa: ARG002
    ) -> tuple[int, Mapping[str, str], bytes]:
        raise NotSupported(detail=_NOBODY)

    async def aclose(self) -> None:
        """Nothing was opened."""
