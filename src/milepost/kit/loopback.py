"""A small real HTTP/1.1 server on 127.0.0.1 for tests of connectors: it answers as told and records what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """One request as it came in; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    target: str = ""  # as it stood in the request
    body: bytes = b""


class Said(msgspec.Struct, frozen=True):
    """One answer. `cut` promises the whole body, sends half of it, and hangs up."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = {}
    cut: bool = False


class Loopback:
    """Serves `answer(asked)` and keeps every request in `asked`."""

    def __init__(self, answer: Callable[[Asked], Said | Awaitable[Said]]) -> None:
        self.asked: list[Asked] = []
        self.base_url = ""
        self._answer = answer
        self._open: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Loopback]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for writer in list(self._open):
                writer.close()
            await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            # The loop that ends cancels who still listens, and before Python 3.12 it would log that as a fault.
            with contextlib.suppress(
                asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError
            ):
                while True:
                    asked = _read(await reader.readuntil(b"\r\n\r\n"))
                    if length := int(asked.headers.get("content-length", 0)):
                        body = await reader.readexactly(length)
                        asked = msgspec.structs.replace(asked, body=body)
                    self.asked.append(asked)
                    said = self._answer(asked)
                    said = said if isinstance(said, Said) else await said
                    writer.write(_spell(said))
                    await writer.drain()
                    if said.cut:
                        break
        finally:
            self._open.discard(writer)
            writer.close()


def _read(head: bytes) -> Asked:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    headers = dict(line.split(": ", 1) for line in lines)
    return Asked(
        method,
        unquote(url.path),
        dict(parse_qsl(url.query, keep_blank_values=True)),
        {name.lower(): value for name, value in headers.items()},
        target,
    )


def _spell(said: Said) -> bytes:
    headers = {"content-type": "application/json", "content-length": str(len(said.body))}
    lines = [f"{name}: {value}\r\n" for name, value in (headers | dict(said.headers)).items()]
    body = said.body[: len(said.body) // 2] if said.cut else said.body
    phrase = HTTPStatus(said.status).phrase
    return f"HTTP/1.1 {said.status} {phrase}\r\n{''.join(lines)}\r\n".encode("latin-1") + body
