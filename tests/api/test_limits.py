"""Limits of the API: several processes on one database keep them together, and say how long to wait."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx2
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost import ids
from milepost.api.app import build
from milepost.api.sender import networks
from milepost.api.throttle import Limits
from milepost.cli.caller import Caller
from milepost.jobs import queue as jobs
from milepost.sandbox.serving import serving
from milepost.store import allowances
from milepost.store.pool import Database

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site


@contextlib.asynccontextmanager
async def instances(
    site: Site, count: int, **limits: Any
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Run more instances of the API on the site's database, each with a pool and limits of its own."""
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            database = Database(site.database.url, site.database.vault, pool_size=2)
            app = build(
                database, site.registry, jobs.app(database.url), "https://milepost.test",
                limits=Limits(**limits),
            )  # fmt: skip
            await stack.enter_async_context(app.lifespan())
            transport = httpx2.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
            client = httpx2.AsyncClient(transport=transport, base_url="http://api.test")
            clients.append(await stack.enter_async_context(client))
        yield clients


async def flood(
    clients: list[httpx2.AsyncClient], path: str, requests: int, headers: dict[str, str]
) -> tuple[list[httpx2.Response], float]:
    """Send requests to each instance at once, a few at a time; return the answers and the seconds it took."""
    found: list[httpx2.Response] = []

    async def send(client: httpx2.AsyncClient) -> None:
        for _ in range(requests):
            answer = await client.get(f"/tsp/v1{path}", headers=headers)
            found.append(answer)

    begun = time.monotonic()
    await asyncio.gather(*(send(client) for client in clients for _ in range(3)))
    return found, time.monotonic() - begun


def refused(answers: list[httpx2.Response], wanted: int = 200) -> list[httpx2.Response]:
    """Check that every answer is the wanted one or a refusal as the contract has it; return the refusals."""
    found = [each for each in answers if each.status_code == 429]
    assert {each.status_code for each in answers} <= {wanted, 429}
    for each in found:
        body = each.json()
        assert body["code"] == "too_many_requests"
        assert body["message"] == "Too Many Requests"
        assert body["retryAfter"] == int(each.headers["retry-after"]) >= 1
    return found


async def test_two_instances_keep_the_limit_of_a_connection_together(
    site: Site, fleet: Client
) -> None:
    async with instances(site, 2, connection=20) as clients:
        answers, seconds = await flood(clients, "/connections/current", 60, fleet.headers)

        good = len(answers) - len(refused(answers))
        assert 20 <= good <= 20 * (seconds + 2) + 2 * 2

        other = await fleet.connect()
        stranger = fleet.as_(other["token"])
        answer = await clients[0].get("/tsp/v1/connections/current", headers=stranger.headers)
        assert answer.status_code == 200


async def test_an_application_is_limited_over_all_of_its_connections(
    site: Site, fleet: Client
) -> None:
    async with instances(site, 2, application=20) as clients:
        answers, seconds = await flood(clients, "/connections", 60, fleet.headers)

        good = len(answers) - len(refused(answers))
        assert 20 <= good <= 20 * (seconds + 2) + 2 * 2
        assert refused([await clients[1].get("/tsp/v1/connections/current", headers=fleet.headers)])


async def test_who_waits_as_told_is_served_again(site: Site, fleet: Client) -> None:
    async with instances(site, 1, connection=2) as clients:
        answers, _ = await flood(clients, "/connections/current", 5, fleet.headers)
        (first, *_) = refused(answers)

        await asyncio.sleep(int(first.headers["retry-after"]))

        answer = await clients[0].get("/tsp/v1/connections/current", headers=fleet.headers)
        assert answer.status_code == 200


async def test_without_a_valid_key_an_address_is_limited(site: Site, fleet: Client) -> None:
    trusted = networks(["127.0.0.1"])
    async with instances(site, 2, address=5, trusted_proxies=trusted) as clients:
        known = {"X-Forwarded-For": "6.6.6.6, 198.51.100.1"}
        answers, seconds = await flood(clients, "/providers", 20, known)
        assert 5 <= len(answers) - len(refused(answers)) <= 5 * (seconds + 2) + 2

        bad = {**known, "Authorization": "Bearer sk_prod_nobody"}
        assert refused([await clients[0].get("/tsp/v1/vehicles", headers=bad)], 401)
        # Neither whoever has a key, nor another address, pays for that.
        assert (
            await clients[0].get("/tsp/v1/vehicles", headers={**known, **fleet.headers})
        ).status_code == 200
        other = {"X-Forwarded-For": "198.51.100.1, 6.6.6.6"}
        assert (await clients[0].get("/tsp/v1/providers", headers=other)).status_code == 200


async def test_pages_of_a_past_month_are_limited_and_those_of_this_month_are_free(
    site: Site, synced: Client
) -> None:
    vehicle = (await synced.get("/vehicles")).json()["results"][0]["id"]
    path = f"/vehicles/{vehicle}"
    async with instances(site, 2, history=5) as clients:
        past = "?startAt=2020-01-06T00:00:00Z&limit=10"
        answers, _ = await flood(clients, f"{path}/locations{past}", 8, synced.headers)
        assert refused(answers)
        for free in (
            f"{path}/locations?startAt=2999-01-01T00:00:00Z",
            f"{path}/locations?startAt=2020-02-01T00:00:00Z",
            f"{path}/stats/historical{past}",
        ):
            got = await clients[0].get(f"/tsp/v1{free}", headers=synced.headers)
            assert got.status_code == 200, free


async def test_most_requests_cost_the_database_nothing_but_the_reading(
    site: Site, fleet: Client
) -> None:
    """A lease is for many requests, and refusals need none."""
    async with instances(site, 1, connection=100) as clients:
        before = await written(site)
        answers, seconds = await flood(clients, "/connections/current", 100, fleet.headers)

        refused(answers)
        # Ten a second at the most, and those of the second's worth that was saved.
        assert await written(site) - before <= 10 * (seconds + 2)


async def written(site: Site) -> int:
    """How often an allowance was written, as the server counts; what a session did shows once it is idle."""
    async with site.database.session() as session:
        await session.execute("select pg_stat_force_next_flush()")
    rows = await site.rows(
        "select n_tup_ins + n_tup_upd from pg_stat_user_tables where relname = 'allowance'"
    )
    return int(rows[0][0])


async def test_a_limit_that_cannot_be_looked_up_fails_no_request(site: Site) -> None:
    async with instances(site, 1, address=5) as clients:
        await site.run(
            "create function disk_is_full() returns trigger language plpgsql as"
            " $$ begin raise exception using errcode = 'disk_full'; end $$"
        )
        await site.run(
            "create trigger disk_is_full before insert on allowance for each row execute function disk_is_full()"
        )
        answer = await clients[0].get("/tsp/v1/providers")

        assert answer.status_code == 200


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rate=st.sampled_from([0.5, 5.0, 100.0]),
    asked=st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 100)), max_size=30),
)
def test_the_shared_bucket_grants_no_more_than_the_limit_in_any_stretch(
    database_url: str, rate: float, asked: list[tuple[float, int]]
) -> None:
    async def grants() -> list[tuple[float, int]]:
        subject, now, found = ids.new(), 1.8e9, list[tuple[float, int]]()
        session = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
        least = max(1, int(rate / 10))
        async with session:
            for pause, asks in asked:
                now += pause
                wish = max(least, min(asks, int(rate)))
                granted, wait = await allowances.lease(
                    session, subject, rate=rate, wish=wish, least=least, at=now
                )
                assert granted == 0 or least <= granted <= wish
                assert granted or 0 < wait <= least / rate + 1e-3
                found.append((now, granted))
        return found

    found = asyncio.run(grants())
    for place, (begin, _) in enumerate(found):
        total = 0
        for end, granted in found[place:]:
            total += granted
            assert total <= rate * (end - begin) + max(1.0, rate) + 1e-3


async def test_the_command_line_waits_when_it_is_told_to_and_reads_on(
    site: Site, fleet: Client
) -> None:
    key, token = fleet.headers["Authorization"].split()[1], fleet.headers["Connection-Token"]
    database = Database(site.database.url, site.database.vault, pool_size=2)
    app = build(
        database, site.registry, jobs.app(database.url), "https://milepost.test",
        limits=Limits(connection=10),
    )  # fmt: skip
    refusals = 0

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            nonlocal refusals
            refusals += message.get("status") == 429
            await send(message)

        await app(scope, receive, note)

    async with app.lifespan(), serving(counted) as url, Caller(url, key, token) as caller:
        named = {(await caller.get("/connections/current"))["id"] for _ in range(30)}

    assert len(named) == 1
    assert refusals
