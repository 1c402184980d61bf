"""Workers that die when they are told to: forked from one process, so that a death costs no start-up.

Reads orders, one JSON object a line: `{"at": 7, "edge": "before"}` dies by SIGKILL right before (or after)
the seventh commit of its fence, `{"after": 0.2}` is killed from outside so many seconds after it began, and
`{}` works until nothing is left, taking over what the dead have left. Answers each with the worker's exit
status, the commits that it had made, and the seconds that it lived.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

from milepost import clock
from milepost.jobs import queue as jobs
from milepost.kit import registry
from milepost.store.pool import Database, Session, fetch_one
from milepost.sync.fence import Fence
from milepost.sync.run import Runner
from milepost.sync.watch import take_over_orphans
from milepost.sync.worker import tasks
from milepost.vault import Vault

_ACTIVE = "select exists (select from sync where status in ('requested', 'in_progress'))"
# What rests after an attempt is due at once: the clock of these processes stands still.
_HURRY = "update sync set resume_at = requested_at where job_id is null"
# A sync that loses one worker needs two turns; more than this says that something goes round in a ring.
_MOST_ROUNDS = 10
# No worker lives longer: one that hangs is killed, and its order answered with status -9.
_MOST_SECONDS = 60.0


class Doom:
    """Counts the commits of this process's fences; at the one that it waits for, the process dies."""

    def __init__(self, out: int, at: int | None, edge: str) -> None:
        self._out, self._at, self._edge, self._commits = out, at, edge, 0

    def hang_over(self, fence: type[Fence]) -> None:
        real = fence.transaction

        @contextlib.asynccontextmanager
        async def transaction(this: Fence) -> AsyncIterator[Session]:
            async with real(this) as session:
                yield session
                self._commits += 1
                self._look("before")
            self._look("after")
            os.write(self._out, b".")

        fence.transaction = transaction  # type: ignore[method-assign,assignment]

    def _look(self, edge: str) -> None:
        if self._commits == self._at and edge == self._edge:
            os.kill(os.getpid(), signal.SIGKILL)


async def work(*, heir: bool) -> None:
    """Do what is due in the queue; an heir also takes over from the dead, until all syncs have ended."""
    database = Database(os.environ["DATABASE_URL"], Vault([os.environ["SECRET_KEY"]]), pool_size=12)
    await database.open()
    queue = jobs.app(database.url, min_size=1, max_size=6)
    providers = registry.load({"samsara": os.environ["SAMSARA_URL"]}, pace={"samsara": 0})
    runner = Runner(database, providers, queue, turn_seconds=60, public_url="http://127.0.0.1")
    tasks(queue, runner)
    async with queue.open_async():
        for _ in range(_MOST_ROUNDS if heir else 1):
            if heir:
                await take_over_orphans(database, providers, queue, runner, grace_seconds=0)
                async with database.session() as session:
                    await session.execute(_HURRY)
                await runner.wake_due()
            await queue.run_worker_async(
                queues=[jobs.SYNC_QUEUE], wait=False, concurrency=4 if heir else 1,
                install_signal_handlers=False,
            )  # fmt: skip
            async with database.session() as session:
                active = await fetch_one(session, _ACTIVE)
            if active == (False,):
                break
    await database.close()


def live(order: dict[str, Any]) -> dict[str, Any]:
    """Fork one worker, see it die or end, and tell how."""
    ours, theirs = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        os.dup2(2, 1)  # What it logs is no answer.
        Doom(theirs, order.get("at"), order.get("edge", "before")).hang_over(Fence)
        with clock.held_at(datetime.fromisoformat(os.environ["HELD_AT"])):
            asyncio.run(work(heir=not order))
        os._exit(0)
    os.close(theirs)
    commits, deadline = 0, began + order.get("after", _MOST_SECONDS)
    while ready := select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
        told = os.read(ours, 4096)
        commits += len(told)
        if not told:
            break
    if not ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(ours)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "commits": commits,
        "seconds": time.monotonic() - began,
    }


if __name__ == "__main__":
    registry.load().simulators()  # What every fork needs is imported before the first.
    for line in sys.stdin:
        sys.stdout.buffer.write(msgspec.json.encode(live(msgspec.json.decode(line))) + b"\n")
        sys.stdout.buffer.flush()
