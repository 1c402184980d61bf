"""The client of every connector, against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from milepost import clock
from milepost.errors import Changed, LoginLost, ProviderError, SetupError, SlowDown, TryAgain
from milepost.kit.authorization import FromCredentials
from milepost.kit.hosts import Hosts
from milepost.kit.http import Answer, ProviderClient, retry_after
from milepost.kit.limits import Budget
from milepost.kit.login import Pocket
from milepost.kit.loopback import Asked, Loopback, Said

SECRET = "s3cret-token"
OK = Said(b'"ok"')


def judge(answer: Answer) -> ProviderError | None:
    if answer.status == 200:
        return None
    return LoginLost() if answer.status == 401 else TryAgain(f"It answered {answer.status}.")


@asynccontextmanager
async def client_of(
    answer: Callable[[Asked], Said | Awaitable[Said]], rate: float = 0, **options: Any
) -> AsyncIterator[tuple[ProviderClient, Loopback]]:
    async with Loopback(answer).serving() as server:
        client = ProviderClient(
            name="Acme",
            hosts=Hosts("Acme", server.base_url, []),
            authorization=FromCredentials(
                Pocket({"key": SECRET}), lambda login: {"authorization": f"Bearer {login['key']}"}
            ),
            budget=Budget({"any": rate}),
            **options,
        )
        try:
            yield client, server
        finally:
            await client.aclose()


async def get(client: ProviderClient, path: str = "/x", **params: str) -> bytes:
    return await client.get(path, params, spends="any", judge=judge)


def saying(*answers: Said) -> Callable[[Asked], Said]:
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


async def test_a_good_answer_comes_back_as_its_bytes() -> None:
    async with client_of(saying(OK)) as (client, server):
        assert await get(client, "/a/b", q="1,2", z="ü") == b'"ok"'

    (asked,) = server.asked
    assert (asked.method, asked.path, asked.query) == ("GET", "/a/b", {"q": "1,2", "z": "ü"})
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    assert asked.headers["user-agent"].startswith("milepost/")


async def test_what_passes_is_tried_again_quickly_and_what_does_not_is_not() -> None:
    async with client_of(saying(Said(status=503), Said(cut=True), OK)) as (client, server):
        assert await get(client) == b'"ok"'
        assert len(server.asked) == 3

    async with client_of(saying(Said(status=500))) as (client, server):
        with pytest.raises(TryAgain) as caught:
            await get(client)
        assert len(server.asked) == 3
        assert not caught.value.timed_out

    async with client_of(saying(Said(status=401))) as (client, server):
        with pytest.raises(LoginLost):
            await get(client)
        assert len(server.asked) == 1


async def test_an_answer_that_does_not_come_is_a_time_out() -> None:
    async def never(_: Asked) -> Said:
        await asyncio.Event().wait()
        return OK

    async with client_of(never, read_seconds=0.05) as (client, server):
        with pytest.raises(TryAgain) as caught:
            await get(client)

    assert caught.value.timed_out
    assert len(server.asked) == 3


async def test_nobody_at_the_other_end_is_to_be_tried_again() -> None:
    async with client_of(saying(OK)) as (client, _):
        pass
    with pytest.raises(TryAgain, match="ConnectError"):
        await get(client)
    await client.aclose()


@pytest.mark.parametrize("wait", ["0.03", "0", "-5"])
async def test_a_short_429_is_slept_through(wait: str) -> None:
    busy = Said(status=429, headers={"retry-after": wait})
    async with client_of(saying(busy, busy, OK)) as (client, server):
        before = time.monotonic()
        assert await get(client) == b'"ok"'

    assert time.monotonic() - before >= 2 * max(0, float(wait))
    assert len(server.asked) == 3


async def test_a_long_429_gives_the_worker_back_and_holds_all_who_share_the_budget() -> None:
    busy = Said(status=429, headers={"retry-after": "30.5"})
    async with client_of(saying(busy, OK)) as (client, server):
        asked_at = clock.now()
        with pytest.raises(SlowDown) as caught:
            await get(client)
        assert abs(caught.value.until - asked_at - timedelta(seconds=30.5)) < timedelta(seconds=1)
        with pytest.raises(SlowDown):
            await get(client)

    assert len(server.asked) == 1


async def test_short_429s_without_end_give_the_worker_back() -> None:
    busy = Said(status=429, headers={"retry-after": "0.001"})
    async with client_of(saying(busy)) as (client, server):
        with pytest.raises(SlowDown):
            await get(client)

    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.40235", 0.40235), ("7", 7.0), (" 1 ", 1.0), ("-3", 0.0), ("1e9", 3600.0), ("inf", 3600.0),
        ("nan", None), ("soon", None), ("", None),
        (format_datetime(datetime(2025, 1, 1, 0, 1, tzinfo=UTC), usegmt=True), 60.0),
        (format_datetime(datetime(2024, 1, 1, tzinfo=UTC), usegmt=True), 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_all_its_spellings(text: str, seconds: float | None) -> None:
    with clock.held_at(datetime(2025, 1, 1, tzinfo=UTC)):
        assert retry_after({"retry-after": text}) == seconds


async def test_calls_are_paced_by_the_budget() -> None:
    async with client_of(saying(OK), rate=20) as (client, server):
        before = time.monotonic()
        await asyncio.gather(*(get(client) for _ in range(25)))

    assert time.monotonic() - before >= 1.0
    assert len(server.asked) == 25


async def test_a_wait_beyond_patience_gives_the_worker_back() -> None:
    async with client_of(saying(OK), rate=0.01) as (client, _):
        await get(client)
        with pytest.raises(SlowDown):
            await get(client)


@pytest.mark.parametrize(("rate", "at_once"), [(5, 4), (25, 10), (1000, 16), (0, 16)])
async def test_as_many_requests_are_under_way_as_the_pace_needs(rate: float, at_once: int) -> None:
    running = most = 0
    full = asyncio.Event()

    async def slowly(_: Asked) -> Said:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == at_once:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1
        return OK

    async with client_of(slowly, rate=rate) as (client, _):
        await asyncio.gather(*(get(client) for _ in range(20)))

    assert most == at_once


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_too_large_is_refused_also_when_it_is_packed_small(packed: bool) -> None:
    body = b" " * 100_001
    said = Said(gzip.compress(body), headers={"content-encoding": "gzip"}) if packed else Said(body)
    async with client_of(saying(said), largest_answer=100_000) as (client, _):
        with pytest.raises(Changed, match="more than"):
            await get(client)


async def test_redirects_are_not_followed() -> None:
    elsewhere = Loopback(saying(OK))
    async with elsewhere.serving():
        moved = Said(status=302, headers={"location": elsewhere.base_url + "/x"})
        async with client_of(saying(moved)) as (client, _):
            with pytest.raises(TryAgain, match="302"):
                await get(client)

    assert not elsewhere.asked


@pytest.mark.parametrize("path", ["@evil.example/x", ".evil.example/x", "http://evil.example/", ""])
async def test_only_the_providers_own_host_is_reached(path: str) -> None:
    async with client_of(saying(OK)) as (client, server):
        with pytest.raises((SetupError, Changed)):
            await get(client, path)

    assert not server.asked


@pytest.mark.parametrize("url", ["", "ftp://x", "file:///etc/passwd", "//host", "http://"])
def test_a_base_url_that_is_none_is_a_set_up_error(url: str) -> None:
    with pytest.raises(SetupError):
        Hosts("Acme", url, [])


async def test_no_failure_shows_a_secret() -> None:
    for said in (Said(status=500), Said(cut=True), Said(status=429, headers={"retry-after": "60"})):
        async with client_of(saying(said)) as (client, _):
            with pytest.raises(ProviderError) as caught:
                await get(client)
        shown = "".join(traceback.format_exception(caught.value))
        assert SECRET not in shown
        assert caught.value.__context__ is None


async def test_a_question_by_post_is_asked_again_like_any_other() -> None:
    async with client_of(saying(Said(status=503), OK)) as (client, server):
        body = await client.post_json("/rpc", {"method": "Get"}, spends="any", judge=judge)

    assert body == b'"ok"'
    assert [asked.method for asked in server.asked] == ["POST", "POST"]
    assert {asked.body for asked in server.asked} == {b'{"method":"Get"}'}
    assert server.asked[1].headers["content-type"] == "application/json"


class Rotating:
    """A login whose headers change with each renewal."""

    def __init__(self, tokens: int) -> None:
        self.token, self.last = 1, tokens

    async def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer token{self.token}"}

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        if refused == await self.headers() and self.token < self.last:
            self.token += 1
            return True
        return False


@pytest.mark.parametrize("tokens", [1, 2])
async def test_a_refused_login_is_renewed_once_and_the_next_request_uses_it(tokens: int) -> None:
    def answer(asked: Asked) -> Said:
        return OK if asked.headers["authorization"] == "Bearer token2" else Said(status=401)

    async with Loopback(answer).serving() as server:
        client = ProviderClient(
            name="Acme",
            hosts=Hosts("Acme", server.base_url, []),
            budget=Budget({"any": 0}),
            authorization=Rotating(tokens),
        )
        if tokens == 1:
            with pytest.raises(LoginLost):
                await get(client)
            passed = await client.send("GET", "/x", {}, None, spends="any")
            assert (passed.status, len(server.asked)) == (401, 2)
        else:
            assert await get(client) == b'"ok"'
            assert await get(client) == b'"ok"'
            assert len(server.asked) == 3
        await client.aclose()


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1"])
async def test_a_providers_name_that_leads_to_a_private_address_is_sent_nothing(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    async with client_of(saying(OK)) as (_, server):
        port = int(server.base_url.rpartition(":")[2])
        looked_up: list[object] = []

        async def getaddrinfo(_: object, host: object, *__: object, **___: object) -> list[Any]:
            looked_up.append(host)
            return [(2, 1, 6, "", (address, port))]

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
        client = ProviderClient(
            name="Acme",
            hosts=Hosts("Acme", "https://api.acme.example", ["api.acme.example"]),
            budget=Budget({"any": 0}),
        )
        with pytest.raises(Changed, match="private address"):
            await get(client)
        await client.aclose()

    assert looked_up == ["api.acme.example"]
    assert server.asked == []


async def test_what_was_checked_is_what_is_connected_to_and_the_name_stays_in_the_header(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with client_of(saying(OK, OK)) as (_, server):
        port = int(server.base_url.rpartition(":")[2])
        answers = iter(["127.0.0.1", "10.0.0.5"])

        async def getaddrinfo(*_: object, **__: object) -> list[Any]:
            return [(2, 1, 6, "", (next(answers), port))]

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
        client = ProviderClient(
            name="Acme",
            hosts=Hosts("Acme", f"http://proxy.acme.example:{port}", ["api.acme.example"]),
            budget=Budget({"any": 0}),
        )
        assert await get(client) == await get(client) == b'"ok"'
        await client.aclose()

    assert [asked.headers["host"] for asked in server.asked] == [f"proxy.acme.example:{port}"] * 2
