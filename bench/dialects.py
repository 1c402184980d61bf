"""What each provider's dialect costs: mapping its positions."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec
from msgspec import Raw

from bench.figures import Figure, median
from bench.installation import Installation
from bench.processes import running
from bench.replay import NOW
from milepost import clock
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.contract import Cut, Slice
from milepost.kit.login import Pocket
from milepost.kit.salvage import Window
from milepost.models.location import Fix

CODES = ("samsara", "motive", "geotab")
LOGINS = {
    "samsara": {"apiKey": "bench"},
    "motive": {"apiKey": "bench"},
    "geotab": {"username": "bench@fleet.example", "password": "any", "database": "fleet"},
}
DAY = timedelta(days=1)
_MAPPED = 40  # Vehicles whose day is mapped: some 100,000 positions.
_PASSES = 5
_START_SECONDS, _LOOK_SECONDS = 60.0, 0.05

Map = Callable[[bytes, str | None, Window], list[Cut]]


async def measure(site: Installation) -> list[Figure]:
    found: list[Figure] = []
    for code in CODES:
        async with _played(site, code, _MAPPED) as url:
            found += _mapping(code, await _positions(code, url))
    return found


@contextlib.asynccontextmanager
async def _played(site: Installation, code: str, vehicles: int) -> AsyncIterator[str]:
    place = site.folder / f"{code}-{vehicles}.url"
    command = ["bench.replay", code, str(vehicles), str(place)]
    async with running(command, site.environ, site.folder / "replay.log") as process:
        async with asyncio.timeout(_START_SECONDS):
            while not (place.is_file() and place.read_text()):
                process.require()
                await asyncio.sleep(_LOOK_SECONDS)
        yield place.read_text()


async def _positions(code: str, url: str) -> list[Cut]:
    """Read a day of positions as the connector does, for what it reads them of."""
    connector = registry.load({code: url}, {code: 0}).connect(
        code, Pocket(LOGINS[code]), Identity(UUID(int=1))
    )
    slice_ = Slice(stream="locations", mode="history", starts_at=NOW - DAY, ends_at=NOW)
    try:
        with clock.held_at(NOW):
            return [cut async for page in connector.pages(slice_) for cut in page.cuts]
    finally:
        await connector.aclose()


def _mapper(code: str) -> Map:
    """Return how a dialect makes positions of what came; of Motive's answers readings too."""
    readings = importlib.import_module(f"{registry.load().package(code)}.readings")
    rows = msgspec.json.Decoder(dict[str, Raw])
    match code:
        case "samsara":
            return lambda body, _, window: readings.positions(Raw(body), window)
        case "motive":
            return lambda body, vehicle, window: [
                readings.history_cut(body, vehicle, window, metric=True)
            ]
        case _:
            return lambda body, _, window: readings.positions(rows.decode(body)["data"], window, {})


def _mapping(code: str, cuts: Sequence[Cut]) -> list[Figure]:
    """Time the mapping of positions, and beside it a bare decoding of the same bytes into objects."""
    mapper, window = _mapper(code), Window(NOW, NOW - DAY, NOW)
    count = sum(isinstance(record, Fix) for cut in cuts for record in cut.records)
    rates: list[float] = []
    ratios: list[float] = []
    for _ in range(_PASSES):
        started = time.process_time()
        for cut in cuts:
            mapper(cut.body, cut.subject, window)
        mapped = time.process_time()
        for cut in cuts:
            msgspec.json.decode(cut.body)
        bare = time.process_time()
        rates.append(count / (mapped - started))
        ratios.append((bare - mapped) / (mapped - started))
    note = f"{count:,} positions" + (" with their readings" if code == "motive" else "")
    return [
        median(f"{code}: mapping", rates, "positions/s", target=250_000, better="more", note=note),
        median(f"{code}: mapping ÷ bare decoding", ratios, "", better="more"),
    ]
