"""A simulated vendor to talk to: `vendor.get(...)` asks the simulator as a pure function, no server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from tests.sandbox.motive_told import IDENTITY, Told
from tests.sandbox.motive_told import NOW as MOTIVE_NOW
from tests.sandbox.samsara_document import Contract

from milepost import clock
from milepost.kit import registry
from milepost.kit.login import Pocket
from milepost.kit.simulation import Conditions, SimAnswer, SimRequest
from milepost.kit.world import World
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.sandbox.world import SyntheticWorld

NOW = datetime(2026, 3, 4, 18, 30, 0, 250_000, tzinfo=UTC)


class Vendor:
    """One account at the simulated vendor; `now` and `conditions` can be changed between requests."""

    def __init__(self, sim: ModuleType, world: World) -> None:
        self.sim = sim
        self.world = world
        self.now = NOW
        self.conditions = Conditions()
        self.headers = {"authorization": "Bearer any"}

    def ask(self, path: str, **query: Any) -> SimAnswer:
        asked = {name: [str(value)] for name, value in query.items() if value is not None}
        request = SimRequest(method="GET", path=path, query=asked, headers=self.headers)
        answer: SimAnswer = self.sim.answer(request, self.world, self.now, self.conditions)
        return answer

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.ask(path, **query)
        assert answer.status == 200, answer.body
        page: dict[str, Any] = msgspec.json.decode(answer.body)
        return page

    def refusal(self, path: str, **query: Any) -> tuple[int, str]:
        answer = self.ask(path, **query)
        return answer.status, msgspec.json.decode(answer.body)["message"]

    def walk(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield pages until there is no next one."""
        after = None
        while True:
            page = self.get(path, after=after, **query)
            yield page
            after = page["pagination"]["endCursor"]
            if not page["pagination"]["hasNextPage"]:
                return

    def readings(self, path: str, kind: str, **query: Any) -> list[tuple[str, str]]:
        """Return (vehicle, time) of every reading of a whole walk, in the order shown."""
        return [
            (record["id"], reading["time"])
            for page in self.walk(path, types=kind, **query)
            for record in page["data"]
            for reading in record[kind]
        ]


@pytest.fixture(scope="session")
def sim() -> ModuleType:
    module: ModuleType = registry.load().simulators()["samsara"]
    return module


@pytest.fixture(scope="session")
def world() -> World:
    return SyntheticWorld(seed=7)


@pytest.fixture
def vendor(sim: ModuleType, world: World) -> Vendor:
    return Vendor(sim, world)


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(__file__).resolve().parents[2].parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder ../shared with vendors' specs and traces is not here")
    return folder


@pytest.fixture(scope="session")
def contract(shared: Path) -> Contract:
    return Contract(json.loads((shared / "specs" / "samsara-2025-10-23.json").read_bytes()))


@pytest.fixture(scope="session")
def motive() -> ModuleType:
    module: ModuleType = registry.load().simulators()["motive"]
    return module


@pytest.fixture(params=[7, None], ids=["pages of 7", "pages of 100"])
async def told(request: pytest.FixtureRequest, motive: ModuleType) -> AsyncIterator[Told]:
    sandbox = Sandbox(Settings(limits=False, page_records=request.param), {"motive": motive})
    async with serving(sandbox) as base:
        providers = registry.load({"motive": f"{base}/motive"}, pace={"motive": 0})
        connector = providers.connect("motive", Pocket({"apiKey": "any"}), IDENTITY)
        with clock.held_at(MOTIVE_NOW):
            yield Told(sandbox, connector)
        await connector.aclose()
