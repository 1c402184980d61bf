"""How much of a provider's allowance is used, and how many calls are refused: budgets in the database, limits enforced."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from bench.figures import Figure
from bench.installation import Installation
from bench.played import LOGINS
from milepost import clock
from milepost.errors import SlowDown
from milepost.ids import Identity, new
from milepost.kit import registry
from milepost.kit.contract import Connector, Slice
from milepost.kit.login import Pocket
from milepost.store.quota import StoredLender

CONNECTORS = 3
HANDS = 4
# A pace that is not documented doubles in a quarter of a minute.
WARMING, SECONDS = 45.0, 30.0


class Asking(msgspec.Struct, frozen=True):
    """What is asked for over and over, where it goes, and what the simulator allows a second."""

    code: str
    slice_: Slice
    path: str
    rate: float


KINDS = (
    Asking("samsara", Slice(stream="vehicles", mode="listing"), "/samsara/fleet/vehicles", 25),
    Asking("motive", Slice(stream="vehicles", mode="listing"), "/motive/v1/vehicles", 10),
    Asking("geotab", Slice(stream="locations", mode="feed"), "/geotab/apiv1", 1),
)


async def measure(site: Installation) -> list[Figure]:
    """Let several connectors of one login ask as often as they may; count at the simulator."""
    async with site.simulator(vehicles=2, limits=True), site.database() as database:
        urls = {kind.code: f"{site.sandbox_url}/{kind.code}" for kind in KINDS}
        providers, lender = registry.load(urls), StoredLender(database)
        connectors: list[tuple[Asking, Connector]] = []
        for kind in KINDS:
            wallet = Pocket(LOGINS[kind.code])
            connectors += [
                (kind, providers.connect(kind.code, wallet, Identity(new()), lender=lender))
                for _ in range(CONNECTORS)
            ]
        ends = time.monotonic() + WARMING + SECONDS
        hands = [
            asyncio.create_task(_ask(connector, kind, ends))
            for kind, connector in connectors
            for _ in range(HANDS)
        ]
        await asyncio.sleep(WARMING)
        await site.ask_sandbox("DELETE", "/requests")
        await asyncio.sleep(SECONDS)
        seen: dict[str, Any] = (await site.ask_sandbox("GET", "/requests"))["endpoints"]
        await asyncio.gather(*hands)
        for _, connector in connectors:
            await connector.aclose()
    return [figure for kind in KINDS for figure in _figures(kind, seen[kind.path])]


async def _ask(connector: Connector, kind: Asking, ends: float) -> None:
    while time.monotonic() < ends:
        try:
            async for _ in connector.pages(kind.slice_):
                pass
        except SlowDown as slow:  # As a worker, which has something better to do meanwhile.
            await asyncio.sleep(max(0.0, (slow.until - clock.now()).total_seconds()))


def _figures(kind: Asking, seen: dict[str, Any]) -> list[Figure]:
    requests, refused = seen["requests"], seen["throttled"]
    used = 100 * (requests - refused) / (kind.rate * SECONDS)
    note = f"{requests} calls in {SECONDS:g} s of {kind.rate:g} a second"
    return [
        Figure(
            name=f"{kind.code}: allowance used", value=used, unit="%", target=90, better="more",
            note=note,
        ),
        Figure(
            name=f"{kind.code}: calls refused", value=100 * refused / requests, unit="%",
            target=0.1,
        ),
    ]  # fmt: skip
