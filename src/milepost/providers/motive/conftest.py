"""A Motive that says what a test gives it: `connected(answer)` serves it on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.kit import registry
from milepost.kit.contract import Connector, Page, Slice
from milepost.kit.laws.stage import SpokenIdentity
from milepost.kit.login import Pocket
from milepost.kit.loopback import Loopback, Said

FIXTURES = Path(__file__).parent / "fixtures"
KEY = "verySecretWord"


@asynccontextmanager
async def connected(
    answer: Any, credentials: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Connector, Loopback]]:
    async with Loopback(answer).serving() as server:
        providers = registry.load({"motive": server.base_url}, pace={"motive": 0})
        wallet = Pocket({"apiKey": KEY} if credentials is None else dict(credentials))
        connector = providers.connect("motive", wallet, SpokenIdentity())
        try:
            yield connector, server
        finally:
            await connector.aclose()


async def collect(connector: Connector, **slice_: Any) -> list[Page]:
    return [page async for page in connector.pages(Slice(**slice_))]


def said(body: Any, status: int = 200, **headers: str) -> Said:
    return Said(json.dumps(body).encode(), status, headers)


def listed(plural: str, *rows: Any, number: int = 1, total: int | None = None) -> Any:
    """Wrap rows as the vendor does: `{"groups": [{"group": {…}}], "pagination": {…}}`."""
    singular = plural.removesuffix("s")
    pagination = {
        "per_page": 100,
        "page_no": number,
        "total": len(rows) if total is None else total,
    }
    return {plural: [{singular: row} for row in rows], "pagination": pagination}


def records(pages: list[Page]) -> list[Any]:
    """Show the records of pages as JSON has them."""
    return [
        msgspec.json.decode(msgspec.json.encode(record))
        for page in pages
        for cut in page.cuts
        for record in cut.records
    ]


@pytest.fixture
def samples(shared: Path) -> Path:
    return shared / "samples/motive"
