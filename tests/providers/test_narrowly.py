"""Streams are read of some of a fleet only: who is not wanted is not asked about, and the others lack nothing."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import pytest

from milepost.kit import registry
from milepost.kit.contract import Page
from milepost.kit.laws.stage import Stage, cuts_of
from milepost.kit.loopback import Asked
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.sandbox.world import SyntheticWorld

PLATFORMS = ("samsara", "motive", "geotab")
STREAMS = [
    (code, spec.name)
    for code in PLATFORMS
    for spec in registry.load().manifest(code).streams
    if spec.kind != "listing"
]
# Asked about by vehicle or driver: of the others the vendor tells only about the whole fleet.
ONE_BY_ONE = {
    "samsara": {"trips"},
    "motive": {"locations"},
    "geotab": {"hos_logs", "hos_daily_logs", "trips", "utilization_days", "ifta_months"},
}


@functools.cache
def stage(code: str) -> Stage:
    return Stage(code, registry.load, SyntheticWorld(seed=7, vehicles=4, drivers=4))


def by_subject(pages: list[Page], noun: str) -> dict[str, dict[str, bytes]]:
    """Sort records by the vehicle or driver that they are of, each by what names it."""
    found: dict[str, dict[str, bytes]] = {}
    for cut in cuts_of(pages):
        for record in cut.records:
            if isinstance(record, Fix | StatReading):
                at = record.located_at if isinstance(record, Fix) else record.at
                whose, name = f"{noun}:{cut.subject}", f"{type(record).__name__} {at}"
                name += "" if isinstance(record, Fix) else record.type
            else:
                whose, name = str(getattr(record, noun)), str(record.id)
            found.setdefault(whose, {})[name] = msgspec.json.encode(record)
    return found


def names(asked: Asked, subject: str) -> bool:
    """Say whether a request is about a vehicle or driver by name."""
    return subject in asked.path or subject in asked.query.values() or f'"{subject}"'.encode() in (
        asked.body
    )  # fmt: skip


async def read(code: str, stream: str, **narrowed: Any) -> tuple[list[Page], list[Asked]]:
    at = stage(code)
    slice_ = at.slice_of(at.manifest.stream(stream))
    async with at.line() as line:
        pages = await line.read(msgspec.structs.replace(slice_, **narrowed))
    return pages, line.server.asked


@pytest.mark.parametrize(("code", "stream"), STREAMS)
async def test_who_is_hidden_is_not_asked_about_and_the_others_lack_nothing(
    code: str, stream: str
) -> None:
    spec = stage(code).manifest.stream(stream)
    whole = by_subject(await stage(code).told(spec), spec.subject)
    hidden = max(whole, key=lambda whose: len(whole[whose]))
    id_ = hidden.partition(":")[2]
    everything, asked_for_all = await read(code, stream)

    pages, asked = await read(code, stream, without=frozenset([id_]))

    left = by_subject(pages, spec.subject)
    assert {w: r for w, r in left.items() if w != hidden} == {
        whose: records for whose, records in whole.items() if whose != hidden
    }
    if stream in ONE_BY_ONE[code]:
        assert any(names(each, id_) for each in asked_for_all)
        assert not any(names(each, id_) for each in asked)
        assert hidden not in left
        assert len(asked) <= len(asked_for_all)
        assert len(cuts_of(pages)) < len(cuts_of(everything))


@pytest.mark.parametrize(("code", "stream"), STREAMS)
async def test_what_one_lacks_is_what_the_whole_fleets_reading_tells_of_it(
    code: str, stream: str
) -> None:
    spec = stage(code).manifest.stream(stream)
    whole = by_subject(await stage(code).told(spec), spec.subject)
    wanted = max(whole, key=lambda whose: len(whole[whose]))

    pages, _ = await read(code, stream, subjects=(wanted.partition(":")[2],))

    assert by_subject(pages, spec.subject)[wanted] == whole[wanted]
    if stream in ONE_BY_ONE[code]:
        assert by_subject(pages, spec.subject).keys() == {wanted}


@pytest.mark.parametrize("stream", ["locations", "stats"])
async def test_geotabs_feeds_are_not_read_again_for_one_vehicle(stream: str) -> None:
    spec = stage("geotab").manifest.stream(stream)
    whole = by_subject(await stage("geotab").told(spec), "vehicle")
    (wanted, *_) = whole
    id_ = wanted.partition(":")[2]

    pages, asked = await read("geotab", stream, subjects=(id_,))

    assert by_subject(pages, "vehicle") == {wanted: whole[wanted]}
    methods = [msgspec.json.decode(each.body)["method"] for each in asked]
    assert "GetFeed" not in methods


async def test_nobody_wanted_is_nothing_asked_which_proves_no_permission() -> None:
    fleet = frozenset(card.id for card in stage("motive").world.vehicles)

    (page,), asked = await read("motive", "locations", without=fleet)

    assert (page.cuts, page.last, page.asked) == ([], True, False)
    assert not [each for each in asked if "/v3/vehicle_locations/" in each.path]
