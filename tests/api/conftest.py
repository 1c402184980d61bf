"""The API as its clients meet it: over HTTP, on a real database, with a simulated provider behind it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import httpx2
import msgspec
import pytest
from litestar import Litestar
from tests.api.records import Book

from milepost import ids
from milepost.api.app import build
from milepost.jobs import queue as jobs
from milepost.kit import registry
from milepost.kit.registry import Registry
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.faults import Fault
from milepost.sandbox.serving import serving
from milepost.store import applications
from milepost.store.applications import NewApplication
from milepost.store.pool import Database, fetch_all
from milepost.sync.retention import UNLIMITED, Retention
from milepost.sync.run import Runner
from milepost.sync.worker import tasks
from milepost.vault import Vault, new_installation_key

PUBLIC_URL = "https://milepost.test"
CADENCE = timedelta(hours=2)


class Client:
    """One application's client; `as_` speaks for a connection."""

    def __init__(self, http: httpx2.AsyncClient, keys: NewApplication, token: str = "") -> None:
        self.http = http
        self.keys = keys
        self.token = token

    def as_(self, token: str) -> Client:
        return Client(self.http, self.keys, token)

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.keys.secret_key}"}
        return {**headers, "Connection-Token": self.token} if self.token else headers

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        # An empty set of parameters would strike out those that stand in the path.
        return await self.ask("GET", path, **({"params": query} if query else {}))

    async def post(self, path: str, body: Any = None) -> httpx2.Response:
        return await self.ask("POST", path, **({} if body is None else {"json": body}))

    async def patch(self, body: Any) -> httpx2.Response:
        return await self.ask("PATCH", "/connections/current", json=body)

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx2.Response:
        return await self.http.request(
            method, f"/tsp/v1{path}", headers={**self.headers, **(headers or {})}, **content
        )

    async def every(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Follow `next` to the end of a listing."""
        found: list[dict[str, Any]] = []
        while True:
            answer = await self.get(path, **query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["results"]
            if "next" not in page:
                return found
            query["cursor"] = page["next"]

    async def connect(self, **changes: Any) -> dict[str, Any]:
        """Create a connection to the simulated provider."""
        body = {"provider": "samsara", "credentials": {"apiKey": "samsara_api_x"}, **changes}
        answer = await self.post("/connections", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


class Site:
    """An installation: the API, its database, the simulated provider, and a worker on call."""

    def __init__(
        self, app: Litestar, database: Database, sandbox: Sandbox, providers: Registry
    ) -> None:
        self.app = app
        self.database = database
        self.sandbox = sandbox
        self.registry = providers
        self.queue = jobs.app(database.url, min_size=1, max_size=2)
        runner = Runner(
            database,
            providers,
            self.queue,
            turn_seconds=60,
            public_url=PUBLIC_URL,
            cadence=timedelta(hours=2),
        )
        tasks(self.queue, runner)
        # Errors of the application are answers, as for any client.
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://api.test")

    @property
    def provider_requests(self) -> int:
        """How many requests the provider has had."""
        return int(self.sandbox.log.show(each=False)["requests"])

    async def client(self, name: str = "Tests") -> Client:
        """Make an application, and its client."""
        return Client(self.http, await applications.create(self.database, name))

    async def work(self) -> None:
        """Let a worker do what is due, and leave."""
        async with self.queue.open_async():
            await self.queue.run_worker_async(
                queues=[jobs.SYNC_QUEUE], wait=False, install_signal_handlers=False
            )

    async def rows(self, query: str, *values: Any) -> list[Any]:
        async with self.database.session() as session:
            return await fetch_all(session, query, values)

    async def run(self, statement: str, **values: Any) -> None:
        async with self.database.session() as session:
            await session.execute(statement.encode(), values)

    async def fault(self, **fault: Any) -> None:
        """Let something go wrong at the provider."""
        self.sandbox.faults.add(msgspec.convert(fault, Fault))


@contextlib.asynccontextmanager
async def installed(
    url: str, vault: Vault | None = None, retention: Retention = UNLIMITED
) -> AsyncIterator[Site]:
    """Run an installation on a database; what is sealed in it is opened by the vault of its first one."""
    settings = Settings(vehicles=3, limits=False, page_readings=400)
    sandbox = Sandbox(settings, registry.load().simulators())
    async with serving(sandbox) as simulated:
        apps = {"samsara": {"client_id": "ours", "client_secret": "quiet"}}
        urls = {code: f"{simulated}/{code}" for code in registry.load().simulators()}
        providers = registry.load(urls, dict.fromkeys(urls, 0.0), apps)
        database = Database(url, vault or Vault([new_installation_key()]))
        app = build(
            database, providers, jobs.app(url), PUBLIC_URL, cadence=CADENCE, retention=retention
        )
        async with app.lifespan():
            made = Site(app, database, sandbox, providers)
            async with made.http:
                yield made


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    async with installed(database_url) as made:
        yield made


@pytest.fixture
async def client(site: Site) -> Client:
    return await site.client()


@pytest.fixture
async def fleet(client: Client) -> Client:
    """A client of a connected fleet; its first sync is requested and nobody works on it."""
    made = await client.connect()
    return client.as_(made["token"])


@pytest.fixture
async def book(site: Site, client: Client) -> Book:
    """A connected fleet whose records the test itself writes into the store."""
    made = await client.connect()
    return Book(site.database, client.as_(made["token"]), ids.read("connection", made["id"]))


@pytest.fixture
async def synced(site: Site, client: Client) -> Client:
    """A client of a fleet whose last hours were synced."""
    made = await client.connect(backfill={"days": 0.5})
    await site.work()
    return client.as_(made["token"])
