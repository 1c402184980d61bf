"""A worker in a process of its own, to be killed: told by its environment what to work on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import timedelta

from milepost.kit import registry
from milepost.sync.worker import run
from milepost.vault import Vault


async def main() -> None:
    # Told so, its event loop stands still for a while: it neither fetches nor shows life.
    blocked = float(os.environ.get("BLOCKED_SECONDS", "0"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, time.sleep, blocked)
    await run(
        database_url=os.environ["DATABASE_URL"],
        vault=Vault([os.environ["SECRET_KEY"]]),
        registry=registry.load({"samsara": os.environ["SAMSARA_URL"]}, pace={"samsara": 0}),
        concurrency=2,
        turn_seconds=float(os.environ["TURN_SECONDS"]),
        cadence=timedelta(hours=2),
        public_url="http://127.0.0.1",
        grace_seconds=float(os.environ.get("GRACE_SECONDS", "0.5")),
        silence_seconds=float(os.environ.get("SILENCE_SECONDS", "20")),
        polled={"vehicle_location": timedelta(seconds=float(os.environ["POLL_SECONDS"]))}
        if "POLL_SECONDS" in os.environ
        else {},
        poll_hands=2,
    )


if __name__ == "__main__":
    asyncio.run(main())
