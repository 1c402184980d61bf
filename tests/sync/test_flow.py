"""Whole syncs against the simulator: what is stored is what its world holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.sync.house import House

from milepost import clock

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)


def truth(house: House, start: datetime, end: datetime) -> set[tuple[str, datetime]]:
    """The fixes that the world's provider holds at `end`, by vehicle and time."""
    world = house.sandbox.world
    return {
        (vehicle.id, fix.located_at)
        for vehicle in world.vehicles
        for window in world.held(vehicle.id, start, end, end)
        for fix in world.fixes(vehicle.id, *window)
    }


async def stored(house: House) -> list[tuple[str, datetime]]:
    return await house.rows(
        "select d.source_id, p.located_at from position p"
        " join document d on d.connection_id = p.connection_id and d.id = p.vehicle_id"
    )


async def test_a_sync_stores_exactly_what_the_provider_holds(house: House) -> None:
    """The earliest records to sync for those based on time: startFrom, and everything from it on."""
    with clock.held_at(NOON):
        sync = await house.sync(days=2)

    assert (sync.status, float(sync.progress), sync.attempts) == ("completed", 100.0, 1)
    found = await stored(house)
    inside = {row for row in found if row[1] >= NOON - timedelta(days=2)}
    assert len(found) == len(set(found))
    assert inside - truth(house, NOON, NOON) == truth(house, NOON - timedelta(days=2), NOON)
    assert await house.count("document where model = 'driver'") == len(house.sandbox.world.drivers)
    assert await house.count("document where model = 'group'") == len(house.sandbox.world.groups)
    kinds = await house.rows("select distinct type from stat")
    assert len(kinds) >= 8


async def test_the_same_sync_again_adds_nothing(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=1)
        before = await whole_state(house)
        requests = house.sandbox.log.show(each=False)["requests"]

        again = await house.sync(days=1)

    assert again.status == "completed"
    assert await whole_state(house) == before
    # What is held is not asked for again: no history, a look at each feed, and the listings.
    log = house.sandbox.log.show(each=True)["each"][requests:]
    assert not [asked for asked in log if asked["path"].endswith("/stats/history")]
    feeds = [spec for spec in house.registry.manifest("samsara").streams if spec.feed]
    assert len([a for a in log if a["path"].endswith("/feed")]) <= len(feeds)


async def whole_state(house: House) -> list[object]:
    """Everything that a sync may leave behind but syncs themselves."""
    tables = ("position", "stat", "document", "raw", "issue", "set_aside")
    counts: list[object] = [await house.count(table) for table in tables]
    counts.append([event for event in await house.events() if not event.startswith("sync.")])
    counts.append(await house.rows("select max(modified_at) from position"))
    return counts


async def test_a_later_sync_without_a_start_brings_what_came_in_since_late_records_included(
    house: House,
) -> None:
    start = NOON - timedelta(hours=6)
    with clock.held_at(NOON):
        await house.sync(start_from=start)
    for hours in (2, 5, 26):
        with clock.held_at(NOON + timedelta(hours=hours)):
            sync = await house.sync()
            assert sync.status == "completed"

    end = NOON + timedelta(hours=26)
    found = [row for row in await stored(house) if row[1] >= start]
    assert len(found) == len(set(found))
    assert set(found) == truth(house, start, end)


async def test_a_sync_of_zero_days_discovers_every_entity_and_the_last_positions(
    house: House,
) -> None:
    with clock.held_at(NOON):
        sync = await house.sync(days=0)

    world = house.sandbox.world
    assert sync.status == "completed"
    assert sync.start_from == NOON
    assert await house.count("document where model = 'vehicle'") == len(world.vehicles)
    latest = {
        (vehicle.id, fix.located_at)
        for vehicle in world.vehicles
        if (fix := world.latest_fix(vehicle.id, NOON))
    }
    assert set(await stored(house)) == latest


async def test_without_a_start_a_sync_begins_when_the_last_one_was_requested_or_now(
    house: House,
) -> None:
    with clock.held_at(NOON):
        first = await house.request()
        assert first.start_from == NOON
        await house.fault(kind="token_revoked")
        await house.work()
    assert (await house.state(first)).status == "failed"

    await house.relink()
    with clock.held_at(NOON + timedelta(hours=1)):
        second = await house.request()
    assert second.start_from == NOON


async def test_gaps_that_a_failed_sync_left_are_filled_whatever_the_next_one_asks_for(
    house: House,
) -> None:
    start = NOON - timedelta(days=2)
    with clock.held_at(NOON):
        await house.fault(kind="cursor_repeated", path="*/stats/history", query="types=gps")
        failed = await house.sync(days=2)
        assert failed.status == "failed"
        assert failed.failure_reason is not None
        assert "locations" in failed.failure_reason

        house.sandbox.faults.clear()
        narrow = await house.sync(days=0)

    assert narrow.status == "completed"
    assert {row for row in await stored(house) if row[1] >= start} == truth(house, start, NOON)


async def test_a_start_beyond_the_providers_history_is_clamped_and_reported(house: House) -> None:
    days = house.registry.manifest("samsara").history_days
    with clock.held_at(NOON):
        sync = await house.request(days=days + 10)

    assert sync.start_from == NOON - timedelta(days=days)
    codes = await house.rows("select i.code from issue i join sync_issue using (connection_id)")
    assert codes == [("retention_window_exceeded",)]


async def test_raw_is_kept_once_for_every_record_and_opens_to_what_the_provider_sent(
    house: House,
) -> None:
    with clock.held_at(NOON):
        await house.sync(days=1)

    for table in ("position", "stat", "document"):
        orphans = await house.count(
            f"{table} t left join raw r on r.connection_id = t.connection_id and r.id = t.raw_id"
            " where r.id is null"
        )
        assert orphans == 0
    assert (
        await house.count(
            "raw where not exists (select from position where raw_id = raw.id)"
            " and not exists (select from stat where raw_id = raw.id)"
            " and not exists (select from document where raw_id = raw.id)"
        )
        == 0
    )
