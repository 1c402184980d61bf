"""A worker in a process of its own, to be killed: told by its environment what to work on."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

from milepost.kit import registry
from milepost.sync.worker import run
from milepost.vault import Vault

if __name__ == "__main__":
    asyncio.run(
        run(
            database_url=os.environ["DATABASE_URL"],
            vault=Vault([os.environ["SECRET_KEY"]]),
            registry=registry.load({"samsara": os.environ["SAMSARA_URL"]}, pace={"samsara": 0}),
            concurrency=2,
            turn_seconds=float(os.environ["TURN_SECONDS"]),
            cadence=timedelta(hours=2),
            public_url="http://127.0.0.1",
            grace_seconds=0.5,
            polled={"vehicle_location": timedelta(seconds=float(os.environ["POLL_SECONDS"]))}
            if "POLL_SECONDS" in os.environ
            else {},
            poll_hands=2,
        )
    )
