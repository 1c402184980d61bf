"""What the world holds comes back through the dialect and its connector, less nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from msgspec import UNSET, UnsetType

from milepost import clock, ids
from milepost.kit import registry
from milepost.kit.contract import Connector, Page, Slice
from milepost.kit.login import Pocket
from milepost.models.location import Fix
from milepost.models.stats import STAT_TYPES, StatReading
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving

NOW = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
START = NOW - timedelta(hours=9)


def connect(base: str) -> Connector:
    found = registry.load({"samsara": f"{base}/samsara"})
    return found.connect("samsara", Pocket({"apiKey": "any"}), ids.Identity(ids.new()))


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
        # Parts of the window are walked side by side, so that their pages come in turn.
        back = sorted(got.get(vehicle.id, []), key=lambda fix: fix.located_at)
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


async def test_trailers_are_where_the_world_has_them(sim: ModuleType) -> None:
    app = Sandbox(Settings(limits=False), {"samsara": sim})
    seen: list[dict[str, str]] = []

    async with serving(app) as base:
        connector = connect(base)
        for at in (NOW, NOW + timedelta(hours=4)):
            with clock.held_at(at):
                found = [location for location, _ in await connector.trailer_locations()]
            true = {each.id: app.world.trailer_fix(each.id, at) for each in app.world.trailers}
            places = [
                (clock.iso(fix.located_at.replace(microsecond=0)), fix.latitude, fix.longitude)
                for fix in true.values()
                if fix is not None
            ]
            assert places == [
                (each.located_at, each.location.latitude, each.location.longitude) for each in found
            ]
            assert 0 < len(places) < len(true)
            seen.append({str(each.trailer): str(each.location) for each in found})
        await connector.aclose()

    assert seen[0].keys() == seen[1].keys()
    assert all(seen[0][trailer] != seen[1][trailer] for trailer in seen[0])


async def test_footage_comes_back_with_addresses_of_its_own(sim: ModuleType) -> None:
    app = Sandbox(Settings(limits=False), {"samsara": sim})
    incidents = app.world.incidents(NOW - timedelta(days=30), NOW, NOW)
    cameras = {each.id for each in app.world.vehicles if each.camera_serial}

    with clock.held_at(NOW):
        async with serving(app) as base:
            connector = connect(base)
            found = {each.id: await connector.camera_media(each.id) for each in incidents[:40]}
            unknown = await connector.camera_media("nothing")
            await connector.aclose()

    assert unknown is None
    for each in incidents[:40]:
        media = found[each.id]
        filmed = each.footage_at is not None and each.vehicle_id in cameras
        assert (media is not None) == filmed
        if media is not None:
            front, rear = media[0].front_facing, media[0].rear_facing
            assert not isinstance(front, UnsetType)
            assert not isinstance(rear, UnsetType)
            assert front.video_url != rear.video_url
    assert 0 < sum(media is not None for media in found.values()) < len(found)


async def test_the_latest_place_names_who_is_at_the_wheel(sim: ModuleType) -> None:
    app = Sandbox(Settings(limits=False), {"samsara": sim})

    with clock.held_at(NOW):
        async with serving(app) as base:
            connector = connect(base)
            found = {str(each.vehicle): each for each, _ in await connector.latest_locations()}
            identity = connector._identity  # type: ignore[attr-defined]
            await connector.aclose()

    driven = 0
    for vehicle in app.world.vehicles:
        fix = app.world.latest_fix(vehicle.id, NOW)
        if fix is None:
            continue
        at = fix.located_at.replace(microsecond=0)
        seated = [
            each.driver_id
            for each in app.world.assignments(at, NOW)
            if each.vehicle_id == vehicle.id and not each.passenger and each.starts_at <= at
        ]
        told = found[identity.of("vehicle", vehicle.id)].driver
        assert told == (identity.of("driver", seated[0]) if seated else UNSET)
        driven += bool(seated)
    assert driven > 2
