"""`milepost listen`: events as they happen, in a terminal and at a local URL, also when the API was away meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.api.served import served
from tests.webhooks.conftest import Receiver, Sender, within
from tests.webhooks.test_delivery import verify

from milepost import ids
from milepost.store import applications


class Terminal:
    """Runs `milepost listen` and reads what it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with within(30, "a line of `milepost listen`"):
            return (await self.process.stdout.readline()).decode().rstrip("\n")


@contextlib.asynccontextmanager
async def listening(port: int, *words: str) -> AsyncIterator[Terminal]:
    """Run `milepost listen` until the block ends; then it must end well by Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "milepost.cli", "listen", "--url", f"http://127.0.0.1:{port}", *words,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Terminal(process)
        process.send_signal(signal.SIGINT)
        async with within(30, "`milepost listen` to end"):
            assert await process.wait() == 130
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_events_are_printed_live_and_forwarded_signed(
    sender: Sender, receiver: Receiver, installation_key: str, tmp_path: Path
) -> None:
    keys = await applications.create(sender.database, "Listener")
    sender.application_id = ids.read("application", keys.application_id)
    key = ("--key", keys.secret_key)
    async with (
        sender.delivering(),
        served(sender.database.url, installation_key, tmp_path) as port,
    ):
        fleet, other = await sender.connect(), await sender.connect()
        await sender.tell(fleet)  # Before anybody listens.
        await sender.until("select 1 from event having count(number) = 1")
        async with listening(port, *key, "--forward", receiver.url) as terminal:
            assert "from event 2 on" in await terminal.line()
            secret = re.search(r"whsec_\S+", await terminal.line())
            assert secret is not None
            await sender.tell(other)
            line = await terminal.line()
            (event,) = await receiver.until(1)
        assert "issue.reported" in line
        assert ids.show("connection", other.id) in line
        assert re.search(r"→ 200 in \d+ ms$", line)
        verify(receiver.seen[0], secret[0])
        assert event["detail"]["connection"]["id"] == ids.show("connection", other.id)

        only = ("--connection", ids.show("connection", fleet.id), "--type", "issue.reported")
        async with listening(port, *key, *only, "--after", "0", "--json") as terminal:
            first = json.loads(await terminal.line())
            await sender.tell(fleet)
            second = json.loads(await terminal.line())
    assert (first["number"], second["number"]) == (1, 3)
    assert second["detail"]["connection"]["id"] == ids.show("connection", fleet.id)


async def test_listening_goes_on_when_the_api_was_away(
    sender: Sender, installation_key: str, tmp_path: Path
) -> None:
    keys = await applications.create(sender.database, "Listener")
    sender.application_id = ids.read("application", keys.application_id)
    fleet = await sender.connect()
    async with sender.delivering(), contextlib.AsyncExitStack() as stack:
        async with served(sender.database.url, installation_key, tmp_path) as port:
            terminal = await stack.enter_async_context(
                listening(port, "--key", keys.secret_key, "--json", "--after", "0")
            )
            await sender.tell(fleet)
            assert json.loads(await terminal.line())["number"] == 1
        assert "is Milepost running?" in await terminal.line()
        await sender.tell(fleet)
        async with served(sender.database.url, installation_key, tmp_path, port):
            assert json.loads(await terminal.line())["number"] == 2


async def test_a_wrong_key_and_a_wrong_url_are_told_at_once(
    sender: Sender, installation_key: str, tmp_path: Path
) -> None:
    async with served(sender.database.url, installation_key, tmp_path) as port:
        here = f"http://127.0.0.1:{port}"
        for url, words, status in (
            (here, (), 1),
            (here, ("--forward", "localhost:3000"), 2),
            (here, ("--forward", "http://x/", "--secret", "x"), 2),
            ("http://127.0.0.1:1", (), 2),
        ):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "milepost.cli", "listen", "--url", url, "--key", "sk_wrong", *words,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            async with within(30, "`milepost listen` to end"):
                _, said = await process.communicate()
            assert process.returncode == status, said
            assert said.startswith(b"milepost: ")
            assert said.count(b"\n") == 1
