"""What passes between a customer and its provider, and what does not."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.kit.test_http import OK, SECRET, client_of, saying

from milepost.errors import Changed, TryAgain
from milepost.kit import passthrough
from milepost.kit.loopback import Asked, Said


@pytest.mark.parametrize(
    "path",
    [
        "/reports", "/", "/a/b/c.json", "/v1/x?a=1&b=%2F&url=https://x.example//y", "/a%20b", "/~a/;x=1",
        "/users/me@example.com", "/a/..b/c..", "/x?next=../y", "/%E2%82%AC", "/a/",
    ],
)  # fmt: skip
def test_a_path_below_the_base_may_be_asked_for(path: str) -> None:
    passthrough.check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "", "reports", "https://evil.example/x", "http:/x", "//evil.example/x", "/\\evil.example",
        "\\\\evil.example", "/%2Fevil.example", "/%5Cevil", "/a//b", "/a\\b", "@evil.example/", ".evil.example/",
        ":8080/x", "/..", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a/%2E./b", "/a/.%2e", "/%252e%252e/x",
        "/a%2f..%2fb", "/a/..;x/b", "/a/%2e%2e%3b/b", "/a#b", "/a b", "/a\r\nHost: evil", "/a%0d%0aX: y", "/a%00",
        "/ü", "/%25252525252e", "/a\t", "/" + "x" * 8_000, "?x=1",
    ],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="must"):
        passthrough.check_path(path)


@pytest.mark.parametrize(
    "headers",
    [{"": "x"}, {"a b": "x"}, {"x": "a\r\nb"}, {"x\n": "y"}, {"x:": "y"}, {"x": "ü"}, {"x": "\0"}],
)
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must"):
        passthrough.check_headers(headers)


def test_headers_of_the_customer_that_carry_a_login_or_belong_to_one_line_stay_here() -> None:
    given = {
        "Authorization": "Bearer mine", "HOST": "evil.example", "Cookie": "a=b", "Proxy-Authorization": "x",
        "Connection": "close, X-Secret-Hop", "X-Secret-Hop": "1", "Transfer-Encoding": "chunked",
        "Content-Length": "7", "X-Forwarded-For": "10.0.0.1", "Forwarded": "for=x", "X-API-Key": "k",
        "Upgrade": "h2c", "TE": "trailers", "Expect": "100-continue", ":authority": "evil.example",
        "Accept": " text/csv ", "X-Trace": "7", "Content-Type": "text/plain",
    }  # fmt: skip

    assert passthrough.outgoing(given) == {
        "accept": "text/csv",
        "x-trace": "7",
        "content-type": "text/plain",
    }


def test_headers_of_the_provider_that_hold_a_secret_stay_here() -> None:
    given = {
        "Set-Cookie": "session=1", "WWW-Authenticate": "Bearer", "Authorization": "Bearer s3cret",
        "X-Echo": "you sent Bearer s3cret", "Content-Encoding": "gzip", "Content-Length": "7",
        "Keep-Alive": "x", "Content-Type": "application/json", "X-Request-Id": "r1", "Location": "/there",
    }  # fmt: skip

    assert passthrough.incoming(given, ["s3cret"]) == {
        "content-type": "application/json",
        "x-request-id": "r1",
        "location": "/there",
    }


async def test_a_call_goes_out_once_with_our_login_and_comes_back_whatever_it_is() -> None:
    async with client_of(saying(Said(b"no", status=503))) as (client, server):
        headers = {"Authorization": "Bearer theirs", "X-Trace": "1"}
        answer = await client.send("DELETE", "/a/b?x=%20", headers, "body", spends="any")

    (asked,) = server.asked
    assert (answer.status, answer.body) == (503, b"no")
    assert (asked.method, asked.target, asked.body) == ("DELETE", "/a/b?x=%20", b"body")
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    assert asked.headers["host"] == server.base_url.removeprefix("http://")
    assert asked.headers["x-trace"] == "1"
    assert asked.headers["content-type"] == "application/json"


async def test_a_redirect_is_answered_and_not_followed() -> None:
    there = Said(status=302, headers={"location": "http://127.0.0.1:1/x"})
    async with client_of(saying(there)) as (client, server):
        answer = await client.send("GET", "/x", {}, None, spends="any")

    assert (answer.status, len(server.asked)) == (302, 1)


async def test_a_429_makes_everybody_of_this_login_wait() -> None:
    slow = Said(status=429, headers={"retry-after": "0.4"})
    async with client_of(saying(slow, OK)) as (client, _):
        first = await client.send("POST", "/x", {}, "{}", spends="any")
        started = time.monotonic()
        second = await client.send("POST", "/x", {}, "{}", spends="any")

    assert (first.status, second.status) == (429, 200)
    assert time.monotonic() - started >= 0.3


async def test_a_line_that_breaks_and_an_answer_too_large_are_errors() -> None:
    async with client_of(saying(Said(b"x" * 50, cut=True))) as (client, server):
        with pytest.raises(TryAgain):
            await client.send("POST", "/x", {}, None, spends="any")
        assert len(server.asked) == 1
    async with client_of(saying(Said(b"x" * 50)), largest_answer=49) as (client, _):
        with pytest.raises(Changed):
            await client.send("GET", "/x", {}, None, spends="any")


async def test_an_answer_that_does_not_come_is_a_time_out() -> None:
    async def never(_: Asked) -> Said:
        await asyncio.Event().wait()
        return OK

    async with client_of(never, read_seconds=0.1) as (client, _):
        with pytest.raises(TryAgain) as failed:
            await client.send("GET", "/x", {}, None, spends="any")
    assert failed.value.timed_out
