"""A provider that is played from memory, with a clock that stands still, and syncs of its fleet."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from bench.installation import Installation
from bench.processes import running
from bench.replay import NOW
from milepost import clock, ids
from milepost.jobs import queue as jobs
from milepost.kit.registry import Registry
from milepost.models.connection import Account, Company, Options
from milepost.store import connections, syncs
from milepost.store.pool import Database, fetch_one
from milepost.store.syncs import SyncRow
from milepost.sync.request import Desk
from milepost.sync.run import Runner
from milepost.sync.worker import collect_seldom, tasks
from milepost.vault import ConnectionKey, new_token

LOGINS = {
    "samsara": {"apiKey": "bench"},
    "motive": {"apiKey": "bench"},
    "geotab": {"username": "bench@fleet.example", "password": "any", "database": "fleet"},
}
_START_SECONDS, _LOOK_SECONDS = 60.0, 0.05
_MOST_TURNS = 60


@contextlib.asynccontextmanager
async def played(site: Installation, code: str, vehicles: int, *pace: str) -> AsyncIterator[str]:
    """Play a provider; yield its address. `pace` may name a path and how often a second it may be asked."""
    place = site.folder / f"{code}-{vehicles}.url"
    place.unlink(missing_ok=True)
    command = ["bench.replay", code, str(vehicles), str(place), *pace]
    async with running(command, site.environ, site.folder / "replay.log") as process:
        async with asyncio.timeout(_START_SECONDS):
            while not (place.is_file() and place.read_text()):
                process.require()
                await asyncio.sleep(_LOOK_SECONDS)
        yield place.read_text()


class Fleet:
    """Syncs of one provider's fleet in this process, a new connection each."""

    def __init__(self, database: Database, providers: Registry) -> None:
        self._database = database
        self.queue = jobs.app(database.url, min_size=1, max_size=3)
        self._desk = Desk(providers, self.queue)
        self._runner = Runner(
            database, providers, self.queue, turn_seconds=30, public_url="http://127.0.0.1"
        )
        tasks(self.queue, self._runner)
        collect_seldom()

    async def sync(self, code: str, days: float) -> tuple[UUID, float]:
        """Connect the fleet anew and sync its last days; return the connection and the seconds."""
        with clock.held_at(NOW):
            row = await _connection(self._database, code)
            started = time.perf_counter()
            async with self._database.transaction() as session:
                asked = await self._desk.request(session, row, reason="request", days=days)
            for _ in range(_MOST_TURNS):
                await self._runner.wake_due()
                await self.queue.run_worker_async(
                    queues=[jobs.SYNC_QUEUE], wait=False, install_signal_handlers=False
                )
                found = await self._state(asked)
                if found.status in ("completed", "failed"):
                    break
            if found.status != "completed":
                raise RuntimeError(f"The sync of {code} is {found.status}: {found.failure_reason}")
            return row.id, time.perf_counter() - started

    async def _state(self, sync: SyncRow) -> SyncRow:
        async with self._database.session() as session:
            found = await syncs.get(session, sync.connection_id, sync.id)
        assert found is not None
        return found


async def _connection(database: Database, code: str) -> connections.ConnectionRow:
    """Write a connected fleet without asking its provider."""
    token = new_token("con_tkn_")
    async with database.transaction() as session:
        application = await fetch_one(session, "select id from application limit 1")
        assert application is not None
        values = {
            "id": ids.new(), "application_id": application[0], "provider": code,
            "sync_mode": "manual", "source_id": None, "company": Company(), "account": Account(),
            "options": Options(), "filters": None, "external_id": None, "tags": [],
            "token_digest": database.pepper.digest(token),
            "sealed_token": database.vault.seal(token.encode()),
            "sealed_key": database.vault.seal(ConnectionKey.new().bytes),
            "sealed_credentials": database.vault.seal(msgspec.json.encode(LOGINS[code])),
            "at": clock.now(), "next_sync_at": None,
        }  # fmt: skip
        return await connections.insert(session, values)
