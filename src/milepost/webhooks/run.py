"""What a worker does for webhooks: it stands by as the sequencer, and delivers."""

from __future__ import annotations

import asyncio

from milepost.kit.addresses import Allowed
from milepost.store.pool import Database
from milepost.webhooks import sequencer
from milepost.webhooks.courier import Courier
from milepost.webhooks.line import Line


async def run(database: Database, allow: Allowed, *, retry_scale: float = 1.0) -> None:
    """Number and deliver events until cancelled."""
    line = Line(allow)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sequencer.run(database))
            group.create_task(Courier(database, line, retry_scale=retry_scale).run())
    finally:
        await line.aclose()
