"""Every provider that is installed: a fleet of it is linked, synced and read over the API, without a line of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api.conftest import Client, Site

from milepost import clock
from milepost.kit import registry

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
KNOWN = registry.load()
PLATFORMS = [
    code
    for code in KNOWN.codes
    if KNOWN.manifest(code).base_code is None and KNOWN.manifest(code).streams
]


def login(code: str) -> dict[str, str]:
    return {
        field.name: "any" if field.secret else "someone@fleet.example"
        for field in KNOWN.manifest(code).logins[0]
    }


async def held(site: Site) -> list[Any]:
    return await site.rows(
        "select (select count(*) from document), (select count(*) from document_version),"
        " (select count(*) from position), (select count(*) from stat)"
    )


@pytest.mark.parametrize("code", PLATFORMS)
async def test_a_fleet_is_linked_synced_and_read_and_a_second_sync_adds_nothing(
    site: Site, client: Client, code: str
) -> None:
    with clock.held_at(NOON):
        made = await client.connect(provider=code, credentials=login(code), backfill={"days": 1})
        await site.work()
        fleet = client.as_(made["token"])
        counts = await held(site)
        await fleet.post("/syncs", {"days": 1})
        await site.work()
        syncs = await fleet.every("/syncs")
        vehicles = await fleet.every("/vehicles")
        latest = await fleet.every("/vehicles/locations")
        located = [
            each
            for vehicle in vehicles
            for each in await fleet.every(f"/vehicles/{vehicle['id']}/locations")
        ]

    world = site.sandbox.world
    assert [(each["status"], each["issues"]) for each in syncs] == [("completed", [])] * 2
    assert await held(site) == counts
    assert {each["name"] for each in vehicles} == {card.name for card in world.vehicles}
    assert {each["provider"] for each in vehicles} == {code}
    heard_of = {card.id for card in world.vehicles if world.latest_fix(card.id, NOON)}
    assert len(latest) == len(heard_of) > 0
    assert located
    assert {each["vehicle"] for each in located} <= {each["id"] for each in vehicles}
