"""Many fleets at one simulated provider, and workers that die when they are told to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
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


@contextlib.asynccontextmanager
async def opened(
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
