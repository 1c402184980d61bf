"""What the world holds comes back through the dialect and its connector, less nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from milepost import clock, ids
from milepost.kit import registry
from milepost.kit.contract import Connector, Page, Slice
from milepost.models.location import Fix
from milepost.models.stats import STAT_TYPES, StatReading
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving

NOW = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
START = NOW - timedelta(hours=9)


def connect(base: str) -> Connector:
    found = registry.load({"samsara": f"{base}/samsara"})
    return found.connect("samsara", {"apiKey": "any"}, ids.Identity(ids.new()))


async def collect(connector: Connector, **slice_: Any) -> list[Page]:
    return [page async for page in connector.pages(Slice(**slice_))]


@pytest.mark.parametrize("page", [700, None])
async def test_positions_come_back_as_they_were(sim: ModuleType, page: int | None) -> None:
    app = Sandbox(Settings(limits=False, page_readings=page), {"samsara": sim})

    with clock.held_at(NOW):
        async with serving(app) as base:
            connector = connect(base)
            pages = await collect(
                connector, stream="locations", mode="history", starts_at=START, ends_at=NOW
            )
            await connector.aclose()

    got: dict[str, list[Fix]] = {}
    for cut in (cut for page_ in pages for cut in page_.cuts):
        assert cut.subject is not None
        got.setdefault(cut.subject, []).extend(r for r in cut.records if isinstance(r, Fix))
    for vehicle in app.world.vehicles:
        held = app.world.held(vehicle.id, START, NOW, NOW)
        true = [fix for window in held for fix in app.world.fixes(vehicle.id, *window)]
        back = got.get(vehicle.id, [])
        assert [
            (f.located_at, f.latitude, f.longitude, f.heading, f.speed, f.address) for f in back
        ] == [(f.located_at, f.latitude, f.longitude, f.heading, f.speed, f.address) for f in true]
    assert sum(map(len, got.values())) > 10_000


async def test_readings_come_back_as_they_were(sim: ModuleType) -> None:
    app = Sandbox(Settings(limits=False), {"samsara": sim})
    streams = [
        s.name for s in registry.load().manifest("samsara").streams if s.model == "vehicle_stat"
    ]
    got: dict[tuple[str, str], list[tuple[datetime, float]]] = {}

    with clock.held_at(NOW):
        async with serving(app) as base:
            connector = connect(base)
            for stream in streams:
                pages = await collect(
                    connector, stream=stream, mode="history", starts_at=START, ends_at=NOW
                )
                for cut in (cut for page in pages for cut in page.cuts):
                    for record in cut.records:
                        assert isinstance(record, StatReading)
                        assert cut.subject is not None
                        key = (cut.subject, record.type)
                        got.setdefault(key, []).append((record.at, record.value))
            await connector.aclose()

    for vehicle in app.world.vehicles:
        for kind in STAT_TYPES:
            held = app.world.held(vehicle.id, START, NOW, NOW)
            true = [r for w in held for r in app.world.readings(vehicle.id, kind, *w)]
            back = sorted(got.get((vehicle.id, kind), []))
            assert back == [(reading.at, reading.value) for reading in true], (vehicle.name, kind)
    assert sum(map(len, got.values())) > 5_000
