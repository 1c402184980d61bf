"""A fleet of Motive's, from its login to its reading over the API: what the simulated world holds of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.conftest import Client, Site

from milepost import clock

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
START = NOON - timedelta(days=2)
LOGIN = {"apiKey": "any"}
LISTS = (
    "/groups", "/vehicles", "/drivers", "/devices", "/trailers", "/trips", "/hos/logs",
    "/hos/daily-logs", "/safety/events", "/fault-codes/events", "/vehicles/locations",
    "/hos/available-time", "/trailers/locations",
)  # fmt: skip


async def test_a_fleet_is_linked_synced_and_read_and_a_second_sync_adds_nothing(
    site: Site, client: Client
) -> None:
    with clock.held_at(NOON):
        made = await client.connect(provider="motive", credentials=LOGIN, backfill={"days": 2})
        await site.work()
        fleet = client.as_(made["token"])
        first = {path: await fleet.every(path) for path in LISTS}
        counts = await held(site)
        (sync,) = await fleet.every("/syncs")
        await fleet.post("/syncs", {})
        await site.work()
        second = {path: await fleet.every(path) for path in LISTS}
        syncs = await fleet.every("/syncs")

    card = site.sandbox.world.fleet
    assert (made["sourceId"], made["account"]["name"]) == (card.account_id, card.name)
    assert (sync["status"], sync.get("issues", [])) == ("completed", [])
    assert [each["status"] for each in syncs] == ["completed", "completed"]
    assert second == first
    assert await held(site) == counts
    agrees_with_the_world(site, first, counts)


def agrees_with_the_world(
    site: Site, told: dict[str, list[dict[str, Any]]], counts: dict[str, int]
) -> None:
    world = site.sandbox.world
    assert {v["name"] for v in told["/vehicles"]} == {card.name for card in world.vehicles}
    assert {d["username"] for d in told["/drivers"]} == {card.username for card in world.drivers}
    assert {t["sourceId"] for t in told["/trailers"]} == {card.id for card in world.trailers}
    assert {g["sourceId"] for g in told["/groups"]} == {card.id for card in world.groups}
    ids = {v["sourceId"]: v["id"] for v in told["/vehicles"]}
    assert sorted((t["vehicle"], t["startedAt"], t["endedAt"]) for t in told["/trips"]) == sorted(
        (ids[v.id], whole(trip.starts_at), whole(trip.ends_at))
        for v in world.vehicles
        for trip in world.trips(v.id, START, NOON, NOON)
        if trip.starts_at >= START
    )
    assert len(told["/safety/events"]) == sum(
        incident.kind != "other" for incident in world.incidents(START, NOON, NOON)
    )
    assert {each["vehicle"] for each in told["/vehicles/locations"]} == {
        ids[v.id] for v in world.vehicles if world.latest_fix(v.id, NOON)
    }
    assert told["/hos/logs"]
    assert told["/hos/daily-logs"]
    assert counts["position"] == sum(
        fix.located_at.replace(microsecond=0) >= START
        for v in world.vehicles
        for window in world.held(v.id, START, NOON, NOON)
        for fix in world.fixes(v.id, *window)
    )


def whole(at: datetime) -> str:
    return clock.iso(at.replace(microsecond=0))


async def test_a_key_that_cannot_be_one_is_said_at_once(site: Site, client: Client) -> None:
    body: dict[str, Any] = {"provider": "motive", "credentials": {"apiKey": "two words"}}

    answer = await client.post("/connections", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_credentials")
    assert "two words" not in answer.text


async def held(site: Site) -> dict[str, int]:
    tables = ("position", "stat", "document", "raw", "issue", "set_aside")
    return {table: (await site.rows(f"select count(*) from {table}"))[0][0] for table in tables}
