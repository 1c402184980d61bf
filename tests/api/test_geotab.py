"""A fleet of Geotab's, from its login to its reading over the API: what the simulated world holds of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.conftest import Client, Site

from milepost import clock

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
LOGIN = {"username": "milepost@fleet.example", "password": "any"}
LISTS = (
    "/groups", "/vehicles", "/drivers", "/devices", "/trailers", "/trips", "/hos/logs",
    "/hos/daily-logs", "/safety/events", "/fault-codes/events",
)  # fmt: skip


async def test_a_fleet_is_linked_synced_and_read_and_a_second_sync_adds_nothing(
    site: Site, client: Client
) -> None:
    with clock.held_at(NOON):
        made = await client.connect(provider="geotab", credentials=LOGIN, backfill={"days": 2})
        await site.work()
        fleet = client.as_(made["token"])
        first = {path: await fleet.every(path) for path in LISTS}
        counts = await held(site)
        (sync,) = await fleet.every("/syncs")
        await fleet.post("/syncs", {})
        await site.work()
        second = {path: await fleet.every(path) for path in LISTS}
        syncs = await fleet.every("/syncs")

    assert (made["sourceId"], made["account"]["name"]) == ("prairie_star", "prairie_star")
    assert (sync["status"], sync.get("issues", [])) == ("completed", [])
    assert [each["status"] for each in syncs] == ["completed", "completed"]
    assert second == first
    assert await held(site) == counts
    world = site.sandbox.world
    start = NOON - timedelta(days=2)
    assert {v["name"] for v in first["/vehicles"]} == {card.name for card in world.vehicles}
    assert {d["username"] for d in first["/drivers"]} == {card.username for card in world.drivers}
    assert len(first["/trailers"]) == len(world.trailers)
    assert len(first["/groups"]) == len(world.groups) + 1
    trips = {t["sourceId"] for t in first["/trips"]}
    assert trips >= {
        f"b{int(v.id):X}:{clock.iso(trip.starts_at)}"
        for v in world.vehicles
        for trip in world.trips(v.id, start, NOON, NOON)
        if trip.starts_at >= start
    }
    assert first["/hos/logs"]
    assert first["/hos/daily-logs"]
    assert counts["position"] == sum(
        len(world.fixes(v.id, *window))
        for v in world.vehicles
        for window in world.held(v.id, start, NOON, NOON)
    )


async def test_a_wrong_password_is_said_at_once(site: Site, client: Client) -> None:
    body: dict[str, Any] = {"provider": "geotab", "credentials": {**LOGIN, "password": "wrong"}}

    answer = await client.post("/connections", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_credentials")
    assert "wrong" not in answer.text


async def held(site: Site) -> dict[str, int]:
    tables = ("position", "stat", "document", "raw", "issue", "set_aside")
    return {table: (await site.rows(f"select count(*) from {table}"))[0][0] for table in tables}
