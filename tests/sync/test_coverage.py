"""What is held and what is not: nothing is fetched twice, and nobody's gap is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qs

from tests.sync.house import House

from milepost import clock, ids
from milepost.ids import Identity
from milepost.store import coverage

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)


def asked_for(house: House, path: str, since: int = 0) -> list[str]:
    log = house.sandbox.log.show(each=True)["each"][since:]
    return [each["query"] for each in log if each["path"].endswith(path)]


def spans_asked_for(house: House, path: str, since: int) -> list[tuple[datetime, datetime]]:
    """The windows of time that were asked for, in order; faults are walked by windows of their own."""
    asked = [parse_qs(query) for query in asked_for(house, path, since)]
    return sorted(
        {
            (
                datetime.fromisoformat(each["startTime"][0]),
                datetime.fromisoformat(each["endTime"][0]),
            )
            for each in asked
            if each["types"] != ["faultCodes"]
        }
    )


async def counted(house: House, table: str, time: str) -> tuple[set[object], set[object]]:
    """What the table holds by vehicle and day, and what the counts say of it."""
    model = {"position": "vehicle_location", "stat": "vehicle_stat"}[table]
    truth = await house.rows(
        f"select vehicle_id, ({time} at time zone 'UTC')::date, count(*) from {table} group by 1, 2"
    )
    counts = await house.rows(
        "select vehicle_id, day, rows from row_count where model = %s and rows > 0", model
    )
    return set(truth), set(counts)


async def test_rows_a_day_are_what_the_tables_hold_however_they_came_in(house: House) -> None:
    start = NOON - timedelta(days=2)
    for hours, since in ((0, start), (3, None), (30, start - timedelta(days=1))):
        with clock.held_at(NOON + timedelta(hours=hours)):
            await house.sync(**({"start_from": since} if since else {}))

    for table, time in (("position", "located_at"), ("stat", "at")):
        truth, counts = await counted(house, table, time)
        assert len(truth) > 4
        assert counts == truth


async def test_a_wider_window_fetches_only_what_is_missing(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=1)
        before = len(house.sandbox.log.show(each=True)["each"])
        await house.sync(days=2)

    spans = spans_asked_for(house, "/stats/history", before)
    assert (spans[0][0], spans[-1][1]) == (NOON - timedelta(days=2), NOON - timedelta(days=1))
    assert all(one[1] == other[0] for one, other in pairwise(spans))


async def test_a_refetch_asks_again_for_what_is_held_and_changes_nothing(house: House) -> None:
    with clock.held_at(NOON):
        await house.sync(days=1)
        before = len(house.sandbox.log.show(each=True)["each"])
        rows = await house.rows("select max(modified_at), count(*) from position")
        await house.sync(days=1, refetch=True)

    assert asked_for(house, "/stats/history", before)
    assert await house.rows("select max(modified_at), count(*) from position") == rows


async def test_a_vehicle_that_appears_later_gets_the_history_that_the_others_have(
    house: House,
) -> None:
    late = house.sandbox.world.vehicles[0].id
    start = NOON - timedelta(days=1)
    with clock.held_at(NOON):
        await house.fault(kind="vehicles_missing", vehicles=[late])
        await house.sync(start_from=start)
        house.sandbox.faults.clear()
        await house.sync()
        gaps = await house.rows("select distinct subject_id, reason from coverage_gap")
        assert gaps == [(Identity(house.connection.id).uuid("vehicle", late), "not_yet_fetched")]
        before = len(house.sandbox.log.show(each=True)["each"])
        await house.sync()

    asked = asked_for(house, "/stats/history", before)
    assert asked
    assert all(f"vehicleIds={late}" in query for query in asked)
    assert await house.count("coverage_gap") == 0
    world = house.sandbox.world
    held = [fix for w in world.held(late, start, NOON, NOON) for fix in world.fixes(late, *w)]
    assert len(held) > 0
    assert (await house.positions())[late] >= len(held)


async def test_what_a_filter_kept_out_is_fetched_once_it_is_let_in_and_not_before(
    house: House,
) -> None:
    vehicle = house.sandbox.world.vehicles[1].id
    with clock.held_at(NOON):
        await house.sync(days=1)
        subject = Identity(house.connection.id).uuid("vehicle", vehicle)
        span = (NOON - timedelta(hours=9), NOON - timedelta(hours=3))
        async with house.database.transaction() as session:
            own = (session, house.connection.id)
            await coverage.miss(*own, "locations", [subject], span, "filtered_out")
        before = len(house.sandbox.log.show(each=True)["each"])
        await house.sync()
        assert not asked_for(house, "/stats/history", before)
        async with house.database.transaction() as session:
            await coverage.let_in(session, house.connection.id, [subject, ids.new()])
        await house.sync()

    asked = asked_for(house, "/stats/history", before)
    assert asked
    assert all(f"vehicleIds={vehicle}" in query for query in asked)
    spans = spans_asked_for(house, "/stats/history", before)
    assert (spans[0][0], spans[-1][1]) == span
    assert await house.count("coverage_gap") == 0
