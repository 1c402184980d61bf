"""Motive's endpoints, one method each, and what its failures mean; no mapping.

Paths and parameters: README, sources D, F and L. Dates are days, both ends included; whose days they are
differs by endpoint (README, “Days”).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

import msgspec

from milepost.errors import Changed, CursorLost, LoginLost, NotAllowed, ProviderError, TryAgain
from milepost.kit.http import Answer, Judge, ProviderClient
from milepost.kit.salvage import UNREADABLE

LARGEST_PAGE = "100"  # [D]; 50 and 100 are honoured live.
READ_SECONDS = 90.0  # Wide windows take 12 to 18 s, and one of 30 s was seen [F].
COMPANY = "companies.read"

_FAILED = b'{"error_message"'
_PAGE_LOST = re.compile(r"page_no", re.IGNORECASE)


class MotiveClient:
    """The calls that the connector makes; each returns the body of a good answer."""

    def __init__(self, http: ProviderClient) -> None:
        self._http = http

    async def companies(self) -> bytes:
        return await self._get("/v1/companies", {}, COMPANY)

    async def listed(self, path: str, permission: str, number: int, **params: str) -> bytes:
        """Ask for a page of a listing, or of rows of some days."""
        return await self._get(path, {**params, **_page(number)}, permission, number)

    async def days(
        self, path: str, permission: str, first: date, last: date, *, number: int, **params: str
    ) -> bytes:
        """Ask for a page of what happened on the days from `first` to `last`."""
        window = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        return await self.listed(path, permission, number, **window, **params)

    async def history(self, permission: str, vehicle: str, first: date, last: date) -> bytes | None:
        """Ask for every record of a vehicle on some UTC days, at once; None for one that is unknown.

        Up to three months may be asked for [D].
        """
        path = f"/v3/vehicle_locations/{vehicle}"
        params = {"start_date": first.isoformat(), "end_date": last.isoformat()}
        strict = _judge("/v3/vehicle_locations/…", permission)
        gone = False

        def judge(answer: Answer) -> ProviderError | None:
            nonlocal gone
            gone = answer.status == 404
            return None if gone else strict(answer)

        body = await self._http.get(path, params, spends="company", judge=judge)
        return None if gone else body

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Pass a customer's own call on."""
        answer = await self._http.send(method, path, headers, body, spends="company")
        return answer.status, answer.headers, answer.body

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _get(
        self, path: str, params: Mapping[str, str], permission: str, number: int = 1
    ) -> bytes:
        judge = _judge(path, permission, resumed=number > 1)
        return await self._http.get(path, params, spends="company", judge=judge)


def _page(number: int) -> dict[str, str]:
    return {"per_page": LARGEST_PAGE, "page_no": str(number)}


def _judge(path: str, permission: str, *, resumed: bool = False) -> Judge:
    def judge(answer: Answer) -> ProviderError | None:
        status = answer.status
        said = f"Motive answered {status} to {path}"
        if status == 200:
            return _inside(answer, said)
        if status == 401:
            return LoginLost(f"{said}: it no longer accepts the credentials.")
        if status == 403:
            return NotAllowed(permission)
        if status == 404:
            return NotAllowed(
                permission, f"{said}: the account has no access to it ({permission})."
            )
        if status in {408, 504}:
            return TryAgain(f"{said}.", timed_out=True)
        if status >= 500:
            return TryAgain(f"{said}.")
        message = _message(answer)
        if status == 400 and resumed and _PAGE_LOST.search(message):
            return CursorLost(f"{said}: {message}")
        return Changed(f"{said}: {message or 'no reason given'}")

    return judge


def _inside(answer: Answer, said: str) -> ProviderError | None:
    """Look for a failure inside a good answer: a web page of whoever stands before Motive, or its own words.

    Neither was seen yet. Both are taken for something that passes, since nothing says how to mend it.
    """
    if answer.body[:64].lstrip()[:1] == b"<":
        return TryAgain(f"{said} with a web page.")
    if answer.body[:256].lstrip().startswith(_FAILED) and (message := _message(answer)):
        return TryAgain(f"{said} with a failure inside: {message}")
    return None


def _message(answer: Answer) -> str:
    """Return the vendor's own words, `{"error_message": "…"}`."""
    try:
        message = msgspec.json.decode(answer.body, type=dict[str, object]).get("error_message")
    except UNREADABLE:
        return ""
    return message[:200] if isinstance(message, str) else ""
