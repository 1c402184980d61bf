"""Answers are compressed as the caller weighs it, and the same when unpacked."""

from __future__ import annotations

import gzip
import sys
from typing import TYPE_CHECKING

import pytest

from milepost.api.compression import fitting, preferred

if TYPE_CHECKING:
    from tests.api.conftest import Client

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("gzip ; q=0.5 , zstd;q=0.8", "zstd"),
        ("zstd;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0.000, *", "zstd"),
        ("*", "zstd"),
        ("*;q=0", None),
        ("gzip;q=0.001", "gzip"),
        ("identity;q=1, gzip;q=0.5", None),
        ("gzip;q=x", None),
        ("gzip;q=9", None),
        (",,;q=1,", None),
    ],
)
def test_the_weights_of_the_header_decide(accepted: str, coding: str | None) -> None:
    assert preferred(accepted) == coding


async def test_a_small_answer_is_sent_as_it_is() -> None:
    assert await fitting(b"x" * 999, "gzip") == (b"x" * 999, {"Vary": "Accept-Encoding"})


@pytest.mark.parametrize("size", [1_000, 600_000])
async def test_both_codings_give_back_what_went_in(size: int) -> None:
    content = bytes(place % 251 for place in range(size))

    for coding, unpack in (("gzip", gzip.decompress), ("zstd", zstd.decompress)):
        packed, headers = await fitting(content, coding)
        assert headers == {"Vary": "Accept-Encoding", "Content-Encoding": coding}
        assert unpack(packed) == content


async def test_an_answer_in_zstd_says_the_same_as_a_plain_one(synced: Client) -> None:
    async with synced.http.stream(
        "GET", "/tsp/v1/vehicles", headers={**synced.headers, "Accept-Encoding": "zstd"}
    ) as answer:
        packed = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == "zstd"
    plain = await synced.ask("GET", "/vehicles", headers={"Accept-Encoding": "identity"})

    assert zstd.decompress(packed) == plain.content
