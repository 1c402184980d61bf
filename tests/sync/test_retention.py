"""What is past its retention goes, is not claimed, and is not fetched again; everything else stays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sync.house import House, connect

from milepost import clock
from milepost.config import Retained
from milepost.kit import registry
from milepost.kit.slices import SliceRow
from milepost.store import coverage
from milepost.sync.expiry import expire
from milepost.sync.fence import fenced
from milepost.sync.retention import Kind, Retention
from milepost.sync.run import Runner
from milepost.sync.worker import tasks

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
DAY = timedelta(days=1)
# Kept for half a day, of which whole days count: from the beginning of this day on.
CUTOFF = NOON.replace(hour=0)


def keeping(house: House, **days: float) -> Retention:
    """Let the house keep kinds of data for some days only; return what was set."""
    retention = Retention(days)
    house.runner = Runner(
        house.database,
        house.registry,
        house.queue,
        turn_seconds=60,
        public_url="",
        retention=retention,
    )
    house.queue.tasks.clear()
    tasks(house.queue, house.runner)
    return retention


async def drop(
    house: House, retention: Retention, now: datetime = NOON, batch: int = 5000, seconds: float = 60
) -> bool:
    return await expire(
        house.database, house.registry, retention, batch=batch, seconds=seconds, now=now
    )


async def earliest(house: House) -> Mapping[str, datetime]:
    return {
        "position": (await house.rows("select min(located_at) from position"))[0][0],
        "stat": (await house.rows("select min(at) from stat"))[0][0],
    }


async def test_what_is_past_goes_and_the_rest_stays_as_it_was(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=1)
    cutoff = CUTOFF
    counts = [
        f"position where located_at >= '{cutoff}'",
        f"stat where at >= '{cutoff}'",
        f"document where starts_at >= '{cutoff}' or starts_at is null",
    ]
    before = [await house.count(each) for each in counts]
    assert (await earliest(house))["position"] < cutoff

    assert await drop(house, Retention({"positions": 0.5, "stats": 0.5, "documents": 0.5}))

    assert [await house.count(each) for each in counts] == before
    assert await house.count(f"position where located_at < '{cutoff}'") == 0
    assert await house.count(f"stat where at < '{cutoff}'") == 0
    old = f"starts_at < '{cutoff}'"
    gone = f"document where model in ('trip', 'safety_event') and {old} and ends_at < '{cutoff}'"
    assert await house.count(gone) == 0


async def test_coverage_claims_nothing_that_was_dropped_and_no_sync_fetches_it_again(
    house: House,
) -> None:
    retention = keeping(house, positions=0.5, stats=0.5, documents=0.5)
    with clock.held_at(NOON):
        await house.sync(days=1)
        await drop(house, retention)
        before, counted = await earliest(house), await house.count("position")
        asked = house.sandbox.log.show(each=False)["requests"]

        again = await house.sync(days=1)

        assert again.status == "completed"
        async with house.database.session() as session:
            held = await coverage.held(session, house.connection.id)
        timed = [s for s in house.registry.manifest("samsara").streams if s.kind != "listing"]
        for spec in timed:
            assert held[spec.name][0][0] >= NOON - DAY / 2, spec.name
    assert await earliest(house) == before
    assert await house.count("position") == counted
    log = house.sandbox.log.show(each=True)["each"][asked:]
    assert not [each for each in log if each["path"].endswith("/stats/history")]


async def test_what_was_kept_for_ever_is_let_go_of_when_a_retention_is_set(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=1)
        retention = keeping(house, positions=0.5)
        await drop(house, retention)
        async with house.database.session() as session:
            held = await coverage.held(session, house.connection.id)
    names = {spec.model: spec.name for spec in house.registry.manifest("samsara").streams}

    assert held[names["vehicle_location"]][0][0] == NOON - DAY / 2
    assert held[names["vehicle_stat"]][0][0] == NOON - DAY


async def test_a_month_that_is_past_is_emptied_and_still_takes_what_comes_late(
    house: House,
) -> None:
    new_month = datetime(2026, 3, 1, 6, tzinfo=UTC)
    retention = Retention({"positions": 5})
    with clock.held_at(new_month):
        await house.sync(days=0.4)
    before = await house.count("position_y2026m03")
    assert await house.count("position_y2026m02") > 0

    assert await drop(house, retention, new_month + timedelta(days=5, hours=2))

    assert await house.count("position_y2026m02") == 0
    assert await house.rows("select pg_relation_size('position_y2026m02')") == [(0,)]
    assert await house.count("position_y2026m03") == before
    async with house.database.session() as session:
        await session.execute(
            "insert into position select connection_id, vehicle_id, located_at - interval '1 day',"
            " modified_at, raw_id, latitude, longitude from position limit 1"
        )
    assert await house.count("position_y2026m02") == 1


async def test_a_month_that_somebody_reads_waits_for_the_next_look(house: House) -> None:
    new_month = datetime(2026, 3, 1, 6, tzinfo=UTC)
    retention, now = Retention({"positions": 5}), new_month + timedelta(days=5, hours=2)
    with clock.held_at(new_month):
        await house.sync(days=0.5)
    async with house.database.transaction() as reader:
        await reader.execute("select 1 from position_y2026m02 limit 1")
        await drop(house, retention, now)
        assert await house.count("position_y2026m02") > 0

    await drop(house, retention, now)

    assert await house.count("position_y2026m02") == 0


async def test_dropping_goes_on_beside_a_sync_and_needs_no_fence(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=0.2)
    async with fenced(house.database, house.connection.id) as fence:
        assert fence is not None

        assert await drop(house, Retention({"positions": 1}))


async def test_who_has_no_more_time_goes_on_at_the_next_look(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=0.9)
    retention, looks = Retention({"positions": 0.5}), 1
    while not await drop(house, retention, batch=500, seconds=0):
        looks += 1

    assert looks > 2
    assert await house.count(f"position where located_at < '{CUTOFF}'") == 0


async def test_raw_and_events_go_by_their_age_and_other_fleets_are_looked_after_as_well(
    house: House, application_id: object
) -> None:
    await connect(house.database, house.connection.application_id)
    with clock.held_at(NOON):
        await house.sync(days=0.2)
    # Whole days are dropped: what is counted in hours begins with a day, whatever the hour is now.
    begun = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    async with house.database.session() as session:
        await session.execute("update event set at = %s, number = place", (begun + DAY,))
    retention = Retention({"raw": 3, "events": 4})
    raw, events = await house.count("raw"), await house.count("event")

    await drop(house, retention, begun + 3 * DAY)
    assert (await house.count("raw"), await house.count("event")) == (raw, events)
    await drop(house, retention, begun + 5 * DAY + timedelta(hours=2))
    assert (await house.count("raw"), await house.count("event")) == (0, events)
    await drop(house, retention, begun + 6 * DAY + timedelta(hours=2))
    assert (await house.count("raw"), await house.count("event")) == (0, 0)
    assert await house.count("expiry") == 4
    assert await house.count("position") > 0


async def test_without_a_retention_nothing_goes(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=0.5)
    before = await house.count("position")

    assert await drop(house, Retention(), NOON + 3650 * DAY)

    assert (await house.count("position"), await house.count("expiry")) == (before, 0)


@pytest.mark.parametrize("days", [0.5, 7.0])
@given(
    starts=st.lists(st.floats(0, 30), max_size=20),
    length=st.floats(0.01, 10),
    mode=st.sampled_from(["history", "feed"]),
)
def test_a_plan_asks_for_no_history_that_would_be_dropped(
    days: float, starts: list[float], length: float, mode: str
) -> None:
    manifest = registry.load().manifest("samsara")
    name = next(s.name for s in manifest.streams if s.model == "vehicle_location")
    rows = [
        SliceRow(
            number=place, stream=name, mode=mode, rank=1, weight=length,  # type: ignore[arg-type]
            starts_at=NOON - ago * DAY, ends_at=NOON - (ago - length) * DAY,
        )
        for place, ago in enumerate(starts)
    ]  # fmt: skip

    kept = Retention({"positions": days}).clamped(manifest, rows, NOON)

    assert [row.number for row in kept] == list(range(len(kept)))
    if mode == "feed":
        assert len(kept) == len(rows)
        return
    assert all(row.starts_at and row.starts_at >= NOON - days * DAY for row in kept)
    ends = [row.ends_at for row in rows if row.ends_at and row.ends_at > NOON - days * DAY]
    assert [row.ends_at for row in kept] == ends


def test_the_setting_knows_the_kinds_that_there_are() -> None:
    assert get_args(Retained) == get_args(Kind)


async def test_what_was_known_long_ago_goes_and_what_is_known_stays(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=0.2)
    async with house.database.session() as session:
        await session.execute('update document set body = body || \'{"name": "Old"}\'')
    with clock.held_at(NOON):
        await house.sync()
    documents, versions = await house.count("document"), await house.count("document_version")
    assert versions > 0
    now = clock.now()

    await drop(house, Retention({"versions": 2}), now + DAY)
    assert await house.count("document_version") == versions
    await drop(house, Retention({"versions": 2}), now + timedelta(days=3, hours=2))

    assert await house.count("document_version") == 0
    assert await house.count("document") == documents
