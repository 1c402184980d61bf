"""Every commit boundary of a sync, and random instants: a worker that dies there costs nothing but a page."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
import pytest
from tests.sync.house import House, connect

from milepost import clock
from milepost.kit import registry
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.store.syncs import SyncRow

SCRIPT = Path(__file__).with_name("mortal_process.py")
NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
# Readings a page: with so many a sync has some 40 commits, with 100 some 60 (`make soak`).
PAGE = int(os.environ.get("MILEPOST_TEST_PAGE_READINGS", "250"))
# A dead worker was merging one page of a stream and had the next at hand, of which nothing was kept.
MOST_AGAIN = 2
# The instants at which workers are killed at random; `make soak` asks for more.
INSTANTS = int(os.environ.get("MILEPOST_TEST_INSTANTS", "10"))
# Beyond its last commit a worker outlives its order.
MOST_COMMITS = 400
# The seed of those instants.
SEED = int(os.environ.get("MILEPOST_TEST_SEED", "7"))

Order = Callable[..., Any]


class Asked:
    """A sandbox that also counts who asked for what."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.requests: Counter[tuple[str, str, str]] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            token = dict(scope["headers"]).get(b"authorization", b"").decode().rpartition(" ")[2]
            self.requests[token, scope["path"], scope["query_string"].decode()] += 1
        await self._sandbox(scope, receive, send)

    def again(self, login: str, control: str) -> Counter[str]:
        """Count the pages that a login asked for more often than one whose worker lived, by stream."""
        found: Counter[str] = Counter()
        for (by, path, query), times in self.requests.items():
            if by == login:
                kinds = ",".join(parse_qs(query).get("types", []))
                beyond = times - self.requests[control, path, query]
                found[f"{path} {kinds}".strip()] += beyond
        return +found


class Ward:
    """Many fleets at one simulated provider, each of which loses a worker at another moment."""

    def __init__(self, house: House, asked: Asked, application_id: UUID, order: Order) -> None:
        self.house, self.asked, self.order = house, asked, order
        self._application_id = application_id
        self.fleets: dict[str, tuple[ConnectionRow, SyncRow]] = {}

    async def admit(self) -> str:
        """Connect another fleet and ask for its sync; return the login by which its requests are known."""
        login = f"key-{len(self.fleets)}"
        connection = await connect(
            self.house.database, self._application_id,
            credentials=msgspec.json.encode({"apiKey": login}),
        )  # fmt: skip
        async with self.house.database.transaction() as session:
            sync = await self.house.desk.request(session, connection, reason="request", days=0.5)
        self.fleets[login] = connection, sync
        return login

    async def contents(self, login: str) -> dict[str, list[Any]]:
        """Read all that a fleet has, with the provider's ids in place of ours."""
        connection, _ = self.fleets[login]
        bare = r"""regexp_replace(body::text, '"[a-z_]+_[0-9A-Za-z]{20,}"', '"id"', 'g')"""
        queries = {
            "position": "select d.source_id, p.located_at, p.latitude, p.longitude, p.speed"
            " from position p join document d on d.connection_id = p.connection_id"
            " and d.id = p.vehicle_id and d.model = 'vehicle' where p.connection_id = %s",
            "stat": "select d.source_id, s.type, s.at, s.value from stat s join document d on"
            " d.connection_id = s.connection_id and d.id = s.vehicle_id and d.model = 'vehicle'"
            " where s.connection_id = %s",
            "document": f"select model, source_id, deleted_at is null, {bare} from document"
            " where connection_id = %s",
            "version": "select model, source_id from document_version where connection_id = %s",
            "event": "select type, count(*) from event where connection_id = %s group by 1",
            "coverage": "select stream, held::text from coverage where connection_id = %s",
            "orphaned": "select p.raw_id from position p where p.connection_id = %s and not exists"
            " (select from raw r where r.connection_id = p.connection_id and r.id = p.raw_id)",
        }
        return {
            name: sorted(await self.house.rows(query, connection.id), key=repr)
            for name, query in queries.items()
        }

    async def assert_whole(self, login: str, control: dict[str, list[Any]]) -> SyncRow:
        done = await self.house.state(self.fleets[login][1])
        assert (login, done.status, done.progress) == (login, "completed", 100)
        assert await self.contents(login) == control, login
        return done


@pytest.fixture
async def ward(
    database: Database, application_id: UUID, installation_key: str
) -> AsyncIterator[Ward]:
    """A provider with two small trucks, and a process that runs workers until they die."""
    settings = Settings(vehicles=2, limits=False, page_readings=PAGE)
    sandbox = Sandbox(settings, registry.load().simulators())
    asked = Asked(sandbox)
    with clock.held_at(NOON):
        async with serving(asked) as url:
            providers = registry.load({"samsara": f"{url}/samsara"}, {"samsara": 0})
            house = House(database, await connect(database, application_id), sandbox, providers)
            environment = {
                **os.environ,
                "DATABASE_URL": database.url,
                "SECRET_KEY": installation_key,
                "SAMSARA_URL": providers.base_url("samsara"),
                "HELD_AT": NOON.isoformat(),
            }
            async with orders(environment) as order, house.queue.open_async():
                yield Ward(house, asked, application_id, order)


@contextlib.asynccontextmanager
async def orders(environment: dict[str, str]) -> AsyncIterator[Order]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), env=environment, stdin=pipe, stdout=pipe,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None

    async def order(**wish: Any) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(wish) + b"\n")
        async with asyncio.timeout(90):
            answer: dict[str, Any] = msgspec.json.decode(await process.stdout.readline())
        return answer

    try:
        yield order
    finally:
        process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # With the worker that may still run.
        await process.wait()


async def settle(ward: Ward, control: dict[str, list[Any]]) -> Counter[str]:
    """Let one worker take over all that is left, and see that nothing tells it from what never died."""
    assert (await ward.order())["status"] == 0
    worst: Counter[str] = Counter()
    for login in list(ward.fleets)[1:]:
        await ward.assert_whole(login, control)
        worst |= ward.asked.again(login, "key-0")
    assert max(worst.values(), default=0) <= MOST_AGAIN, worst
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
    again = await settle(ward, control)

    figures = {"seed": SEED, "workers killed": died}
    record_property("table", tabled("Killed at random instants", figures, again))
