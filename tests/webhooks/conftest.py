"""An application with connections, a receiver of its webhooks in a process of its own, and couriers on call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.sync.house import connect

from milepost import clock, ids
from milepost.cli.ports import free_port
from milepost.kit.addresses import allowed
from milepost.models.issue import Issue, IssueError
from milepost.models.webhook import WebhookEndpoint
from milepost.store import applications
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database, fetch_all
from milepost.vault import Vault, new_installation_key
from milepost.webhooks import emit
from milepost.webhooks.courier import Courier
from milepost.webhooks.endpoints import Endpoints
from milepost.webhooks.line import Line
from milepost.webhooks.sequencer import run as sequence

LOOPBACK = allowed(["127.0.0.0/8"])
SCRIPT = Path(__file__).with_name("receiver.py")


async def eventually(seconds: float, what: str, there: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something is there, which another process does, and return it."""
    async with within(seconds, what):
        while True:
            if found := await there():
                return found
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Bound a wait, and say what it was for when it took too long."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise AssertionError(f"waited {seconds:g} s in vain for {what}") from None


class Receiver:
    """The other side of webhooks."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.file = folder / "seen.jsonl"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), str(self.port), str(self.file),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with within(30, "the receiver to start"):
            assert await self._process.stdout.readline() == b"listening\n"

    async def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            async with within(30, "the receiver to end"):
                await self._process.wait()
            self._process = None

    def order(self, **orders: Any) -> None:
        """Say what it does from now on."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(orders))
        draft.rename(self.file.with_suffix(".orders"))

    @property
    def seen(self) -> list[dict[str, Any]]:
        if not self.file.exists():
            return []
        # A line that is being written is not there yet: its end is missing.
        whole, _, _ = self.file.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def events(self, *, replays: bool | None = None) -> list[dict[str, Any]]:
        """The events that it has seen, in order, repeats and all."""
        return [
            json.loads(each["body"])
            for each in self.seen
            if replays is None or ("milepost-replay" in each["headers"]) == replays
        ]

    async def until(self, count: int, seconds: float = 30) -> list[dict[str, Any]]:
        """Wait until it has seen so many different events."""

        async def arrived() -> bool:
            return len({each["id"] for each in self.events()}) >= count

        await eventually(seconds, f"{count} events to arrive", arrived)
        return self.events()

    async def requests(self, count: int) -> None:
        """Wait until it has seen so many requests."""

        async def arrived() -> bool:
            return len(self.seen) >= count

        await eventually(30, f"{count} requests to arrive", arrived)


class Sender:
    """The application, its endpoints, and who delivers to them."""

    def __init__(self, database: Database, application_id: UUID) -> None:
        self.database = database
        self.application_id = application_id
        self.endpoints = Endpoints(database, LOOPBACK)

    async def connect(self) -> ConnectionRow:
        return await connect(self.database, self.application_id)

    async def endpoint(self, url: str, *types: str) -> WebhookEndpoint:
        return await self.endpoints.create(self.application_id, url, types, None)

    async def tell(self, row: ConnectionRow, count: int = 1) -> None:
        """Let something happen to a connection, each in a transaction of its own."""
        for _ in range(count):
            at = clock.now()
            issue = Issue(
                id=ids.show("issue", ids.new()),
                connection=ids.show("connection", row.id),
                status="ongoing",
                error=IssueError(code="unknown_device_type", message="Nobody knows it."),
                first_reported_at=clock.iso(at),
                last_reported_at=clock.iso(at),
            )
            async with self.database.transaction() as session:
                basic = row.basic("Samsara")
                await emit.about(session, row, basic, "issue.reported", at, issue=issue)

    async def tell_of_itself(self, row: ConnectionRow) -> str:
        """Let something change of a connection, which is delivered with its token; return the token."""
        async with self.database.transaction() as session:
            shown = row.published("Samsara", "https://milepost.test/link", None)
            await emit.about_connection(session, row, "connection.updated", shown, clock.now())
        return self.database.vault.open(row.sealed_token).decode()

    @contextlib.asynccontextmanager
    async def delivering(
        self, *, scale: float = 0.01, answer_seconds: float = 5
    ) -> AsyncIterator[None]:
        """Number and deliver events for as long as the context lasts."""
        line = Line(LOOPBACK, answer_seconds=answer_seconds)
        courier = Courier(self.database, line, retry_scale=scale, lost_seconds=2, look_seconds=0.05)
        tasks = [
            asyncio.create_task(sequence(self.database)),
            asyncio.create_task(courier.run()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            async with within(30, "the sequencer and the courier to end"):
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            await line.aclose()
            assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended

    async def rows(self, query: str, *values: Any) -> list[Any]:
        async with self.database.session() as session:
            return await fetch_all(session, query, values)

    async def until(self, query: str, *values: Any, seconds: float = 30) -> list[Any]:
        """Wait until a query finds something."""

        async def rows() -> list[Any]:
            return await self.rows(query, *values)

        found: list[Any] = await eventually(seconds, f"rows of: {query}", rows)
        return found

    async def written(self) -> None:
        """Wait until what was delivered is written down, so that all lanes rest."""
        await self.until(
            "select 1 where not exists (select from webhook_lane where due_at is not null)"
        )


@pytest.fixture
def installation_key() -> str:
    return new_installation_key()


@pytest.fixture
async def sender(database_url: str, installation_key: str) -> AsyncIterator[Sender]:
    database = Database(database_url, Vault([installation_key]))
    await database.open()
    made = await applications.create(database, "Tests")
    yield Sender(database, ids.read("application", made.application_id))
    await database.close()


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    made = Receiver(tmp_path)
    await made.start()
    yield made
    await made.kill()
