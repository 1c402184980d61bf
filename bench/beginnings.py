"""How long a customer waits between `POST /syncs` and seeing the sync at work."""

from __future__ import annotations

import asyncio
import time

from bench.figures import Figure, median, percentile
from bench.installation import Installation, ended
from milepost.cli.caller import Caller

ROUNDS = 40
_VEHICLES = 10
_LOOK_SECONDS = 0.002


async def measure(site: Installation) -> list[Figure]:
    """Request empty syncs one after the other, from an API and an idle worker as they are deployed."""
    waits: list[float] = []
    answers: list[float] = []
    async with site.simulator(_VEHICLES), site.api(), site.worker(), site.connected() as fleet:
        for _ in range(ROUNDS):
            answered, began = await _begin(fleet.caller)
            answers.append(answered)
            waits.append(began)
    return [
        median(
            "POST /syncs → in_progress", waits, "ms", target=100,
            note=f"{ROUNDS} rounds, as GET /syncs/{{id}} shows it",
        ),
        Figure(name="the same, p95", value=percentile(waits, 0.95), unit="ms"),
        median("of it, the answer to POST /syncs", answers, "ms"),
    ]  # fmt: skip


async def _begin(caller: Caller) -> tuple[float, float]:
    """Request a sync; return the milliseconds to its answer, and to seeing it begun. Leaves none at work."""
    asked_at = time.perf_counter()
    sync = await caller.post("/syncs", {"days": 0})
    answered_at = time.perf_counter()
    sync_id = sync["id"]
    while sync["status"] == "requested":
        await asyncio.sleep(_LOOK_SECONDS)
        sync = await caller.get(f"/syncs/{sync_id}")
    began_at = time.perf_counter()
    await ended(caller, sync_id)
    return (answered_at - asked_at) * 1000, (began_at - asked_at) * 1000
