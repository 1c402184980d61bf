"""Captures a fixture from a real account: what a stream asks and is answered, redacted, with what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import msgspec

from milepost import clock
from milepost.errors import Changed
from milepost.kit.contract import Connector, Slice
from milepost.kit.laws.reading import replay
from milepost.kit.laws.redacting import Redactor
from milepost.kit.laws.stage import Stage, cuts_of, shown
from milepost.kit.loopback import Asked, Loopback, Said

_SKIPPED = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding"}
_SECONDS = 60.0


class Recorder:
    """Stands between a connector and its provider, and writes down what is said."""

    def __init__(self, upstream: str) -> None:
        self.said: list[tuple[Asked, int, bytes]] = []
        self._upstream = upstream.rstrip("/")
        self._client = httpx2.AsyncClient(timeout=_SECONDS, follow_redirects=False)

    async def answer(self, asked: Asked) -> Said:
        headers = {k: v for k, v in asked.headers.items() if k not in _SKIPPED}
        came = await self._client.request(
            asked.method, f"{self._upstream}{asked.target}", headers=headers, content=asked.body
        )
        self.said.append((asked, came.status_code, came.content))
        passed = {k: v for k, v in came.headers.items() if k in ("content-type", "retry-after")}
        return Said(came.content, came.status_code, passed)

    async def aclose(self) -> None:
        await self._client.aclose()


async def capture(
    connect: Callable[[str], Connector],
    upstream: str,
    login: Mapping[str, str],
    stage: Stage,
    stream: str,
    salt: bytes,
    pages: int,
) -> dict[str, Any]:
    """Read a stream of up to so many pages; return the fixture, in which nobody can be found again.

    `connect` makes a connector at a base URL. Raises Changed where an answer is no JSON or there are more pages,
    and what reading raises.
    """
    spec, now = stage.manifest.stream(stream), clock.now()
    slice_ = _slice(stage, stream, now)
    recorder = Recorder(upstream)
    try:
        async with Loopback(recorder.answer).serving() as server:
            connector = connect(server.base_url)
            try:
                seen = 0
                async for _ in connector.pages(slice_):
                    seen += 1
                    if seen > pages:
                        raise Changed(
                            f"{stream} has more than {pages} pages, too many for a fixture."
                        )
            finally:
                await connector.aclose()
    finally:
        await recorder.aclose()
    redactor = Redactor(salt)
    bodies = [redactor.body(_read(body)) for _, _, body in recorder.said]
    words = dict(zip(login.values(), stage.login().values(), strict=False))
    given: dict[str, Any] = {
        "note": f"Captured from a real account on {now.date()}, and redacted: texts, ids and places are made up.",
        "stream": stream,
        "mode": slice_.mode,
        "answers": [
            _entry(asked, status, body, redactor, words)
            for (asked, status, _), body in zip(recorder.said, bodies, strict=True)
        ],
        "now": clock.iso(now),
    }
    if spec.kind != "listing":
        assert slice_.starts_at is not None
        given |= {"starts_at": clock.iso(slice_.starts_at), "ends_at": clock.iso(now)}
    told = await replay(stage, given)
    reasons = [reject.reason for cut in cuts_of(told) for reject in cut.rejects]
    return {**given, "expected": shown(told), "set_aside": reasons}


def _slice(stage: Stage, stream: str, now: datetime) -> Slice:
    spec = stage.manifest.stream(stream)
    if spec.kind == "listing":
        return Slice(stream=stream, mode="listing")
    span = min(spec.window, timedelta(hours=3 if spec.kind == "series" else 7 * 24))
    return Slice(stream=stream, mode="history", starts_at=now - span, ends_at=now)


def _entry(
    asked: Asked, status: int, body: Any, redactor: Redactor, words: Mapping[str, str]
) -> dict[str, Any]:
    def said(word: str) -> str:
        return words.get(word, redactor.word(word))

    entry: dict[str, Any] = {
        "path": "/".join(said(part) for part in asked.path.split("/")),
        "query": {k: said(v) for k, v in parse_qsl(urlsplit(asked.target).query)},
        "body": body,
    }
    return {**entry, **({"status": status} if status != 200 else {})}


def _read(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise Changed("An answer is no JSON; there is no fixture of that.") from None
