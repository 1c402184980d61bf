"""The line to receivers: one POST, to a checked address, within bounds of time and size."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import httpcore2
import httpx2
import msgspec

from milepost import clock
from milepost.kit.addresses import Allowed, CheckedNetwork, Forbidden

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
# What is kept of an answer; one that is longer is cut off, and its connection closed.
KEPT_BYTES = 2048
_MOST_CONNECTIONS = 128
_KEEPALIVE_SECONDS = 30.0


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a POST: an answer, or the reason that there was none."""

    status: int | None
    error: str | None
    latency_ms: int
    answer: str | None = None
    wait: timedelta | None = None  # what the receiver asked for by Retry-After

    @property
    def gone(self) -> bool:
        return self.status == 410


class Line:
    """Posts to endpoints. Redirects are answers like any other, and are not followed."""

    def __init__(self, but: Allowed, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trust(),
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_MOST_CONNECTIONS // 2,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=CheckedNetwork(but),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Post once; whatever goes wrong is an answer too."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await self._post(url, headers, body, started)
        except TimeoutError:
            error = f"There was no answer within {self._answer_seconds:g} seconds."
        except Forbidden as refused:
            error = f"The address is not allowed: {refused.message}"
        except httpx2.InvalidURL as broken:
            error = f"The URL cannot be read: {broken}"
        except (httpcore2.TimeoutException, httpcore2.NetworkError) as broken:
            error = f"The connection failed: {str(broken) or type(broken).__name__}"
        except (httpcore2.ProtocolError, ssl.SSLError, OSError, ValueError) as broken:
            error = f"The answer is not HTTP: {str(broken) or type(broken).__name__}"
        return Answered(status=None, error=error[:500], latency_ms=_since(started))

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _post(
        self, url: str, headers: Mapping[str, str], body: bytes, started: float
    ) -> Answered:
        host = httpx2.URL(url).netloc.decode("ascii")
        sent = {"host": host, "content-length": str(len(body)), **headers}
        limits = {"connect": CONNECT_SECONDS, "pool": self._answer_seconds}
        async with self._pool.stream(
            "POST", url, headers=list(sent.items()), content=body, extensions={"timeout": limits}
        ) as answer:
            kept = bytearray()
            async for chunk in answer.aiter_stream():
                kept += chunk
                if len(kept) > KEPT_BYTES:
                    break
            status = int(answer.status)
            good = 200 <= status < 300
            given = {name.lower(): value for name, value in answer.headers}
            return Answered(
                status=status,
                error=None if good else f"The answer was {status}.",
                latency_ms=_since(started),
                answer=kept[:KEPT_BYTES].decode(errors="replace").replace("\x00", "\ufffd"),
                wait=None if good else _wait(given.get(b"retry-after", b"")),
            )


def _wait(value: bytes) -> timedelta | None:
    text = value.decode("latin-1").strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            return timedelta(seconds=min(float(text), 1e6))
        until = parsedate_to_datetime(text)
        aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
        return max(aware - clock.now(), timedelta())
    except (ValueError, OverflowError):
        return None


def _trust() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
