"""The one HTTP client of every connector: one host, a shared budget, bounded answers, few quick retries."""

from __future__ import annotations

import asyncio
import functools
import random
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx2
import msgspec

from milepost import clock
from milepost.errors import Changed, ProviderError, SetupError, SlowDown, TryAgain
from milepost.kit import passthrough
from milepost.kit.limits import Bucket, Budget

IN_FLIGHT = 4
CONNECT_SECONDS = 10.0
READ_SECONDS = 45.0
# Samsara's own server gives up after 90 s; an answer that drips in for longer than this is none.
ANSWER_SECONDS = 120.0
LARGEST_ANSWER = 64 * 1024 * 1024
QUICK_RETRIES = 2
RETRY_WITHIN_SECONDS = 30.0
SHORT_WAIT_SECONDS = 2.0
SHORT_WAITS = 5
LONGEST_WAIT_SECONDS = 3600.0
# Waiting for our own budget is normal; past this, the worker has something better to do.
PATIENCE_SECONDS = 10.0


class Answer(msgspec.Struct, frozen=True):
    """What came back; header names are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Judge = Callable[[Answer], ProviderError | None]
"""A provider's reading of an answer: None when it is good, else the error that it means."""


class ProviderClient:
    """One connector's line to its provider's host.

    `headers` go with every request and may hold secrets: they are written nowhere. `name` is how
    messages call the provider. Nothing is opened before the first request.
    """

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        headers: Mapping[str, str],
        budget: Budget,
        read_seconds: float = READ_SECONDS,
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        try:
            self._base = httpx2.URL(base_url.rstrip("/"))
        except httpx2.InvalidURL:
            raise SetupError(f"The base URL of {name} is not a URL.") from None
        if self._base.scheme not in {"http", "https"} or not self._base.host:
            raise SetupError(f"The base URL of {name} must begin with http:// or https://.")
        self._name = name
        self._headers = {"user-agent": f"milepost/{version('milepost')}", **headers}
        self._budget = budget
        self._timeout = httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS)
        self._largest = largest_answer
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._opened: httpx2.AsyncClient | None = None

    async def get(
        self, path: str, params: Mapping[str, str], *, spends: str, judge: Judge
    ) -> bytes:
        """Ask for `path` and return the body; `spends` names the endpoint class of the budget.

        Raises what `judge` makes of the answer, SlowDown when the provider or the budget asks for a
        longer wait, TryAgain when quick retries did not help, Changed when the answer is too large.
        """
        url = self._url(path)
        bucket = self._budget.bucket(spends)
        started = time.monotonic()
        waits = retries = 0
        async with self._in_flight:
            while True:
                await self._pace(bucket)
                came = await self._send(url, params)
                if isinstance(came, Answer):
                    if came.status == 429:
                        waits += 1
                        self._obey(came, bucket, waits)
                        continue
                    error = judge(came)
                    if error is None:
                        return came.body
                else:
                    error = came
                if not isinstance(error, TryAgain):
                    raise error
                if retries == QUICK_RETRIES or _since(started) > RETRY_WITHIN_SECONDS:
                    raise error
                retries += 1
                await asyncio.sleep(random.uniform(0, 0.2 * 4 ** (retries - 1)))  # noqa: S311  Jitter.

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: str | None,
        *,
        spends: str,
    ) -> Answer:
        """Pass a customer's call on, once and as it is, and return whatever comes back.

        Our own headers win where they hold a login; redirects are not followed. Raises SlowDown when the
        budget asks for a longer wait, TryAgain when the line breaks, Changed when the answer is too large.
        """
        given = passthrough.outgoing(headers)
        if body is not None:
            given.setdefault("content-type", "application/json")
        bucket = self._budget.bucket(spends)
        async with self._in_flight:
            await self._pace(bucket)
            came = await self._send(
                self._url(path), method=method, headers=given, content=body and body.encode()
            )
        if not isinstance(came, Answer):
            raise came
        if came.status == 429:
            bucket.hold(time.monotonic() + (retry_after(came.headers) or 1.0))
        login = self._headers.get("authorization", "").split()
        shown = passthrough.incoming(came.headers, login[-1:])
        return msgspec.structs.replace(came, headers=shown)

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def _pace(self, bucket: Bucket) -> None:
        now = time.monotonic()
        at = bucket.opens_at(now)
        if bucket.held(now) > SHORT_WAIT_SECONDS or at - now > PATIENCE_SECONDS:
            raise SlowDown(clock.now() + timedelta(seconds=at - now))
        bucket.take(at)
        if at > now:
            await asyncio.sleep(at - now)

    def _obey(self, answer: Answer, bucket: Bucket, waits: int) -> None:
        """Hold the bucket as a 429 asks, for all who share it; raise SlowDown where that is long."""
        asked = retry_after(answer.headers)
        seconds = 1.0 if asked is None else asked
        if waits > SHORT_WAITS:
            seconds = max(seconds, 5.0)
        bucket.hold(time.monotonic() + seconds)
        if seconds > SHORT_WAIT_SECONDS:
            raise SlowDown(clock.now() + timedelta(seconds=seconds))

    async def _send(
        self,
        url: httpx2.URL,
        params: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | str | None = None,
    ) -> Answer | ProviderError:
        """Send once. Failures are returned, so that no traceback carries the request's headers on."""
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._client.stream(
                    method, url, params=params, headers=headers, content=content
                ) as response,
            ):
                body = await self._body(response)
                if body is None:
                    return Changed(f"{self._name} answered {url.path} with more than we can read.")
                return Answer(response.status_code, response.headers, body)
        except (TimeoutError, httpx2.TimeoutException):
            return TryAgain(f"{self._name} did not answer {url.path} in time.", timed_out=True)
        except httpx2.RequestError as error:
            kind = type(error).__name__
            return TryAgain(f"The line to {self._name} broke at {url.path} ({kind}).")

    async def _body(self, response: httpx2.Response) -> bytes | None:
        """Read the answer; None when it is larger than the bound, also when only unpacked so."""
        size = 0
        pieces: list[bytes] = []
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > self._largest:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    def _url(self, path: str) -> httpx2.URL:
        # What begins with a slash can only be a path; anything else could lengthen the host's name.
        if not path.startswith("/"):
            raise SetupError(f"{path} is not on the host of {self._name}.")
        return httpx2.URL(f"{self._base}{path}")

    @property
    def _client(self) -> httpx2.AsyncClient:
        if self._opened is None:
            self._opened = httpx2.AsyncClient(
                headers=self._headers,
                timeout=self._timeout,
                follow_redirects=False,
                limits=httpx2.Limits(max_connections=IN_FLIGHT),
                verify=_tls(self._base.scheme),
            )
        return self._opened


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After` in seconds from now: whole, fractions, or an HTTP date; None if unreadable.

    Samsara sends fractions such as `0.40235`, which RFC 9110 does not know.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (aware - clock.now()).total_seconds()
    if seconds != seconds:  # noqa: PLR0124  Only NaN differs from itself.
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _since(started: float) -> float:
    return time.monotonic() - started


@functools.cache
def _tls(scheme: str) -> ssl.SSLContext:
    """Read the trusted certificates once a process, and only where there is TLS.

    It takes 20 to 170 ms, and a connector lives for one turn.
    """
    if scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # Trusts nobody, and is never asked.
    return httpx2.create_ssl_context()
