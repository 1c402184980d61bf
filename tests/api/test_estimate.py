"""A dry run says what a sync would take, starts nothing, and is near what the sync then takes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.conftest import Client, Site

from milepost import clock

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)


async def estimate(client: Client, **wish: Any) -> dict[str, Any]:
    answer = await client.post("/syncs/estimate", wish)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by_stream(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {each["stream"]: each.get(name) for each in found["streams"]}


async def test_an_estimate_asks_nothing_of_the_provider_and_starts_nothing(
    site: Site, synced: Client
) -> None:
    requests, syncs = site.provider_requests, await synced.every("/syncs")

    found = await estimate(synced, days=30)

    assert found["calls"] > 30
    assert min(found["records"], found["bytes"], found["seconds"]) > 0
    assert site.provider_requests == requests
    assert await synced.every("/syncs") == syncs
    assert (await synced.post("/syncs/estimate", {"days": -1})).status_code == 400
    future = clock.iso(clock.now() + timedelta(days=1))
    assert (await synced.post("/syncs/estimate", {"startFrom": future})).status_code == 400


async def test_before_anything_was_read_an_ordinary_fleet_is_the_measure(
    site: Site, client: Client
) -> None:
    fleet = client.as_((await client.connect(backfill={"days": 0}))["token"])

    found = await estimate(fleet, days=7)

    assert found["calls"] >= 7
    assert found["vehicles"] == found["drivers"] == 0
    assert "typical" in by_stream(found, "basis").values()


async def test_what_a_sync_takes_is_near_what_was_estimated(site: Site, client: Client) -> None:
    with clock.held_at(NOON):
        fleet = client.as_((await client.connect(backfill={"days": 2}))["token"])
        await site.work()
        found = await estimate(fleet, days=6)
        before = site.provider_requests
        sync = (await fleet.post("/syncs", {"days": 6})).json()
        await site.work()
        taken = site.provider_requests - before

    ended = (await fleet.get(f"/syncs/{sync['id']}/streams")).json()["results"]
    records = sum(each["records"] for each in ended)
    # Weekends are quieter than the days that were measured.
    assert math.isclose(found["calls"], taken, rel_tol=0.5)
    assert math.isclose(found["records"], records, rel_tol=0.5)


async def test_what_is_held_costs_nothing_and_refetching_it_costs_it_again(
    site: Site, client: Client
) -> None:
    with clock.held_at(NOON):
        fleet = client.as_((await client.connect(backfill={"days": 3}))["token"])
        await site.work()
        again, forced = await estimate(fleet, days=3), await estimate(fleet, days=3, refetch=True)
        counted = await site.rows("select count(*), max(modified_at) from position")
        before = len(site.sandbox.log.show(each=True)["each"])
        await fleet.post("/syncs", {"days": 3})
        await site.work()
        between = len(site.sandbox.log.show(each=True)["each"])
        await fleet.post("/syncs", {"days": 3, "refetch": True})
        await site.work()

    log = [each["path"].rpartition("/")[2] for each in site.sandbox.log.show(each=True)["each"]]
    assert "history" not in log[before:between]
    assert "history" in log[between:]
    assert sum(by_stream(again, "slices").values()) < sum(by_stream(forced, "slices").values())
    assert again["calls"] < forced["calls"]
    # What was fetched again is what it was: no row of it is new or changed.
    assert await site.rows("select count(*), max(modified_at) from position") == counted
