"""What changes at a provider is told as what it is: changed cards, people who leave and return, reviews, positions."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.sync.house import House

from milepost import clock, ids

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def told(house: House) -> list[tuple[str, dict[str, Any]]]:
    """Take the events that were told since the last look."""
    rows = await house.rows("select type, detail from event order by place")
    await house.rows("delete from event returning id")
    return rows


@pytest.mark.parametrize("model", ["vehicle", "driver"])
async def test_who_is_changed_leaves_and_returns_is_told_of_alone(house: House, model: str) -> None:
    world = house.sandbox.world
    cards = f"{model}s"
    at = NOON

    async def after(*whose: Any) -> list[tuple[str, str]]:
        """Let the provider list these, sync, and return what was told of them."""
        setattr(world, cards, list(whose))
        nonlocal at
        at += HOUR
        with clock.held_at(at):
            assert (await house.sync()).status == "completed"
        return [
            (type_, detail[model]["sourceId"])
            for type_, detail in await told(house)
            if type_.startswith(f"{model}.") and model in detail
        ]

    # Nobody has driven with a driver who is not active: no other record names them.
    first = next(each for each in getattr(world, cards) if not getattr(each, "active", False))
    others = [each for each in getattr(world, cards) if each != first]
    listed = await after(first, *others)
    assert sorted(listed) == sorted((f"{model}.added", each.id) for each in (first, *others))
    assert await after(first, *others) == []
    renamed = msgspec.structs.replace(first, name="Another name")
    assert await after(renamed, *others) == [(f"{model}.modified", first.id)]
    # One listing without it may be a mistake of the provider's; two are none.
    assert await after(*others) == []
    assert await after(*others) == [(f"{model}.removed", first.id)]
    assert await after(*others) == []
    assert await after(renamed, *others) == [(f"{model}.modified", first.id)]


async def test_a_safety_event_is_told_when_it_happens_and_when_it_changes(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=3)
    for hours in (5, 30, 54, 78):
        with clock.held_at(NOON + hours * HOUR):
            assert (await house.sync()).status == "completed"

    kinds: Counter[str] = Counter()
    known: set[str] = set()
    for type_, detail in await told(house):
        if type_.startswith("safety_event."):
            kinds[type_] += 1
            shown = detail["safetyEvent"]["id"]
            assert (shown in known) == (type_ == "safety_event.modified")
            known.add(shown)
    assert kinds["safety_event.added"] == await house.count("document where model = 'safety_event'")
    assert kinds["safety_event.modified"] > 0


async def test_a_longer_backfill_tells_of_no_position(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=1)
        before = await house.count("position")
        assert [t for t, _ in await told(house) if t == "vehicle.location_updated"]
        assert (await house.sync(days=4)).status == "completed"
        assert await house.count("position") > 2 * before
        assert not [t for t, _ in await told(house) if t == "vehicle.location_updated"]

    with clock.held_at(NOON + HOUR):
        await house.sync()
    moved = [d["location"]["vehicle"] for t, d in await told(house) if t == "vehicle.location_updated"]  # fmt: skip
    active = await house.rows(
        "select distinct vehicle_id from position where located_at > %s", NOON
    )
    assert set(moved) == {ids.show("vehicle", row[0]) for row in active}


@pytest.mark.parametrize("off", ["vehicle.location_updated", "safety_event.added"])
async def test_what_is_switched_off_is_not_told_and_all_else_is(house: House, off: str) -> None:
    await house.rows("update application set events_off = %s returning id", [off])
    with clock.held_at(NOON):
        await house.sync(days=3)

    seen = {type_ for type_, _ in await told(house)}
    assert {"vehicle.location_updated", "safety_event.added"} - seen == {off}
    assert await house.count("position") > 0
    assert await house.count("document where model = 'safety_event'") > 0
