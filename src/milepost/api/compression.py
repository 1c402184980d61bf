"""Compresses answers for callers that accept it."""

from __future__ import annotations

import asyncio
import gzip

# Below this a header costs more than compression saves.
_SMALLEST = 1000
# Level 1 packs a page of 500 locations (130 kB) tenfold in a millisecond; level 6 takes four.
_LEVEL = 1
# Beyond this, others would wait for it: a thread compresses while they go on.
_SLOW = 500_000


async def fitting(content: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """Return the content as the caller accepts it, with the headers that say so."""
    headers = {"Vary": "Accept-Encoding"}
    if len(content) < _SMALLEST or not _accepts_gzip(accepted):
        return content, headers
    if len(content) > _SLOW:
        packed = await asyncio.to_thread(gzip.compress, content, _LEVEL, mtime=0)
    else:
        packed = gzip.compress(content, _LEVEL, mtime=0)
    return packed, {**headers, "Content-Encoding": "gzip"}


def _accepts_gzip(accepted: str) -> bool:
    """Read an Accept-Encoding header (RFC 9110, 12.5.3): `gzip;q=0` refuses it."""
    weights = {}
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip()] = weight.replace(" ", "") not in (
            "q=0",
            "q=0.0",
            "q=0.00",
            "q=0.000",
        )
    return weights.get("gzip", weights.get("*", False))
