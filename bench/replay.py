"""Plays one provider whose clock stands still, and says everything a second time at once.

`python -m bench.replay CODE VEHICLES FILE [PATH RATE]`: what is asked again is answered from memory, so that
what a sync takes then is its own time. The address is written into the file. A path with a rate is refused
beyond so many calls a second, while a POST to `/_pace` says `on`; its answer counts the calls since the last.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from milepost import clock
from milepost.kit import registry
from milepost.kit.loopback import Asked, Loopback, Said
from milepost.kit.simulation import Conditions, SimRequest, Throttle
from milepost.sandbox.world import SyntheticWorld

NOW = datetime(2026, 3, 10, 18, 30, tzinfo=UTC)


class Pace:
    """How often a second a path may be asked, by the time that passes here."""

    def __init__(self, path: str = "", rate: float = 0) -> None:
        self._path, self._rate = path, rate
        self._throttle: Throttle | None = None
        self._asked = self._refused = 0

    def switch(self, asked: Asked) -> Said:
        self._throttle = Throttle() if asked.body == b"on" else None
        counts = {"asked": self._asked, "refused": self._refused}
        self._asked = self._refused = 0
        return Said(msgspec.json.encode(counts))

    def refused(self, path: str) -> Said | None:
        if path != self._path:
            return None
        self._asked += 1
        if self._throttle is None:
            return None
        wait = self._throttle.take(path, self._rate, datetime.now(UTC))
        if not wait:
            return None
        self._refused += 1
        return Said(b"{}", 429, {"retry-after": f"{wait:.5f}"})


async def serve(code: str, vehicles: int, pace: Pace, tell: Callable[[str], int]) -> None:
    simulator = registry.load().simulators()[code]
    world, conditions = SyntheticWorld(7, vehicles), Conditions(shelf={})
    said: dict[tuple[str, bytes], Said] = {}

    def answer(asked: Asked) -> Said:
        if asked.path == "/_pace":
            return pace.switch(asked)
        if refused := pace.refused(asked.path):
            return refused
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
    _, code, vehicles, place, *paced = sys.argv
    pace = Pace(paced[0], float(paced[1])) if paced else Pace()
    asyncio.run(serve(code, int(vehicles), pace, Path(place).write_text))
