"""Every commit boundary of a sync, and random instants: a worker that dies there costs nothing but a page."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests.sync.ward import NOON, Ward

# A dead worker was merging one page of a stream, of which nothing was kept.
MOST_AGAIN = 1
# A page of trips is a call for each vehicle; who they are is asked of the same path as the list of vehicles. One of
# half a day's positions or readings is a call for each quarter of it.
CALLS_A_PAGE = {
    "/samsara/v1/fleet/trips": 2,
    "/samsara/fleet/vehicles": 2,
    "/samsara/fleet/vehicles/stats/history": 4,
}
# The instants at which workers are killed at random; `make soak` asks for more.
INSTANTS = int(os.environ.get("MILEPOST_TEST_INSTANTS", "10"))
# One heir takes over from so many at once; 200 do not fit into the minute that a worker is allowed to live.
ORPHANS = 20
# Beyond its last commit a worker outlives its order.
MOST_COMMITS = 400
# The seed of those instants.
SEED = int(os.environ.get("MILEPOST_TEST_SEED", "7"))


async def settle(ward: Ward, control: dict[str, list[Any]]) -> Counter[str]:
    """Let one worker take over all that is left, and see that nothing tells it from what never died."""
    assert (await ward.order())["status"] == 0
    worst: Counter[str] = Counter()
    for login in list(ward.fleets)[1:]:
        await ward.assert_whole(login, control)
        worst |= ward.asked.again(login, "key-0")
    assert {
        stream: calls
        for stream, calls in worst.items()
        if calls > MOST_AGAIN * CALLS_A_PAGE.get(stream.partition(" ")[0], 1)
    } == {}
    return worst


async def undisturbed(ward: Ward) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Sync a fleet whose worker lives, and hold what is stored against the world."""
    login = await ward.admit()
    lived = await ward.order()
    contents, world = await ward.contents(login), ward.house.sandbox.world
    start = NOON - timedelta(days=0.5)
    truth = {
        (vehicle.id, fix.located_at)
        for vehicle in world.vehicles
        for window in world.held(vehicle.id, start, NOON, NOON)
        for fix in world.fixes(vehicle.id, *window)
    }
    assert {row[:2] for row in contents["position"] if row[1] >= start} == truth
    assert contents["orphaned"] == []
    return contents, lived


def tabled(title: str, figures: Mapping[str, object], again: Counter[str]) -> tuple[str, list[str]]:
    """Write figures as the table that the run prints at its end."""
    rows = {**figures, **{f"asked for again, at most: {stream}": n for stream, n in again.items()}}
    return title, [f"{name:<80} {value}" for name, value in rows.items()]


@pytest.mark.parametrize("lane", range(2))
async def test_a_worker_that_dies_at_any_commit_is_followed_by_one_that_completes_its_sync(
    ward: Ward, lane: int, record_property: Any
) -> None:
    """Every second commit a lane; of neighbours one dies before its commit, and one after."""
    control, lived = await undisturbed(ward)

    died = 0
    for point in range(1 + lane, MOST_COMMITS, 2):
        await ward.admit()
        end = await ward.order(at=point, edge="after" if point % 4 < 2 else "before")
        if end["status"] == 0:
            break
        assert end["status"] == -signal.SIGKILL
        died += 1
    again = await settle(ward, control)

    assert died >= lived["commits"] // 2 - 1
    figures = {"commits of the sync": lived["commits"], "workers killed": died}
    record_property("table", tabled(f"Killed at every commit, lane {lane + 1}", figures, again))
    record_property(
        "figure", f"killed at every second of {lived['commits']} commits, lane {lane + 1}"
    )


async def test_a_worker_that_dies_at_any_instant_is_followed_by_one_that_completes_its_sync(
    ward: Ward, record_property: Any
) -> None:
    control, lived = await undisturbed(ward)
    chance = random.Random(SEED)

    died = 0
    while died < INSTANTS:
        await ward.admit()
        end = await ward.order(after=chance.uniform(0.0, lived["seconds"]))
        died += end["status"] == -signal.SIGKILL
        if len(ward.fleets) % ORPHANS == 0:
            assert (await ward.order())["status"] == 0
    again = await settle(ward, control)

    figures = {"seed": SEED, "workers killed": died}
    record_property("table", tabled("Killed at random instants", figures, again))
    record_property("figure", f"killed at {died} random instants")
