"""`milepost sync` against an API that answers as told: what is under way, and a watcher that leaves."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

from milepost.kit.loopback import Asked, Loopback, Said

LIMIT_SECONDS = 60
WORDS = [sys.executable, "-m", "milepost.cli", "sync", "--key", "sk_a", "--token", "con_tkn_a"]


class Api:
    """A connection with one sync under way, which ends when it is looked at for the third time."""

    def __init__(self, *, ends: bool = True) -> None:
        self.looks = 0
        self.ends = ends

    @property
    def first(self) -> dict[str, Any]:
        ended = self.ends and self.looks > 2
        return {"id": "sync_first", "status": "completed" if ended else "in_progress"}

    def answer(self, asked: Asked) -> Said:
        match asked.method, asked.path.removeprefix("/tsp/v1"):
            case "POST", "/syncs":
                if self.first["status"] == "in_progress":
                    return told({"code": "conflict", "message": "Sync already in progress"}, 409)
                return told({"id": "sync_second", "status": "requested", "startFrom": "now"})
            case "GET", "/syncs":
                return told({"results": [self.first]})
            case "GET", "/syncs/sync_first":
                self.looks += 1
                return told(self.first)
            case "GET", "/syncs/sync_second":
                return told({"id": "sync_second", "status": "completed", "progress": 100.0})
            case _:
                return told({"results": []})


def told(body: Any, status: int = 200) -> Said:
    return Said(json.dumps(body).encode(), status)


async def watching(api: Loopback, *words: str) -> asyncio.subprocess.Process:
    out = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *WORDS, "--url", api.base_url, *words, stdout=out, stderr=asyncio.subprocess.STDOUT
    )


async def test_a_sync_that_is_under_way_is_watched_before_ones_own_is_asked_for() -> None:
    async with Loopback(Api().answer).serving() as api, asyncio.timeout(LIMIT_SECONDS):
        process = await watching(api)
        said, _ = await process.communicate()

    assert process.returncode == 0
    assert b"sync_first is under way; yours follows." in said
    assert b"sync_second completed" in said
    assert [each.method for each in api.asked].count("POST") == 2


async def test_in_json_the_own_sync_alone_is_told() -> None:
    async with Loopback(Api().answer).serving() as api, asyncio.timeout(LIMIT_SECONDS):
        process = await watching(api, "--json")
        said, _ = await process.communicate()

    assert (process.returncode, json.loads(said)["id"]) == (0, "sync_second")


async def test_who_leaves_is_told_that_the_sync_goes_on() -> None:
    api = Api(ends=False)
    looked_at = asyncio.Event()

    def answer(asked: Asked) -> Said:
        if api.looks:
            looked_at.set()
        return api.answer(asked)

    async with Loopback(answer).serving() as served, asyncio.timeout(LIMIT_SECONDS):
        process = await watching(served)
        await looked_at.wait()
        process.send_signal(signal.SIGINT)
        said, _ = await process.communicate()

    assert process.returncode == 130
    assert b"milepost: sync_first goes on without being watched." in said
