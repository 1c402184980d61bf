"""TT ELD's endpoints, one method each, and what its failures mean; no mapping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from milepost import clock
from milepost.errors import Changed, CursorLost, LoginLost, NotAllowed, ProviderError, TryAgain
from milepost.kit.http import Answer, Judge, ProviderClient

PAGE = "100"
_ROOT = "/api/externalservice"


class TtEldClient:
    """The calls that the connector makes for one carrier; each returns the body of a good answer."""

    def __init__(self, http: ProviderClient, usdot: str) -> None:
        self._http = http
        self._usdot = usdot

    async def listed(self, listing: str, number: int, *, active: bool) -> bytes:
        """Ask for a page of `current-units` or `drivers-list`."""
        params = {"page": str(number), "perPage": PAGE, "is_active": str(active).lower()}
        return await self._get(f"{listing}/{self._usdot}", params, listing, resumed=number > 1)

    async def trackings(self, vehicle: str, start: datetime, end: datetime) -> bytes:
        """Ask where a vehicle was in at most 72 hours [D4]."""
        params = {"from": clock.iso(start), "to": clock.iso(end)}
        return await self._get(f"trackings/{self._usdot}/{vehicle}/", params, "trackings")

    async def units(self) -> bytes:
        """Ask where every unit is now [D1]."""
        return await self._get(f"units-by-usdot/{self._usdot}", {}, "units-by-usdot")

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Pass a customer's own call on."""
        answer = await self._http.send(method, path, headers, body, spends="carrier")
        return answer.status, answer.headers, answer.body

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _get(
        self, path: str, params: Mapping[str, str], permission: str, *, resumed: bool = False
    ) -> bytes:
        judge = _judge(permission, resumed=resumed)
        return await self._http.get(f"{_ROOT}/{path}", params, spends="carrier", judge=judge)


def _judge(permission: str, *, resumed: bool) -> Judge:
    def judge(answer: Answer) -> ProviderError | None:
        status, said = answer.status, f"TT ELD answered {answer.status} to {permission}"
        if status == 200:
            return None
        if status == 401:
            return LoginLost(f"{said}: it no longer accepts the credentials.")
        if status in {403, 404}:
            return NotAllowed(permission)
        if status in {408, 504}:
            return TryAgain(f"{said}.", timed_out=True)
        if status >= 500:
            return TryAgain(f"{said}.")
        if status == 400 and resumed and b"page" in answer.body:
            return CursorLost(f"{said}: the page is unknown.")
        return Changed(f"{said}.")

    return judge
