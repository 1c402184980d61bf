"""The API as a client sees it: what `milepost sync` and `milepost demo` call it with."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from milepost import log
from milepost.errors import MilepostError, SetupError
from milepost.kit.http import retry_after

_SECONDS = 60.0
# The API's own limits ask for a second or two; whoever is told to wait longer wants to be told.
_WAIT_SECONDS = 60.0


class Refused(MilepostError):
    """The API refused a request; the message is the API's own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Caller:
    """Calls the API with an application's secret key, and with a connection's token where there is one.

    What is refused as too many requests is asked again when the API said to, for a minute at most.
    """

    def __init__(self, url: str, key: str, token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._client = httpx2.AsyncClient(
            base_url=_base(self.url),
            headers={"Authorization": f"Bearer {_word('key', key)}"},
            timeout=_SECONDS,
            trust_env=False,
        )
        if token is not None:
            self.use(token)

    def use(self, token: str) -> None:
        """Speak for this connection from now on."""
        self._client.headers["Connection-Token"] = _word("token", token)

    async def get(self, path: str, **query: Any) -> Any:
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return await self._ask("POST", path, json=body)

    async def send(self, path: str, chunks: AsyncIterator[bytes], size: int, **query: Any) -> Any:
        """Post bytes as they come; `size` is how many there will be."""
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        # What was sent of the bytes is gone: a refusal stands.
        return _result(
            await self._call("POST", path, params=query, content=chunks, headers=headers)
        )

    async def every(self, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield the records of a listing, page after page."""
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, **query, **cursor)
            for record in page["results"]:
                yield record
            if not page.get("next"):
                return
            cursor = {"cursor": page["next"]}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        give_up_at = time.monotonic() + _WAIT_SECONDS
        while True:
            answer = await self._call(method, path, **content)
            wait = retry_after(answer.headers) if answer.status_code == 429 else None
            if wait is None or time.monotonic() + wait > give_up_at:
                return _result(answer)
            await asyncio.sleep(wait)

    async def _call(self, method: str, path: str, **content: Any) -> httpx2.Response:
        try:
            return await self._client.request(method, path, **content)
        except (httpx2.TransportError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise SetupError(
                f"There is no answer from {self.url} ({log.hide(str(error))}): is Milepost running?"
            ) from None


def _base(url: str) -> httpx2.URL:
    """Read the API's address; raise SetupError for what is none."""
    try:
        found = httpx2.URL(f"{url}/tsp/v1")
        good = found.scheme in ("http", "https") and found.host and (found.port or 1) < 65_536
    except httpx2.InvalidURL:
        good = False
    if not good:
        raise SetupError(f"{url} is no URL of an API, like http://127.0.0.1:8080.")
    return found


def _word(what: str, secret: str) -> str:
    """Return a secret without the line's end that a file gave it; what no header can hold is refused unsaid."""
    found = secret.strip()
    if not re.fullmatch(r"[!-~]+", found):
        raise SetupError(f"The {what} must be what Milepost gave out: letters, digits and _.")
    return found


def _result(answer: httpx2.Response) -> Any:
    if answer.is_success:
        return answer.json()
    raise Refused(answer.status_code, _said(answer))


def _said(answer: httpx2.Response) -> str:
    try:
        body = answer.json()
        detail = body.get("detail")
        message = str(body.get("message") or body.get("code") or "")
        problems = (
            # What a message says of its first problem need not be said again.
            [
                f"{each.get('path')}: {each.get('message')}"
                for each in detail
                if str(each.get("message")) not in message
            ]
            if isinstance(detail, list)
            else [str(detail or "")]
        )
        words = [message, *problems]
    except (ValueError, AttributeError):
        words = [answer.text[:200]]
    return (
        f"{answer.request.method} {answer.url.path} was answered {answer.status_code}: "
        + ". ".join(word.rstrip(".") for word in words if word)
    )
