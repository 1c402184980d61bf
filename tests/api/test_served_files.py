"""Files over a real socket: the command that sends them, and senders that go away."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from tests.api.served import served

from milepost.kit import registry
from milepost.store import applications
from milepost.store.pool import Database, fetch_all
from milepost.sync.merging import merge_due
from milepost.sync.retention import UNLIMITED
from milepost.vault import Vault, new_installation_key

TRACK = Path(__file__).parents[2] / "src/milepost/providers/files/fixtures/track.csv"


class Place(NamedTuple):
    database: Database
    port: int
    key: str
    token: str

    async def rows_of(self, table: str) -> int:
        async with self.database.session() as session:
            return int((await fetch_all(session, f"select count(*) from {table}"))[0][0])


@pytest.fixture
async def place(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    key = new_installation_key()
    database = Database(database_url, Vault([key]), pool_size=2)
    await database.open()
    made = await applications.create(database, "Tests")
    async with served(database_url, key, tmp_path) as port:
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.post(
                f"http://127.0.0.1:{port}/tsp/v1/connections",
                json={"provider": "files", "credentials": {}},
                headers={"Authorization": f"Bearer {made.secret_key}"},
            )
        assert answer.status_code == 201, answer.text
        yield Place(database, port, made.secret_key, answer.json()["token"])
    await database.close()


async def until(place: Place, table: str, *, there: bool) -> None:
    """Wait until a table has rows, or none."""
    async with asyncio.timeout(30):
        while True:
            if bool(await place.rows_of(table)) is there:
                return
            await asyncio.sleep(0.02)


async def upload(place: Place, *words: str) -> tuple[int, list[Any], str]:
    """Run the command until it ends, with somebody who merges meanwhile."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "milepost.cli", "files", "upload", "--json",
        "--url", f"http://127.0.0.1:{place.port}", "--key", place.key,
        "--connection", place.token, *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    ended = asyncio.create_task(process.communicate())
    async with asyncio.timeout(60):
        while not ended.done():
            await merge_due(place.database, registry.load(), UNLIMITED)
            await asyncio.wait([ended], timeout=0.05)
    out, err = ended.result()
    return process.returncode or 0, [json.loads(line) for line in out.splitlines()], err.decode()


async def test_the_command_uploads_files_and_waits_until_they_are_merged(
    place: Place, tmp_path: Path
) -> None:
    second = tmp_path / "b.csv"
    second.write_bytes(TRACK.read_bytes() + b"\n")

    status, planned, _ = await upload(place, "--dry-run", str(TRACK))
    assert (status, planned[0]["status"], await place.rows_of("file")) == (0, "read", 0)
    status, made, err = await upload(place, str(TRACK), str(second))

    assert (status, [each["status"] for each in made]) == (0, ["completed"] * 2), err
    assert made[0]["sync"] == made[1]["sync"]
    assert await place.rows_of("position") == 3
    assert await place.rows_of("sync where status = 'in_progress'") == 0
    second.write_bytes(b"vehicle,time,lat,lon\nT,noon,1,2\n")
    status, made, err = await upload(place, str(second))
    assert (status, made) == (1, [])
    assert "line 2: “noon” is not a time" in err


async def test_a_sender_who_goes_away_leaves_nothing(place: Place) -> None:
    head = (
        f"POST /tsp/v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {place.key}\r\n"
        f"Connection-Token: {place.token}\r\nContent-Length: 100000000\r\n\r\n"
    )
    line = b"Truck 1,2026-01-06T03:24:53Z,41.8781,-87.6298\n"
    _, writer = await asyncio.open_connection("127.0.0.1", place.port)
    writer.write(head.encode() + b"vehicle,time,lat,lon\n" + line * 60_000)
    await writer.drain()
    await until(place, "file_part", there=True)
    writer.transport.abort()
    await until(place, "file", there=False)

    assert await place.rows_of("file_part") == 0
    assert await place.rows_of("provider_request") == 0
