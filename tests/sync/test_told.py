"""Over whole syncs: no change without its event, and no event without its change."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.sync.house import House

from milepost import clock, ids

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
TOLD = {"vehicle": "vehicle", "driver": "driver", "safety_event": "safetyEvent"}


async def live_through(house: House) -> None:
    """Sync a fleet again and again, in the course of which records come, change, leave and return."""
    with clock.held_at(NOON):
        await house.sync(days=3)
    gone = house.sandbox.world.vehicles[0].id
    for hours in (2, 5, 26, 30, 50, 74):
        house.sandbox.faults.clear()
        if hours in (26, 30):
            await house.fault(kind="vehicles_missing", vehicles=[gone])
        with clock.held_at(NOON + timedelta(hours=hours)):
            assert (await house.sync()).status == "completed"


async def told(house: House, *types: str) -> list[tuple[str, dict[str, Any], datetime]]:
    return await house.rows(
        "select type, detail, at from event where type = any(%s) order by place", list(types)
    )


@pytest.mark.parametrize("model", ["vehicle", "driver", "safety_event"])
async def test_events_replayed_in_their_order_give_what_is_stored(house: House, model: str) -> None:
    await live_through(house)

    state: dict[str, dict[str, Any]] = {}
    kinds: list[str] = []
    for type_, detail, _ in await told(
        house, *(f"{model}.{k}" for k in ("added", "modified", "removed"))
    ):
        shown = detail[TOLD[model]]
        kinds.append(type_)
        known = state.get(shown["id"])
        assert (known is None) == type_.endswith(".added"), type_
        assert shown != known, "an event without a change"
        if known is not None:
            assert known["metadata"]["modifiedAt"] < shown["metadata"]["modifiedAt"]
        state[shown["id"]] = shown
    stored = await house.rows(
        "select id, body, added_at, modified_at, deleted_at from document where model = %s", model
    )
    assert len(stored) == len(state) > 0
    for id_, body, added_at, modified_at, deleted_at in stored:
        shown = state[ids.show(model, id_)]
        metadata = shown.pop("metadata")
        assert shown == body
        assert metadata["addedAt"] == clock.iso(added_at)
        assert metadata["modifiedAt"] == clock.iso(modified_at)
        assert metadata.get("deletedAt") == (clock.iso(deleted_at) if deleted_at else None)
    if model == "vehicle":
        assert kinds.count("vehicle.removed") == 1
        assert kinds.count("vehicle.modified") >= 1


async def test_positions_are_told_when_the_newest_advances_and_never_for_history(
    house: House,
) -> None:
    await live_through(house)

    newest: dict[str, list[str]] = defaultdict(list)
    commits: list[tuple[str, datetime]] = []
    for _, detail, at in await told(house, "vehicle.location_updated"):
        location = detail["location"]
        newest[location["vehicle"]].append(location["locatedAt"])
        commits.append((location["vehicle"], at))
    assert len(commits) == len(set(commits)), "one vehicle was told of twice in one commit"
    assert newest
    for times in newest.values():
        assert all(before < after for before, after in pairwise(times))
    stored = await house.rows("select vehicle_id, max(located_at) from position group by 1")
    assert {ids.show("vehicle", v): clock.iso(at) for v, at in stored} == {
        vehicle: times[-1] for vehicle, times in newest.items()
    }
    assert len(commits) < await house.count("position") / 10


async def test_what_an_application_has_switched_off_is_not_told(house: House) -> None:
    await house.rows("update application set events_off = '{safety_event.added}' returning id")

    await live_through(house)

    assert not await told(house, "safety_event.added")
    assert await told(house, "vehicle.location_updated")
    assert await house.count("document where model = 'safety_event'") > 0


async def test_places_of_one_connections_events_rise_with_its_commits(house: House) -> None:
    await live_through(house)

    rows = await house.rows("select place, at, type from event order by place")

    stamped = [at for _, at, type_ in rows if type_.partition(".")[0] in TOLD]
    assert stamped == sorted(stamped)


async def test_an_event_is_of_the_transaction_that_wrote_its_change(house: House) -> None:
    await house.fault(kind="scope_revoked", path="*/tags")
    await live_through(house)

    # Nobody has numbered them yet, so that each still bears the transaction that wrote it.
    wrote: dict[str, str] = {}
    for detail, transaction in await house.rows(
        "select detail, xmin::text from event where type <> 'vehicle.location_updated' order by place"
    ):
        for name, shown in detail.items():
            if name != "connection":
                wrote[shown["id"]] = transaction
    rows = {
        model: await house.rows(
            "select id, xmin::text from document where model = %s", model
        )
        for model in TOLD
    }  # fmt: skip
    rows["sync"] = await house.rows("select id, xmin::text from sync")
    rows["issue"] = await house.rows("select id, xmin::text from issue where status = 'resolved'")
    for model, found in rows.items():
        assert found, model
        for id_, transaction in found:
            assert wrote[ids.show(model, id_)] == transaction, model
