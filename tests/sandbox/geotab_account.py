"""A connector of Geotab at the simulator, whose records are named by what they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from milepost import clock
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.contract import Connector, Page, Slice
from milepost.kit.login import Pocket
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving

NOW = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
START = NOW - timedelta(days=2)
LOGIN = {"username": "milepost@fleet.example", "password": "any", "database": "prairie_star"}


class SpokenIdentity(Identity):
    def __init__(self) -> None:
        super().__init__(UUID(int=1))

    def of(self, model: str, source_id: str) -> str:
        return f"{model}:{source_id}"


class Account:
    """One account at the simulated vendor."""

    def __init__(self, app: Sandbox, connector: Connector, base_url: str) -> None:
        self.app = app
        self.world = app.world
        self.connector = connector
        self.base_url = base_url

    async def read(
        self, stream: str, mode: str = "history", cursor: str | None = None
    ) -> list[Page]:
        window: dict[str, Any] = {"starts_at": START, "ends_at": NOW} if mode == "history" else {}
        slice_: Any = {"stream": stream, "mode": mode, "cursor": cursor, **window}
        return [page async for page in self.connector.pages(Slice(**slice_))]

    async def records(self, stream: str, mode: str = "history") -> list[Any]:
        pages = await self.read(stream, mode)
        assert [reject for page in pages for cut in page.cuts for reject in cut.rejects] == []
        return [record for page in pages for cut in page.cuts for record in cut.records]


@asynccontextmanager
async def account(
    now: datetime = NOW, credentials: dict[str, str] | None = None, **settings: Any
) -> AsyncIterator[Account]:
    app = Sandbox(Settings(limits=False, **settings), registry.load().simulators())
    with clock.held_at(now):
        async with serving(app) as base:
            providers = registry.load({"geotab": f"{base}/geotab"}, pace={"geotab": 0})
            wallet = Pocket(LOGIN if credentials is None else credentials)
            connector = providers.connect("geotab", wallet, SpokenIdentity())
            try:
                yield Account(app, connector, f"{base}/geotab")
            finally:
                await connector.aclose()


def geotab(world_id: str) -> str:
    """Spell an id of the world as the vendor does."""
    return f"b{int(world_id):X}"
