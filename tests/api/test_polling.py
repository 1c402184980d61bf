"""Managed polling: live answers kept on a beat, served while they are fresh, and gone with their connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from tests.api.conftest import PUBLIC_URL, Client
from tests.api.test_deletion import delete, grace_over, left

from milepost import clock, ids
from milepost.api.app import build
from milepost.jobs import queue as jobs
from milepost.store import connections, live_answers
from milepost.store.live_answers import Due
from milepost.sync.live import Intervals
from milepost.sync.polling import Poller
from milepost.vault import ConnectionKey

if TYPE_CHECKING:
    from tests.api.conftest import Site

MINUTE = timedelta(minutes=1)
ALL: Intervals = {
    "vehicle_location": MINUTE,
    "trailer_location": MINUTE,
    "available_time": MINUTE,
}
PATHS = ("/vehicles/locations", "/trailers/locations", "/hos/available-time")


@pytest.fixture
async def polled(site: Site, fleet: Client) -> AsyncIterator[Client]:
    """The same fleet's client, of an installation that polls everything every minute."""
    queue = jobs.app(site.database.url)
    app = build(site.database, site.registry, queue, PUBLIC_URL, polled=ALL)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http:
        yield Client(http, fleet.keys, fleet.token)


def poller(site: Site, kinds: Intervals = ALL, hands: int = 4) -> Poller:
    return Poller(site.database, site.registry, kinds, hands=hands, public_url=PUBLIC_URL)


async def poll(site: Site, kinds: Intervals = ALL) -> int:
    """Poll what is due, as a worker's hand does."""
    hand = poller(site, kinds)
    await hand.enrol()
    return await hand.work()


async def hurry(site: Site) -> None:
    await site.run("update live_answer set due_at = now()")


async def polling_issues(client: Client) -> dict[str, dict[str, Any]]:
    return {
        each["error"]["code"]: each
        for each in await client.every("/issues")
        if each["error"]["code"].startswith("managed_poll")
    }


@pytest.mark.parametrize("path", PATHS)
async def test_what_was_polled_is_served_without_asking_the_provider(
    site: Site, polled: Client, path: str
) -> None:
    asked_at = clock.now()
    assert await poll(site) == 3
    before = site.provider_requests

    kept = await polled.get(path, raw="true")

    assert site.provider_requests == before
    assert kept.json()["results"]
    assert 0 <= int(kept.headers["age"]) < 60
    for each in kept.json()["results"]:
        (raw,) = each["raw"]
        assert asked_at - MINUTE < clock.parse(raw["extractedAt"]) <= clock.now()
    paged = await polled.every(path, limit=1)
    assert [{**each, "raw": []} for each in kept.json()["results"]] == [
        {**each, "raw": []} for each in paged
    ]


async def test_what_is_older_than_the_interval_is_asked_for_anew(
    site: Site, polled: Client
) -> None:
    await poll(site)
    await site.run("update live_answer set asked_at = now() - interval '61 seconds'")
    before = site.provider_requests

    fresh = await polled.get("/vehicles/locations")

    assert fresh.status_code == 200
    assert "age" not in fresh.headers
    assert site.provider_requests > before


async def test_without_the_setting_nothing_kept_is_served(site: Site, fleet: Client) -> None:
    await poll(site)
    before = site.provider_requests

    asked = await fleet.get("/vehicles/locations")

    assert "age" not in asked.headers
    assert site.provider_requests > before


async def test_an_answer_is_replaced_before_it_is_too_old(site: Site, polled: Client) -> None:
    await poll(site, {"vehicle_location": MINUTE})

    ((due_at, asked_at),) = await site.rows("select due_at, asked_at from live_answer")

    assert due_at - asked_at == MINUTE * 0.8
    assert await poll(site, {"vehicle_location": MINUTE}) == 0
    await hurry(site)
    assert await poll(site, {"vehicle_location": MINUTE}) == 1
    ((later,),) = await site.rows("select asked_at from live_answer")
    assert later > asked_at


@pytest.mark.parametrize("change", [{"syncMode": "manual"}, {"status": "archived"}])
async def test_only_connected_automatic_connections_are_polled(
    site: Site, polled: Client, change: dict[str, str]
) -> None:
    await polled.patch(change)
    assert await poll(site) == 0
    assert await site.rows("select kind from live_answer") == []

    await polled.patch({"status": "connected", "syncMode": "automatic"})
    assert await poll(site) == 3
    await polled.patch(change)
    await hurry(site)
    assert await poll(site) == 0
    before = site.provider_requests
    await polled.get("/vehicles/locations")
    assert (site.provider_requests > before) == ("syncMode" in change)


async def test_hands_and_workers_share_the_polls(site: Site, client: Client) -> None:
    for _ in range(4):
        await client.connect()
    first, second = poller(site), poller(site)
    await asyncio.gather(first.enrol(), second.enrol())
    before = site.provider_requests

    shares = await asyncio.gather(*(each.work() for each in [first, second, first, second]))

    assert sum(shares) == 12
    per_fleet = 4 + 1 + 1  # Three calls for vehicles and one for drivers; trailers; clocks.
    assert site.provider_requests - before == 4 * per_fleet


async def test_who_waits_for_the_longest_is_polled_first(site: Site, client: Client) -> None:
    made = [(await client.connect())["id"] for _ in range(3)]
    order = [made[1], made[2], made[0]]
    await poller(site).enrol()
    for place, each in enumerate(order):
        await site.run(
            "update live_answer set due_at = now() - make_interval(mins => %(ago)s)"
            " where connection_id = %(id)s",
            ago=10 - place,
            id=ids.read("connection", each),
        )
    kinds, lease = ["vehicle_location"], timedelta(minutes=5)

    async with site.database.session() as session:
        claimed = [await live_answers.claim(session, kinds, [], lease) for _ in range(4)]
        crowded = await live_answers.claim(session, ["available_time"], ["samsara"], lease)

    found = [ids.show("connection", each.connection_id) if each else None for each in claimed]
    assert found == [*order, None]
    assert crowded is None


async def test_a_failure_that_lasts_is_an_issue_until_it_works_again(
    site: Site, polled: Client
) -> None:
    await poll(site)
    kept = (await polled.get("/hos/available-time")).json()
    await site.fault(kind="broken")

    for failures in (1, 2, 3):
        assert await polling_issues(polled) == {}
        await hurry(site)
        assert await poll(site) == 3
        rows = await site.rows("select failures, due_at > now() from live_answer")
        assert rows == [(failures, True)] * 3

    issues = await polled.every("/issues", errorCode="managed_poll_failed")
    assert [each["status"] for each in issues] == ["ongoing"] * 3
    assert {each["resolutionType"] for each in issues} == {"automatic_retry"}
    assert any("how much time drivers have left" in each["error"]["message"] for each in issues)
    assert (await polled.get("/hos/available-time")).json() == kept
    site.sandbox.faults.clear()
    await hurry(site)
    await poll(site)
    issues = await polled.every("/issues", errorCode="managed_poll_failed")
    assert [each["status"] for each in issues] == ["resolved"] * 3
    assert await site.rows("select failures from live_answer") == [(0,)] * 3


async def test_a_missing_permission_is_told_at_once(site: Site, polled: Client) -> None:
    await site.fault(kind="scope_revoked", path="*/fleet/trailers/stats")

    await poll(site)

    (issue,) = await polled.every("/issues")
    assert (issue["error"]["code"], issue["status"]) == ("permission_missing", "ongoing")
    assert issue["resolutionType"] == "action_required"
    assert "Read Trailer Statistics" in issue["error"]["message"]
    ((wait,),) = await site.rows(
        "select due_at - now() from live_answer where kind = 'trailer_location'"
    )
    assert wait > timedelta(minutes=14)
    site.sandbox.faults.clear()
    await hurry(site)
    await poll(site)
    (issue,) = await polled.every("/issues")
    assert issue["status"] == "resolved"


async def test_an_answer_without_anything_in_it_is_an_issue(site: Site, polled: Client) -> None:
    await site.fault(
        kind="vehicles_missing", vehicles=[each.id for each in site.sandbox.world.vehicles]
    )

    await poll(site, {"vehicle_location": MINUTE})

    (issue,) = (await polling_issues(polled)).values()
    assert issue["error"]["code"] == "managed_poll_returned_no_data"
    assert (await polled.get("/vehicles/locations")).json() == {"results": []}
    site.sandbox.faults.clear()
    await hurry(site)
    await poll(site, {"vehicle_location": MINUTE})
    assert (await polling_issues(polled))["managed_poll_returned_no_data"]["status"] == "resolved"


async def test_a_provider_that_asks_to_wait_gets_its_wait(site: Site, polled: Client) -> None:
    await site.fault(kind="throttled", seconds=900)

    await poll(site, {"available_time": MINUTE})

    ((wait, failures),) = await site.rows("select due_at - now(), failures from live_answer")
    assert failures == 0
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)
    assert await polling_issues(polled) == {}


async def test_a_lost_login_disconnects_once_and_ends_the_polls(site: Site, polled: Client) -> None:
    await site.fault(kind="token_revoked")

    assert await poll(site) == 1

    shown = (await polled.get("/connections/current")).json()
    assert shown["status"] == "disconnected"
    told = await site.rows("select count(*) from event where type = 'connection.disconnected'")
    assert told == [(1,)]
    await hurry(site)
    assert await poll(site) == 0


async def test_nothing_polled_is_left_of_a_deleted_connection(site: Site, polled: Client) -> None:
    made = (await polled.get("/connections/current")).json()
    await poll(site)
    assert (await left(site, made["id"]))["live_answer"] == 3

    await delete(polled)
    await hurry(site)
    assert await poll(site) == 0
    assert await grace_over(site) == 1

    assert await left(site, made["id"]) == {"event": 1}
    assert await poll(site) == 0
    assert await left(site, made["id"]) == {"event": 1}


async def test_an_answer_that_comes_after_a_deletion_was_asked_for_is_not_kept(
    site: Site, polled: Client
) -> None:
    made = (await polled.get("/connections/current")).json()
    await poll(site)
    before = await site.rows("select sealed from live_answer order by kind")
    connection_id = ids.read("connection", made["id"])
    async with site.database.session() as session:
        row = await connections.get(session, connection_id)
    assert row is not None
    key = ConnectionKey(site.database.vault.open(row.sealed_key))
    await delete(polled)

    async with site.database.session() as session:
        due = Due(connection_id, "available_time", 0)
        now = clock.now()
        kept = await live_answers.keep(
            session, connection_id, key, due, [], asked_at=now, due_at=now
        )

    assert not kept
    assert await site.rows("select sealed from live_answer order by kind") == before


async def test_what_is_kept_cannot_be_read_without_the_connections_key(
    site: Site, polled: Client
) -> None:
    await poll(site)

    stored = await site.rows("select t::text from live_answer t")

    names = [each.name for each in site.sandbox.world.trailers]
    assert not [name for (row,) in stored for name in names if name in row]
    assert len({bytes(row[0]) for row in await site.rows("select sealed from live_answer")}) == 3


@pytest.mark.parametrize("change", [{"syncMode": "manual"}, {"status": "archived"}, None])
async def test_what_is_no_longer_polled_is_dropped(
    site: Site, polled: Client, change: dict[str, str] | None
) -> None:
    await poll(site)
    await poller(site).sweep()
    assert len(await site.rows("select kind from live_answer")) == 3

    if change is None:
        await poller(site, {"available_time": MINUTE}).sweep()
    else:
        await polled.patch(change)
        await poller(site).sweep()

    kinds = [row[0] for row in await site.rows("select kind from live_answer")]
    assert kinds == (["available_time"] if change is None else [])
