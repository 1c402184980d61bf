"""Webhooks of providers: signed, written down before they are acknowledged, and never more than a hint to fetch."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx2
import pytest
from tests.api.conftest import CADENCE, Client, Site

from milepost import clock, ids
from milepost.sync.request import Desk
from milepost.sync.schedule import request_due

SECRET = base64.b64encode(b"a secret of this webhook's own").decode()
PATH = "/connections/current/provider-webhook"
NEWS = {
    "eventId": "1",
    "eventType": "VehicleUpdated",
    "data": {"vehicle": {"id": "281", "name": "Forged"}},
}


def signed(body: bytes, secret: str = SECRET, age: float = 0) -> dict[str, str]:
    """Sign as Samsara documents it."""
    at = str(int(clock.now().timestamp() - age))
    mac = hmac.new(base64.b64decode(secret), f"v1:{at}:".encode() + body, hashlib.sha256)
    return {"X-Samsara-Timestamp": at, "X-Samsara-Signature": f"v1={mac.hexdigest()}"}


class Hinted:
    """A fleet whose provider may hint, and the provider's side of it."""

    def __init__(self, site: Site, fleet: Client, url: str) -> None:
        self.site = site
        self.fleet = fleet
        self.path = url.removeprefix("https://milepost.test")

    async def send(self, body: bytes = json.dumps(NEWS).encode(), **sign: Any) -> httpx2.Response:
        return await self.post(body, signed(body, **sign))

    async def post(self, body: bytes, headers: dict[str, str], path: str = "") -> httpx2.Response:
        return await self.site.http.post(path or self.path, content=body, headers=headers)

    async def due(self) -> bool:
        rows = await self.site.rows(
            "select next_sync_at <= clock_timestamp() + interval '61 seconds' from connection"
        )
        return bool(rows[0][0])

    async def tick(self) -> int:
        """Let the schedule look, once a minute has passed."""
        await self.site.run(
            "update connection set next_sync_at = next_sync_at - interval '61 seconds'"
        )
        desk = Desk(self.site.registry, self.site.queue)
        async with self.site.queue.open_async():
            return await request_due(self.site.database, desk, CADENCE)

    async def held(self) -> list[Any]:
        return await self.site.rows(
            "select model, id, body, modified_at from document order by 1, 2"
        )


@pytest.fixture
async def hinted(site: Site, client: Client) -> Hinted:
    made = await client.connect(backfill={"days": 0.2})
    await site.work()
    fleet = client.as_(made["token"])
    answer = await fleet.post(PATH, {"secret": SECRET})
    assert answer.status_code == 200, answer.text
    return Hinted(site, fleet, answer.json()["url"])


async def test_a_genuine_hint_lets_the_next_sync_come_soon_and_takes_no_data(
    hinted: Hinted,
) -> None:
    before = await hinted.held()
    assert not await hinted.due()

    answer = await hinted.send()

    assert (answer.status_code, answer.content) == (204, b"")
    assert await hinted.due()
    assert await hinted.tick() == 1
    await hinted.site.work()
    syncs = await hinted.fleet.every("/syncs")
    assert [each["status"] for each in syncs] == ["completed", "completed"]
    assert b"Forged" not in json.dumps(await hinted.fleet.every("/vehicles")).encode()
    assert {row[1] for row in await hinted.held()} >= {row[1] for row in before}


async def test_hints_that_come_again_or_out_of_order_change_nothing_more(hinted: Hinted) -> None:
    late = json.dumps({**NEWS, "eventId": "0"}).encode()
    first = signed(late)
    assert (await hinted.send()).status_code == 204
    state = await hinted.site.rows("select next_sync_at from connection")

    for _ in range(3):
        assert (await hinted.post(late, first)).status_code == 204

    assert await hinted.site.rows("select next_sync_at from connection") == state
    assert await hinted.tick() == 1
    assert await hinted.tick() == 0


async def test_a_hint_that_comes_while_a_sync_is_at_work_is_followed_by_another(
    hinted: Hinted,
) -> None:
    await hinted.fleet.post("/syncs", {"days": 0})
    assert (await hinted.send()).status_code == 204
    assert await hinted.tick() == 1  # It finds one at work.
    await hinted.site.work()

    assert await hinted.due()
    assert await hinted.tick() == 1
    await hinted.site.work()

    assert len(await hinted.fleet.every("/syncs")) == 3


async def test_what_is_not_genuine_is_answered_alike_and_brings_nothing_about(
    hinted: Hinted, client: Client
) -> None:
    body = json.dumps(NEWS).encode()
    good = signed(body)
    other = base64.b64encode(b"another webhook's own secret").decode()
    unknown = f"/hooks/{ids.show('connection', ids.new())}"
    large = b"x" * 1_000_001
    answers = [
        await hinted.post(body, {}),
        await hinted.post(body + b" ", good),
        await hinted.post(body, signed(body, secret=other)),
        await hinted.post(body, signed(body, age=600)),
        await hinted.post(body, {**good, "X-Samsara-Timestamp": "nan"}),
        await hinted.post(body, {**good, "X-Samsara-Signature": "v1="}),
        await hinted.post(body, good, path=unknown),
        await hinted.post(body, good, path="/hooks/x"),
        await hinted.post(large, signed(large)),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert not await hinted.due()
    gone = await hinted.fleet.ask("DELETE", PATH)
    assert gone.status_code == 204
    assert (await hinted.send()).status_code == 401
    assert (await hinted.fleet.ask("DELETE", PATH)).status_code == 404


async def test_the_secret_is_sealed_and_goes_with_the_connection(hinted: Hinted) -> None:
    rows = await hinted.site.rows("select sealed_secret from provider_webhook")
    assert SECRET.encode() not in rows[0][0]
    text = await hinted.site.rows("select w::text from provider_webhook w")
    assert SECRET not in text[0][0]
    for wrong in ({}, {"secret": "short"}, {"secret": "with a space in it, long"}, {"secret": 1}):
        assert (await hinted.fleet.post(PATH, wrong)).status_code == 400

    await hinted.fleet.ask("DELETE", "/connections/current")
    await hinted.site.run("update connection set status = 'deleting'")
    assert (await hinted.send()).status_code == 401


async def test_a_provider_whose_webhooks_are_not_read_says_so(site: Site, client: Client) -> None:
    made = await client.connect(provider="tt-eld", credentials={
        "apiKey": "k", "providerToken": "t", "usdot": "1",
    })  # fmt: skip

    answer = await client.as_(made["token"]).post(PATH, {"secret": SECRET})

    assert (answer.status_code, answer.json()["code"]) == (501, "not_implemented")
