"""Feeds go on from their versions, and a walk that was killed from its cursor."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.sandbox.geotab_account import NOW, account

from milepost import clock
from milepost.kit.contract import Page


@pytest.mark.parametrize("stream", ["locations", "stats", "safety_events", "fault_codes"])
async def test_a_feed_brings_what_came_in_since_and_nothing_twice(stream: str) -> None:
    later = NOW + timedelta(hours=5)
    async with account() as at:
        opened = await at.read(stream, "feed")
        first = await at.read(stream)
        with clock.held_at(later):
            followed = await at.read(stream, "feed", opened[-1].cursor)
            again = await at.read(stream, "feed", followed[-1].cursor)

    def keys(pages: list[Page]) -> list[str]:
        return [
            f"{cut.subject}/{getattr(record, 'source_id', None) or getattr(record, 'id', None)}"
            for page in pages
            for cut in page.cuts
            for record in cut.records
        ]

    assert not keys(opened)
    assert opened[-1].caught_up_to == NOW
    assert keys(followed) or stream == "fault_codes"
    assert len(set(keys(followed))) == len(keys(followed))
    assert not keys(again)
    if stream in {"locations", "stats"}:
        assert not set(keys(first)) & set(keys(followed))


@pytest.mark.parametrize(
    "stream", ["locations", "stats", "trips", "hos_logs", "safety_events", "fault_codes"]
)
async def test_killed_after_any_page_the_next_run_completes_the_set(stream: str) -> None:
    async with account(page_readings=9_000, page_records=25) as at:
        whole = await at.read(stream)
        for number, page in enumerate(whole[:-1]):
            rest = await at.read(stream, cursor=page.cursor)
            assert [p.cuts for p in rest if p.cuts] == [
                p.cuts for p in whole[number + 1 :] if p.cuts
            ]
