"""A Geotab that says what a test gives it: `scripted(answers)` serves JSON-RPC on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost import clock
from milepost.kit import registry
from milepost.kit.contract import Connector, Page, Slice
from milepost.kit.laws.stage import SpokenIdentity
from milepost.kit.login import Pocket
from milepost.kit.loopback import Loopback
from milepost.providers.geotab.script import Script

FIXTURES = Path(__file__).parent / "fixtures"
LOGIN = {"username": "milepost@fleet.example", "password": "verySecretWord", "database": "fleet"}


@asynccontextmanager
async def connected(answer: Any, code: str = "geotab") -> AsyncIterator[tuple[Connector, Loopback]]:
    async with Loopback(answer).serving() as server:
        providers = registry.load({code: server.base_url}, pace={code: 0})
        connector = providers.connect(code, Pocket(LOGIN), SpokenIdentity())
        try:
            yield connector, server
        finally:
            await connector.aclose()


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def slice_of(given: Any, cursor: str | None = None) -> Slice:
    keys = {"stream", "mode", "starts_at", "ends_at"} & given.keys()
    return msgspec.convert({**{key: given[key] for key in keys}, "cursor": cursor}, Slice)


async def read(given: Any, cursor: str | None = None) -> tuple[list[Page], Script]:
    script = Script(given["answers"])
    async with connected(script) as (connector, _):
        with clock.held_at(clock.parse(given["now"])):
            return [page async for page in connector.pages(slice_of(given, cursor))], script


def records(pages: list[Page]) -> list[Any]:
    """Show the records of pages as JSON has them; a series' records with the vehicle that they are of."""
    return [
        json.loads(msgspec.json.encode(msgspec.to_builtins(record)))
        | ({"vehicle": cut.subject} if cut.subject is not None else {})
        for page in pages
        for cut in page.cuts
        for record in cut.records
    ]


def reasons(pages: list[Page]) -> list[str]:
    return [reject.reason for page in pages for cut in page.cuts for reject in cut.rejects]


@pytest.fixture
def samples() -> Path:
    folder = Path(__file__).resolve().parents[5] / "shared/samples/geotab"
    if not folder.is_dir():
        pytest.skip("the folder ../shared with recorded answers is not here")
    return folder
