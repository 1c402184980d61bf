"""A whole Milepost without its API: one fleet, its provider's simulator, and the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from procrastinate import App

from milepost import clock, ids
from milepost.jobs import queue as jobs
from milepost.kit.registry import Registry
from milepost.models.connection import Account, Company, Options
from milepost.sandbox.app import Sandbox
from milepost.sandbox.faults import Fault
from milepost.store import connections, syncs
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database, fetch_all
from milepost.store.syncs import SyncRow
from milepost.sync.request import Desk, Reason
from milepost.sync.run import Runner
from milepost.sync.worker import tasks
from milepost.vault import ConnectionKey, new_token


class House:
    """Everything that a test of syncs needs at hand."""

    def __init__(
        self,
        database: Database,
        connection: ConnectionRow,
        sandbox: Sandbox,
        providers: Registry,
        turn_seconds: float = 60,
    ) -> None:
        self.database = database
        self.connection = connection
        self.sandbox = sandbox
        self.registry = providers
        self.queue: App = jobs.app(database.url, min_size=1, max_size=3)
        self.desk = Desk(providers, self.queue)
        self.runner = Runner(
            database,
            providers,
            self.queue,
            turn_seconds=turn_seconds,
            public_url="http://127.0.0.1",
            cadence=timedelta(hours=2),
        )
        tasks(self.queue, self.runner)

    async def request(
        self, whose: ConnectionRow | None = None, reason: Reason = "request", **asked: Any
    ) -> SyncRow:
        """Ask for a sync of the fleet, or of another one, as the API does."""
        async with self.database.transaction() as session:
            row = await connections.get(session, (whose or self.connection).id)
            assert row is not None
            return await self.desk.request(session, row, reason=reason, **asked)

    async def work(self) -> None:
        """Let a worker do what is due, and leave."""
        await self.runner.wake_due()
        await self.queue.run_worker_async(
            queues=[jobs.SYNC_QUEUE], wait=False, install_signal_handlers=False
        )

    async def sync(self, **asked: Any) -> SyncRow:
        """Ask for a sync and let it be worked off; return how it stands then."""
        requested = await self.request(**asked)
        await self.work()
        return await self.state(requested)

    async def state(self, sync: SyncRow) -> SyncRow:
        async with self.database.session() as session:
            row = await syncs.get(session, sync.connection_id, sync.id)
        assert row is not None
        return row

    async def rows(self, query: str, *values: Any) -> list[Any]:
        async with self.database.session() as session:
            return await fetch_all(session, query, values)

    async def count(self, query: str, *values: Any) -> int:
        found = await self.rows(f"select count(*) from {query}", *values)
        return int(found[0][0])

    async def positions(self) -> dict[str, int]:
        """Count the stored positions by the vehicle's id at the provider."""
        found = await self.rows(
            "select d.source_id, count(*) from position p"
            " join document d on d.connection_id = p.connection_id and d.id = p.vehicle_id"
            " group by 1"
        )
        return dict(found)

    async def events(self) -> list[str]:
        return [row[0] for row in await self.rows("select type from event order by at, id")]

    async def relink(self) -> None:
        """Connect again, as a user does who has typed a good password."""
        self.sandbox.faults.clear()
        async with self.database.session() as session:
            await session.execute("update connection set status = 'connected'")

    async def hurry(self) -> None:
        """Let what waits for its time be due now."""
        async with self.database.session() as session:
            await session.execute("update sync set resume_at = requested_at where job_id is null")

    async def fault(self, **fault: Any) -> None:
        """Let something go wrong at the provider."""
        self.sandbox.faults.add(msgspec.convert(fault, Fault))


async def connect(
    database: Database,
    application_id: UUID,
    provider: str = "samsara",
    credentials: bytes = b'{"apiKey":"key"}',
) -> ConnectionRow:
    """Write a connected fleet without asking its provider."""
    token = new_token("con_tkn_")
    values = {
        "id": ids.new(),
        "application_id": application_id,
        "provider": provider,
        "sync_mode": "manual",
        "source_id": None,
        "company": Company(),
        "account": Account(),
        "options": Options(),
        "filters": None,
        "external_id": None,
        "tags": [],
        "token_digest": database.pepper.digest(token),
        "sealed_token": database.vault.seal(token.encode()),
        "sealed_key": database.vault.seal(ConnectionKey.new().bytes),
        "sealed_credentials": database.vault.seal(credentials),
        "at": clock.now(),
        "next_sync_at": None,
    }
    async with database.transaction() as session:
        return await connections.insert(session, values)
