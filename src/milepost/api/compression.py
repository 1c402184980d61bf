"""Compresses answers for callers that accept it."""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
from collections.abc import Callable, Mapping

if sys.version_info >= (3, 14):  # the standard library's own from then on
    from compression import zstd
else:
    from backports import zstd

# Below this a header costs more than compression saves.
_SMALLEST = 1000
# Level 1 packs a page of 500 locations (130 kB) tenfold in a millisecond; level 6 takes four.
_LEVEL = 1
# Beyond this, others would wait for it: a thread compresses while they go on.
_SLOW = 500_000

_WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*")


def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, _LEVEL, mtime=0)


def _zstandard(content: bytes) -> bytes:
    return zstd.compress(content, _LEVEL)


# Of what a caller accepts equally, the first is taken: zstd is the quicker one, and as small.
_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {"zstd": _zstandard, "gzip": _gzipped}


async def fitting(content: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """Return the content as the caller accepts it, with the headers that say so."""
    headers = {"Vary": "Accept-Encoding"}
    coding = None if len(content) < _SMALLEST else preferred(accepted)
    if coding is None:
        return content, headers
    pack = _CODINGS[coding]
    packed = await asyncio.to_thread(pack, content) if len(content) > _SLOW else pack(content)
    return packed, {**headers, "Content-Encoding": coding}


def preferred(accepted: str) -> str | None:
    """Choose by an Accept-Encoding header (RFC 9110, 12.5.3): the highest weight; `q=0` refuses; None for none."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        found = _WEIGHT.fullmatch(weight)
        # What is no weight is no wish either.
        weights[coding.strip()] = float(found[1]) if found else 0.0 if weight.strip() else 1.0
    given = {coding: weights.get(coding, weights.get("*", 0.0)) for coding in _CODINGS}
    best = max(given, key=lambda coding: given[coding])
    return best if given[best] > 0 and given[best] >= weights.get("identity", 0.0) else None
