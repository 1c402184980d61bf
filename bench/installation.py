"""An installation of its own for a measurement: embedded PostgreSQL, the simulator, the API, and workers on call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import psycopg

from bench import processes
from bench.processes import Process
from milepost import ids
from milepost.cli.application import new_application
from milepost.cli.caller import Caller
from milepost.cli.ports import free_port
from milepost.cli.up import answered
from milepost.config import PREFIX, Settings, keys_for
from milepost.store import embedded
from milepost.store.migrate import migrate
from milepost.store.pool import Database, Session
from milepost.vault import Vault

_START_LIMIT_SECONDS = 60.0
_SYNC_LIMIT_SECONDS = 300.0
_LOOK_SECONDS = 0.02


class Fleet(msgspec.Struct, frozen=True):
    """A connected fleet, and who may ask about it."""

    caller: Caller
    connection_id: UUID
    token: str


class Installation:
    """What a measurement finds running."""

    def __init__(self, folder: Path, url: str, environ: Mapping[str, str], key: str) -> None:
        self.folder = folder
        self.url = url
        self.environ = dict(environ)
        self.key = key
        self.api_port = free_port()
        self.sandbox_url = ""
        self._children: list[Process] = []

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Open a conversation with the database, in autocommit."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as session:
            yield session

    @contextlib.asynccontextmanager
    async def simulator(self, vehicles: int, *, limits: bool = False) -> AsyncIterator[Process]:
        """Run the simulator: the vendor's own page measure, no limits unless asked, answers kept once written."""
        port = free_port()
        environ = {
            "MILEPOST_SANDBOX_VEHICLES": str(vehicles),
            "MILEPOST_SANDBOX_PRERENDER": "true",
            "MILEPOST_SANDBOX_LIMITS": str(limits).lower(),
        }
        self.sandbox_url = f"http://127.0.0.1:{port}"
        self.environ["MILEPOST_PROVIDER_URLS"] = json.dumps(
            {"samsara": f"{self.sandbox_url}/samsara"}
        )
        async with self._run(["bench.simulator", str(port)], environ) as process:
            await _up(f"{self.sandbox_url}/_sandbox/requests", process)
            yield process

    @contextlib.asynccontextmanager
    async def api(self) -> AsyncIterator[Process]:
        """Run the API as `milepost api` does."""
        command = ["milepost.cli", "api", "--port", str(self.api_port)]
        async with self._run(command) as process:
            await _up(f"{self.api_url}/healthz", process)
            yield process

    @contextlib.asynccontextmanager
    async def worker(self, *module: str) -> AsyncIterator[Process]:
        """Run a fresh worker: `milepost worker`, or the given module."""
        async with self._run([*(module or ("milepost.cli", "worker"))]) as process:
            yield process

    @contextlib.asynccontextmanager
    async def database(self, pool_size: int = 2) -> AsyncIterator[Database]:
        """Open the database as the worker does."""
        vault = Vault(keys_for(Settings(data_dir=self.folder)))
        database = Database(self.url, vault, pool_size=pool_size)
        await database.open()
        try:
            yield database
        finally:
            await database.close()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Fleet]:
        """Connect the simulated fleet anew, wait for its first sync, which a worker must do."""
        async with Caller(self.api_url, self.key) as caller:
            body: dict[str, Any] = {
                "provider": "samsara",
                "credentials": {"apiKey": "bench"},
                "company": {"name": "Bench"},
                "syncMode": "manual",
            }
            made = await caller.post("/connections", body)
            caller.use(made["token"])
            for sync in (await caller.get("/syncs"))["results"]:
                await ended(caller, sync["id"], self.require)
            yield Fleet(caller, ids.read("connection", made["id"]), made["token"])

    async def ask_sandbox(self, method: str, path: str, **query: str) -> Any:
        """Call one of the sandbox's controls."""
        async with httpx2.AsyncClient(trust_env=False, timeout=300) as client:
            answer = await client.request(
                method, f"{self.sandbox_url}/_sandbox{path}", params=query
            )
        answer.raise_for_status()
        return answer.json()

    @contextlib.asynccontextmanager
    async def _run(
        self, command: list[str], extra: Mapping[str, str] | None = None
    ) -> AsyncIterator[Process]:
        log_file = (
            self.folder / f"{command[-1] if command[0] == 'milepost.cli' else command[0]}.log"
        )
        async with processes.running(command, {**self.environ, **(extra or {})}, log_file) as child:
            self._children.append(child)
            try:
                yield child
            finally:
                self._children.remove(child)

    def require(self) -> None:
        """Raise RuntimeError with its last words when a process that should run has ended."""
        for child in self._children:
            child.require()


@contextlib.asynccontextmanager
async def installed() -> AsyncIterator[Installation]:
    """Set up an installation in a temporary folder; the database's durability is at its defaults."""
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as name:
        folder = Path(name)
        async with embedded.serve(folder / "postgres") as url:
            await migrate(url)
            application = await new_application(url, keys_for(Settings(data_dir=folder)), "bench")
            environ = {n: v for n, v in os.environ.items() if not n.startswith(PREFIX)}
            environ |= {"MILEPOST_DATA_DIR": str(folder), "MILEPOST_DATABASE_URL": url}
            # What is measured is the API, not its limits.
            environ |= {"MILEPOST_RATE_CONNECTION": "0", "MILEPOST_RATE_APPLICATION": "0"}
            yield Installation(folder, url, environ, application["secretKey"])


async def ended(
    caller: Caller, sync_id: str, require: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Wait until a sync has completed; raise RuntimeError when it failed, TimeoutError after five minutes.

    `require` raises when whoever works on it has ended.
    """
    until = time.monotonic() + _SYNC_LIMIT_SECONDS
    while time.monotonic() < until:
        require()
        sync: dict[str, Any] = await caller.get(f"/syncs/{sync_id}")
        if sync["status"] == "failed":
            raise RuntimeError(f"The sync failed: {sync.get('failureReason')}")
        if sync["status"] == "completed":
            return sync
        await asyncio.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"The sync {sync_id} did not end within {_SYNC_LIMIT_SECONDS:g} seconds.")


async def _up(url: str, process: Process) -> None:
    async with asyncio.timeout(_START_LIMIT_SECONDS):
        answer = asyncio.create_task(answered(url))
        while not answer.done():
            process.require()
            await asyncio.wait([answer], timeout=_LOOK_SECONDS * 5)
