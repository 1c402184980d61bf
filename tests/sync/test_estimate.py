"""What a sync would take, said before it starts and held against what it took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.sync.house import House

from milepost import clock
from milepost.errors import BadRequest
from milepost.kit import registry
from milepost.models.sync import SyncEstimate
from milepost.store import connections
from milepost.sync import estimate, planner
from milepost.sync.estimate import Fleet, Measured
from milepost.sync.retention import UNLIMITED, Retention

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
DAY = timedelta(days=1)
SAMSARA = registry.load().manifest("samsara")


async def foresee(
    house: House, *, days: float | None = None, refetch: bool = False,
    start_from: datetime | None = None, retention: Retention = UNLIMITED,
) -> SyncEstimate:  # fmt: skip
    async with house.database.transaction() as session:
        row = await connections.get(session, house.connection.id)
        assert row is not None
        return await house.desk.foresee(
            session, row, retention, days=days, start_from=start_from, refetch=refetch
        )


def asked(house: House, since: int = 0) -> int:
    return len(house.sandbox.log.show(each=True)["each"]) - since


def calls(found: SyncEstimate) -> dict[str, int]:
    return {each.stream: each.calls for each in found.streams}


async def test_what_a_longer_sync_takes_is_foreseen_and_nothing_is_started(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=2)
        before, syncs = asked(house), await house.count("sync")
        said = await foresee(house, days=9)
        assert (asked(house, before), await house.count("sync")) == (0, syncs)

        done = await house.sync(days=9)

    assert said.vehicles == len(house.sandbox.world.vehicles)
    assert said.calls == pytest.approx(asked(house, before), rel=0.25)
    assert said.records == pytest.approx(done.records, rel=0.25)
    assert said.records == sum(each.records for each in said.streams)
    sizes = await house.rows("select sum(bytes) from sync_stream where sync_id = %s", done.id)
    assert said.bytes == pytest.approx(int(sizes[0][0]), rel=0.25)
    assert {each.basis for each in said.streams} == {"measured"}


async def test_what_is_held_costs_no_call_and_a_refetch_costs_them_all(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=3)

        again, forced = calls(await foresee(house, days=3)), calls(
            await foresee(house, days=3, refetch=True)
        )  # fmt: skip
        before = asked(house)
        await house.sync(days=3)
        took = asked(house, before)
        before = asked(house)
        await house.sync(days=3, refetch=True)
        took_by_force = asked(house, before)

    assert again["locations"] == 1  # The feed.
    assert forced["locations"] > 3
    assert sum(again.values()) == pytest.approx(took, rel=0.3)
    assert sum(forced.values()) == pytest.approx(took_by_force, rel=0.3)
    assert took_by_force > 1.5 * took


async def test_a_fleet_that_was_never_synced_is_foreseen_by_what_is_ordinary(house: House) -> None:
    with clock.held_at(NOON):
        nobody = await foresee(house, days=30)
        await house.sync(days=0)
        known = await foresee(house, days=30)

    assert (nobody.vehicles, nobody.records) == (0, 0)
    assert nobody.calls > 0
    assert known.vehicles == 4
    assert known.records > 4 * 30 * 1000
    assert "typical" in {each.basis for each in known.streams}
    with pytest.raises(BadRequest):
        await foresee(house, start_from=clock.now() + DAY)


async def test_what_retention_would_drop_is_not_counted(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=0)
        whole = await foresee(house, days=90)
        kept = await foresee(house, days=90, retention=Retention({"positions": 10}))

    rows = [
        next(each.records for each in found.streams if each.stream == "locations")
        for found in (whole, kept)
    ]
    assert rows[1] == pytest.approx(rows[0] / 9, rel=0.02)


def of(days: float, vehicles: int, past: estimate.Past) -> dict[str, estimate.Cost]:
    planned = planner.plan(
        SAMSARA, now=NOON, wanted=[(NOON - timedelta(days=days), NOON)], held={}, checkpoints={}
    )
    fleet = Fleet(counts={"vehicle": vehicles, "driver": vehicles})
    return estimate.costs(SAMSARA, planned, past, fleet, NOON)


MEASURED = st.builds(
    Measured, slices=st.integers(1, 50), pages=st.integers(1, 5_000), records=st.integers(0, 10**7),
    seconds=st.floats(0, 10**8), bytes=st.integers(0, 10**12), bytes_records=st.integers(0, 10**7),
)  # fmt: skip
PAST = st.dictionaries(
    st.tuples(
        st.sampled_from([spec.name for spec in SAMSARA.streams]),
        st.sampled_from(["listing", "history", "feed"]),
    ),
    MEASURED,
)


@example(days=2.0, more=29.0, vehicles=6, past={
    ("groups", "listing"): Measured(slices=1, pages=1, records=0, seconds=0.0),
    ("ifta_months", "history"): Measured(slices=1, pages=3, records=1, seconds=0.0),
})  # fmt: skip
@given(days=st.floats(0.1, 700), more=st.floats(0, 300), vehicles=st.integers(0, 3000), past=PAST)
def test_a_longer_sync_never_costs_less(
    days: float, more: float, vehicles: int, past: estimate.Past
) -> None:
    short, long = of(days, vehicles, past), of(days + more, vehicles, past)

    for stream, cost in short.items():
        assert cost.calls >= 0
        assert long[stream].records >= cost.records - 200  # Each slice is rounded.
        assert long[stream].calls >= cost.calls - 1
    assert estimate.seconds(SAMSARA, short) >= 0


def test_trips_asked_vehicle_by_vehicle_take_a_call_each_a_window_at_the_documented_pace() -> None:
    cost = of(18 * 30.4, 611, {})["trips"]

    assert cost.calls == 611 * 7
    assert estimate.seconds(SAMSARA, {"trips": cost}) == pytest.approx(611 * 7 / 5)


@pytest.mark.parametrize("code", registry.load().codes)
def test_what_a_stream_spends_of_is_a_limit_that_its_manifest_knows(code: str) -> None:
    manifest = registry.load().manifest(code)

    assert {spec.spends for spec in manifest.streams} - {""} <= manifest.limits.keys()
