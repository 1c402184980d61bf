"""World → simulated Motive → connector → the same world, less what the dialect cannot carry.

That is: milliseconds, names split in three, readings between two positions, miles of a day's log finer
than a mile, kinds of events that have no name there, cameras as devices.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET

from milepost import clock, ids
from milepost.kit.contract import Connector, Slice
from milepost.sandbox.app import Sandbox

NOW = datetime(2026, 3, 10, 18, 30, tzinfo=UTC)  # Two days after clocks went forward in the US.
START = NOW - timedelta(days=4)
IDENTITY = ids.Identity(ids.new())


class Told:
    """What a connector reads of a sandbox at one instant."""

    def __init__(self, sandbox: Sandbox, connector: Connector) -> None:
        self.world = sandbox.world
        self.sandbox = sandbox
        self.connector = connector

    async def records(self, stream: str, start: datetime = START) -> list[Any]:
        slice_ = Slice(stream=stream, mode="history", starts_at=start, ends_at=NOW)
        return await self._read(slice_)

    async def listed(self, stream: str) -> dict[str, Any]:
        found = await self._read(Slice(stream=stream, mode="listing"))
        return {record.source_id: record for record in found}

    async def _read(self, slice_: Slice) -> list[Any]:
        pages = [page async for page in self.connector.pages(slice_)]
        assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
        cuts = [cut for page in pages for cut in page.cuts]
        assert [reject for cut in cuts for reject in cut.rejects] == []
        return [record for cut in cuts for record in cut.records]


def name(model: str, source_id: str | None) -> Any:
    return None if source_id is None else IDENTITY.of(model, source_id)


def at(instant: datetime) -> str:
    return clock.iso(instant.replace(microsecond=0))


def given(value: Any) -> Any:
    """What a record says, or None where it says nothing."""
    return None if value is UNSET else value
