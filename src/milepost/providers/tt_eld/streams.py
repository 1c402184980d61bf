"""TT ELD's connector: two listings, each of the active and the inactive, and a track by vehicle and window."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping

from msgspec import Raw

from milepost import clock
from milepost.errors import Changed, LoginLost, NotSupported
from milepost.kit.access import Access
from milepost.kit.authorization import FromCredentials, Headers
from milepost.kit.contract import AccountFound, Cut, Page, Slice
from milepost.kit.http import ProviderClient
from milepost.kit.login import Credentials
from milepost.kit.salvage import Window, refuse_strange_page
from milepost.models.connection import Account
from milepost.models.hos import HOSAvailableTime
from milepost.models.location import LatestVehicleLocation
from milepost.models.safety import CameraMedia
from milepost.models.trailer import LatestTrailerLocation
from milepost.providers.tt_eld import mapping
from milepost.providers.tt_eld.client import TtEldClient

_WORD = re.compile(r"[!-~]{1,500}")  # What a header can hold, without spaces.
_USDOT = re.compile(
    r"[A-Za-z0-9@._-]{1,100}"
)  # What a path can hold; the vendor says whether it is one.

UNITS, DRIVERS = "current-units", "drivers-list"
LISTINGS: dict[str, tuple[str, Callable[..., Cut]]] = {
    "vehicles": (UNITS, mapping.vehicle_cut),
    "drivers": (DRIVERS, mapping.driver_cut),
}
_STATES = {"active": True, "inactive": False}


class TtEldConnector:
    """One carrier's line to TT ELD."""

    def __init__(self, access: Access) -> None:
        self._identity = access.identity
        self._wallet = access.wallet
        self._http = ProviderClient.of(
            access,
            authorization=FromCredentials(access.wallet, login),
            headers={"accept": "application/json"},
        )
        self._opened: TtEldClient | None = None

    async def account(self) -> AccountFound:
        client = await self._client()
        mapping.listed(await client.listed(UNITS, 1, active=True))
        usdot = await self._usdot()
        return AccountFound(source_id=usdot, account=Account(dot_numbers=[usdot]))

    def pages(self, slice_: Slice) -> AsyncIterator[Page]:
        return self._listing(slice_) if slice_.stream in LISTINGS else self._trackings(slice_)

    async def _listing(self, slice_: Slice) -> AsyncIterator[Page]:
        """Read the active and then the inactive; the cursor is the state and the number of the next page."""
        listing, cut = LISTINGS[slice_.stream]
        state, _, number = (slice_.cursor or "active:1").partition(":")
        async for rows, then in self._walk(listing, state, int(number)):
            cuts = [cut(row, self._identity, active=_STATES[state]) for row in rows]
            refuse_strange_page(cuts)
            yield Page(cuts=cuts, cursor=then, last=then is None)
            state = (then or state).partition(":")[0]

    async def _walk(
        self, listing: str, state: str, number: int
    ) -> AsyncIterator[tuple[list[Raw], str | None]]:
        """Yield the rows of each page with the cursor of the next one, None after the last."""
        client = await self._client()
        while True:
            page = mapping.listed(await client.listed(listing, number, active=_STATES[state]))
            if page.meta.page != number:
                raise Changed(f"TT ELD gave page {page.meta.page} where {number} was asked for.")
            if number < page.meta.total_pages:
                number += 1
            elif state == "active":
                state, number = "inactive", 1
            else:
                yield page.data, None
                return
            yield page.data, f"{state}:{number}"

    async def _trackings(self, slice_: Slice) -> AsyncIterator[Page]:
        """Ask vehicle by vehicle, in the order of their ids; the cursor is the last one done."""
        assert slice_.starts_at is not None
        assert slice_.ends_at is not None
        client = await self._client()
        window = Window(clock.now(), slice_.starts_at, slice_.ends_at)
        fleet = sorted(set(mapping.unit_ids(await self._units())))
        waiting = [id_ for id_ in fleet if slice_.wants(id_) and id_ > (slice_.cursor or "")]
        if not waiting:
            yield Page(cuts=[], cursor=None, last=True, asked=False)
        for vehicle in waiting:
            body = await client.trackings(vehicle, slice_.starts_at, slice_.ends_at)
            cuts = [mapping.track_cut(body, vehicle, window)]
            refuse_strange_page(cuts)
            last = vehicle == waiting[-1]
            yield Page(cuts=cuts, cursor=None if last else vehicle, last=last)

    async def _units(self) -> list[Raw]:
        return [row async for rows, _ in self._walk(UNITS, "active", 1) for row in rows]

    async def latest_locations(self) -> list[tuple[LatestVehicleLocation, bytes]]:
        client, now = await self._client(), clock.now()
        known = mapping.by_number_plate(await self._units())
        rows = mapping.lives(await client.units())
        found = [mapping.latest(row, known, self._identity, now) for row in rows]
        return [each for each in found if each is not None]

    async def available_times(self) -> list[tuple[HOSAvailableTime, bytes]]:
        raise NotSupported("TT ELD does not tell how much time drivers have left.")

    async def trailer_locations(self) -> list[tuple[LatestTrailerLocation, bytes]]:
        raise NotSupported("TT ELD does not tell where trailers are.")

    async def camera_media(self, event: str) -> tuple[CameraMedia, bytes] | None:  # noqa: ARG002
        raise NotSupported("TT ELD gives no footage.")

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        return await (await self._client()).request(method, path, headers, body)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _client(self) -> TtEldClient:
        if self._opened is None:
            self._opened = TtEldClient(self._http, await self._usdot())
        return self._opened

    async def _usdot(self) -> str:
        number = (await self._wallet.credentials()).get("usdot", "").strip()
        if not _USDOT.fullmatch(number):
            raise LoginLost("The USDOT number cannot be one: check what was typed.")
        return number


def login(credentials: Credentials) -> Headers:
    """Make the headers of a login; raise LoginLost, which never shows it, where it cannot be one."""
    key = credentials.get("apiKey", "").strip()
    token = credentials.get("providerToken", "").strip()
    if not (_WORD.fullmatch(key) and _WORD.fullmatch(token)):
        raise LoginLost("The credentials cannot be those of an account: check what was typed.")
    return {"x-api-key": key, "provider-token": token}
