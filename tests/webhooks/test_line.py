"""The line to receivers: whatever is at the other end, an attempt ends in time, keeps little, and goes nowhere private."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.webhooks.conftest import within

from milepost.kit.addresses import allowed, check_url
from milepost.webhooks.line import KEPT_BYTES, Answered, Line

LOOPBACK = ["127.0.0.0/8"]


@contextlib.asynccontextmanager
async def answering(
    *chunks: bytes, endless: bool = False, hold: bool = False
) -> AsyncIterator[int]:
    """Serve these bytes to whoever asks, the last of them again and again if `endless`; yields the port."""
    tasks: list[asyncio.Task[Any]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        ends = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*ends):
            await reader.readuntil(b"\r\n\r\n")
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
            while endless:
                writer.write(chunks[-1])
                await writer.drain()
            if hold:
                await reader.read()
        writer.close()
        with contextlib.suppress(*ends):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        async with within(10, "the connections to end"):
            await asyncio.gather(*tasks, return_exceptions=True)


async def post(url: str, *, but: list[str], seconds: float = 10) -> Answered:
    line = Line(allowed(but), answer_seconds=seconds)
    try:
        async with asyncio.timeout(30):
            return await line.post(url, {}, b"{}")
    finally:
        await line.aclose()


async def test_an_endless_answer_is_cut_off_after_two_kilobytes() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with answering(head, b"400\r\n" + b"x" * 1024 + b"\r\n", endless=True) as port:
        found = await post(f"http://127.0.0.1:{port}/", but=LOOPBACK)

    assert (found.status, found.error) == (200, None)
    assert found.answer == "x" * KEPT_BYTES


@pytest.mark.parametrize(
    "chunks",
    [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",)],
    ids=["nothing", "half of a head", "half of a body"],
)
async def test_an_answer_that_does_not_come_to_its_end_is_none(chunks: tuple[bytes, ...]) -> None:
    async with answering(*chunks, hold=True) as port:
        found = await post(f"http://127.0.0.1:{port}/", but=LOOPBACK, seconds=0.3)

    assert found.status is None
    assert found.error == "There was no answer within 0.3 seconds."


@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        ((b"SSH-2.0-OpenSSH_9.6\r\n",), "The answer is not HTTP"),
        ((b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n",), "The answer is not HTTP"),
        ((b"",), "not HTTP"),
    ],
    ids=["another protocol", "a head without end", "a connection that is closed"],
)
async def test_what_is_no_answer_says_so(chunks: tuple[bytes, ...], says: str) -> None:
    async with answering(*chunks) as port:
        found = await post(f"http://127.0.0.1:{port}/", but=LOOPBACK)

    assert found.status is None
    assert found.error is not None
    assert says in found.error or "The connection failed" in found.error
    assert len(found.error) <= 500


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    head = b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with answering(head) as port:
        found = await post(f"http://127.0.0.1:{port}/", but=LOOPBACK)

    assert (found.status, found.error) == (307, "The answer was 307.")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
        "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://168.63.129.16/",
    ],
)  # fmt: skip
async def test_metadata_is_out_of_reach_however_much_is_allowed(url: str) -> None:
    found = await post(url, but=["0.0.0.0/0", "::/0", "169.254.169.254"])

    assert found.status is None
    assert found.error is not None
    assert found.error.startswith("The address is not allowed")


async def test_private_addresses_are_out_of_reach_unless_they_are_allowed() -> None:
    async with answering(b"HTTP/1.1 204 X\r\n\r\n") as port:
        url = f"http://127.0.0.1:{port}/"
        refused = await post(url, but=[])
        taken = await post(url, but=LOOPBACK)

    assert refused.error == "The address is not allowed: 127.0.0.1 is a private address."
    assert (taken.status, taken.error) == (204, None)


async def test_a_name_that_leads_elsewhere_since_it_was_registered_is_not_followed_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_url("http://rebound.example/", allowed([]))

    def resolve(_host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    found = await post("http://rebound.example/", but=["192.168.0.0/16"])

    assert found.error == "The address is not allowed: rebound.example is a private address."


async def test_a_url_that_cannot_be_read_is_an_answer_too() -> None:
    answer = await post("http://999.1.1.1/", but=[])

    assert answer.status is None
    assert answer.error is not None
    assert answer.error.startswith("The URL cannot be read")
