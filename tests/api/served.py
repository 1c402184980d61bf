"""The API in a process of its own, as it is really served: granian, a socket, settings from the environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2


@contextlib.asynccontextmanager
async def served(
    database_url: str, key: str, folder: Path, port: int = 0, /, **settings: str
) -> AsyncIterator[int]:
    """Serve the API on a database; yields the port. `settings` are further variables."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")
    }
    environ |= {
        "MILEPOST_DATABASE_URL": database_url,
        "MILEPOST_SECRET_KEYS": key,
        "MILEPOST_DATA_DIR": str(folder),
        **settings,
    }
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--log-level", "error",
        "--host", "127.0.0.1", "--port", str(port), "--workers-kill-timeout", "2",
        "milepost.api.app:from_environment", env=environ,
    )  # fmt: skip
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            await _answers(http, server)
        yield port
    finally:
        server.terminate()
        async with asyncio.timeout(20):
            await server.wait()


async def _answers(http: httpx2.AsyncClient, server: asyncio.subprocess.Process) -> None:
    for _ in range(600):
        assert server.returncode is None, "the server ended"
        try:
            assert (await http.get("/healthz")).status_code == 200
        except httpx2.TransportError:
            await asyncio.sleep(0.05)  # Nothing tells when a server listens.
        else:
            return
    raise AssertionError("the server does not answer")
