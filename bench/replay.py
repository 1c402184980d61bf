"""Plays one provider whose clock stands still, and says everything a second time at once: `python -m bench.replay CODE VEHICLES FILE`.

What is asked again is answered from memory: what a sync takes then is its own time. The address is written
into the file.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from milepost import clock
from milepost.kit import registry
from milepost.kit.loopback import Asked, Loopback, Said
from milepost.kit.simulation import Conditions, SimRequest
from milepost.sandbox.world import SyntheticWorld

NOW = datetime(2026, 3, 10, 18, 30, tzinfo=UTC)


async def serve(code: str, vehicles: int, tell: Callable[[str], int]) -> None:
    simulator = registry.load().simulators()[code]
    world, conditions = SyntheticWorld(7, vehicles), Conditions(shelf={})
    said: dict[tuple[str, bytes], Said] = {}

    def answer(asked: Asked) -> Said:
        key = (asked.target, asked.body)
        if key not in said:
            request = SimRequest(
                method=asked.method,
                path=asked.path,
                query=parse_qs(urlsplit(asked.target).query, keep_blank_values=True),
                headers=asked.headers,
                body=asked.body,
            )
            found = simulator.answer(request, world, NOW, conditions)
            said[key] = Said(found.body, found.status, found.headers)
        return said[key]

    with clock.held_at(NOW):
        async with Loopback(answer).serving() as server:
            tell(server.base_url)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).write_text))
