"""The one HTTP client of every connector: known hosts, a shared budget, bounded answers, few quick retries."""

from __future__ import annotations

import asyncio
import functools
import random
import ssl
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any, TypeVar

import httpx2
import msgspec

from milepost import clock
from milepost.errors import (
    Changed,
    LoginLost,
    ProviderError,
    SetupError,
    SlowDown,
    TryAgain,
)
from milepost.kit import passthrough
from milepost.kit.access import Access
from milepost.kit.addresses import CheckedTransport, Forbidden
from milepost.kit.authorization import Anonymous, Authorization
from milepost.kit.hosts import Hosts
from milepost.kit.limits import SHORT_WAIT_SECONDS, Budget

_Found = TypeVar("_Found")

CONNECT_SECONDS = 10.0
READ_SECONDS = 45.0
# Samsara's own server gives up after 90 s; an answer that drips in for longer than this is none.
ANSWER_SECONDS = 120.0
LARGEST_ANSWER = 64 * 1024 * 1024
QUICK_RETRIES = 2
RETRY_WITHIN_SECONDS = 30.0
SHORT_WAITS = 5
LONGEST_WAIT_SECONDS = 3600.0


class Answer(msgspec.Struct, frozen=True):
    """What came back; header names are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Judge = Callable[[Answer], ProviderError | None]
"""A provider's reading of an answer: None when it is good, else the error that it means."""


class Call(msgspec.Struct, frozen=True):
    """One request before its login is added."""

    method: str
    url: httpx2.URL
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] = {}
    content: bytes | None = None


class ProviderClient:
    """One connector's line to its provider's hosts.

    `authorization` makes the headers that hold the login, anew for every request: they are written
    nowhere. `headers` go with every request and hold no secret. `name` is how messages call the provider.
    Nothing is opened before the first request.
    """

    def __init__(
        self,
        *,
        name: str,
        hosts: Hosts,
        budget: Budget,
        authorization: Authorization | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = READ_SECONDS,
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        self._name = name
        self._hosts = hosts
        self._authorization = authorization or Anonymous()
        self._headers = {"user-agent": f"milepost/{version('milepost')}", **(headers or {})}
        self._budget = budget
        self._timeout = httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS)
        self._largest = largest_answer
        self._in_flight = asyncio.Semaphore(budget.at_once)
        self._opened: httpx2.AsyncClient | None = None

    @classmethod
    def of(
        cls,
        access: Access,
        *,
        authorization: Authorization | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = READ_SECONDS,
        largest_answer: int = LARGEST_ANSWER,
    ) -> ProviderClient:
        """Open a line for what a connector was handed."""
        return cls(
            name=access.manifest.name,
            hosts=access.hosts,
            budget=access.budget,
            authorization=authorization,
            headers=headers,
            read_seconds=read_seconds,
            largest_answer=largest_answer,
        )

    async def get(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        spends: str,
        judge: Judge,
        host: str | None = None,
    ) -> bytes:
        """Ask for `path` and return the body; `spends` names the endpoint class of the budget.

        `path` begins with a slash and lies below the base URL, or is an absolute URL that the provider
        named. `host` is another host that the provider named, as its login's answer may. Raises what
        `judge` makes of the answer, SlowDown when the provider or the budget asks for a longer wait,
        TryAgain when quick retries did not help, Changed when the answer is too large or the host is none
        of the provider's. A LoginLost is raised only where no other login can be had.
        """
        call = Call("GET", self._url(path, host), params)
        return await self._read(call, spends, judge)

    async def post_json(
        self, path: str, body: Any, *, spends: str, judge: Judge, host: str | None = None
    ) -> bytes:
        """Ask by POST with a JSON body, and return the answer's; for reads only, since it may be sent again.

        `body` is bytes of JSON, or anything that msgspec writes as such. All else is as with `get`.
        """
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"content-type": "application/json"}
        call = Call("POST", self._url(path, host), headers=headers, content=content)
        return await self._read(call, spends, judge)

    async def post_form(
        self, path: str, form: str, headers: Mapping[str, str], *, spends: str, judge: Judge
    ) -> bytes:
        """Ask by POST with a form that is already encoded; `headers` may hold a login of their own.

        It may be sent again, as a read is: see `get`.
        """
        given = {**headers, "content-type": "application/x-www-form-urlencoded"}
        call = Call("POST", self._below(path), headers=given, content=form.encode())
        return await self._read(call, spends, judge)

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: str | None,
        *,
        spends: str,
    ) -> Answer:
        """Pass a customer's call on as it is, and return whatever comes back.

        Our own headers win where they hold a login; redirects are not followed. It is sent once, and once
        more only where the login was refused and has been renewed. Raises SlowDown when the budget asks
        for a longer wait, TryAgain when the line breaks, Changed when the answer is too large.
        """
        given = passthrough.outgoing(headers)
        if body is not None:
            given.setdefault("content-type", "application/json")
        call = Call(
            method,
            self._below(path),
            headers=given,
            content=None if body is None else body.encode(),
        )
        async with self._in_flight:
            came, login = await self._once(call, spends)
            if came.status == 401 and await self._authorization.renewed(login):
                came, login = await self._once(call, spends)
        if came.status == 429:
            asked = retry_after(came.headers)
            await self._budget.refused(spends, 1.0 if asked is None else asked)
        secrets = [word for value in login.values() for word in value.split()[-1:]]
        return msgspec.structs.replace(came, headers=passthrough.incoming(came.headers, secrets))

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def _read(self, call: Call, spends: str, judge: Judge) -> bytes:
        started = time.monotonic()
        waits = retries = 0
        renewed = False
        async with self._in_flight:
            while True:
                # A call that was granted is sent at once: the login is made before.
                login = await self._authorization.headers()
                await self._budget.take(spends)
                came = await self._send(call, login)
                if isinstance(came, Answer):
                    if came.status == 429:
                        waits += 1
                        await self._obey(came, spends, waits)
                        continue
                    error = judge(came)
                    if error is None:
                        return came.body
                else:
                    error = came
                if isinstance(error, SlowDown):
                    waits += 1
                    seconds = (error.until - clock.now()).total_seconds()
                    await self._hold(spends, seconds, waits)
                    continue
                if isinstance(error, LoginLost) and not renewed:
                    renewed = await self._authorization.renewed(login)
                    if renewed:
                        continue
                if not isinstance(error, TryAgain):
                    raise error
                if retries == QUICK_RETRIES or _since(started) > RETRY_WITHIN_SECONDS:
                    raise error
                retries += 1
                await asyncio.sleep(random.uniform(0, 0.2 * 4 ** (retries - 1)))  # noqa: S311  Jitter.

    async def _once(self, call: Call, spends: str) -> tuple[Answer, Mapping[str, str]]:
        login = await self._authorization.headers()
        await self._budget.take(spends)
        came = await self._send(call, login)
        if not isinstance(came, Answer):
            raise came
        return came, login

    async def _obey(self, answer: Answer, spends: str, waits: int) -> None:
        """Hold the budget as a 429 asks."""
        asked = retry_after(answer.headers)
        await self._hold(spends, 1.0 if asked is None else asked, waits)

    async def _hold(self, spends: str, seconds: float, waits: int) -> None:
        """Hold the budget for all who share it; raise SlowDown where that is long."""
        if waits > SHORT_WAITS:
            seconds = max(seconds, 5.0)
        await self._budget.refused(spends, seconds)
        if seconds > SHORT_WAIT_SECONDS:
            raise SlowDown(clock.now() + timedelta(seconds=seconds))

    async def _send(self, call: Call, login: Mapping[str, str]) -> Answer | ProviderError:
        """Send once. Failures are returned, so that no traceback carries the request's headers on."""
        path = call.url.path
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._client.stream(
                    call.method,
                    call.url,
                    params=call.params,
                    headers={**call.headers, **login},
                    content=call.content,
                ) as response,
            ):
                body = await self._body(response)
                if body is None:
                    return Changed(f"{self._name} answered {path} with more than we can read.")
                return Answer(response.status_code, response.headers, body)
        except (TimeoutError, httpx2.TimeoutException):
            return TryAgain(f"{self._name} did not answer {path} in time.", timed_out=True)
        except Forbidden:
            return Changed(f"{self._name} is at a private address here; nothing was sent there.")
        except httpx2.RequestError as error:
            kind = type(error).__name__
            return TryAgain(f"The line to {self._name} broke at {path} ({kind}).")

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

    def _url(self, path: str, host: str | None) -> httpx2.URL:
        if path.startswith(("https://", "http://")):
            return self._hosts.below(path)
        return self._below(path, host)

    def _below(self, path: str, host: str | None = None) -> httpx2.URL:
        # What begins with a slash can only be a path; anything else could lengthen the host's name.
        if not path.startswith("/"):
            raise SetupError(f"{path} is not on the host of {self._name}.")
        return httpx2.URL(f"{self._hosts.at(host)}".rstrip("/") + path)

    @property
    def _client(self) -> httpx2.AsyncClient:
        if self._opened is None:
            tls = _tls(self._hosts.base.scheme)
            line = httpx2.AsyncHTTPTransport(
                verify=tls, limits=httpx2.Limits(max_connections=self._budget.at_once)
            )
            self._opened = httpx2.AsyncClient(
                headers=self._headers,
                timeout=self._timeout,
                follow_redirects=False,
                verify=tls,
                transport=CheckedTransport(line, self._hosts.reachable),
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


async def together(asked: Iterable[Coroutine[None, None, _Found]]) -> list[_Found]:
    """Ask for several things at once; the first failure stops the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as calls:
            tasks = [calls.create_task(each) for each in asked]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
