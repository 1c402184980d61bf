"""What is held, what is empty, what is missing and why, over HTTP."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.conftest import Client, Site, installed

from milepost import clock
from milepost.models.coverage import LackReason
from milepost.sync.expiry import expire
from milepost.sync.inventory import Bounds, empty, missing, of_subject
from milepost.sync.planner import gaps, union
from milepost.sync.retention import Retention

DAWN = datetime(2026, 3, 1, tzinfo=UTC)


async def of(client: Client, stream: str, **query: Any) -> list[dict[str, Any]]:
    return [each for each in await client.every("/coverage", **query) if each["stream"] == stream]


async def one(client: Client, stream: str, **query: Any) -> dict[str, Any]:
    (found,) = await of(client, stream, **query)
    return found


def reasons(entry: dict[str, Any]) -> list[str]:
    return [each["reason"] for each in entry["missing"]]


async def test_what_is_asked_for_is_missing_until_it_is_held(site: Site, client: Client) -> None:
    made = await client.connect(backfill={"days": 2})
    fleet = client.as_(made["token"])
    before = await one(fleet, "trips")

    await site.work()

    after = await one(fleet, "trips")
    assert (before["held"], reasons(before), before["rows"]) == ([], ["not_yet_fetched"], [])
    (asked,) = before["missing"]
    (held,) = after["held"]
    assert held["startAt"] == asked["startAt"]
    assert held["endAt"] >= asked["endAt"]
    assert after["missing"] == []
    assert (after["model"], after["title"]) == ("trip", "Trips")
    trips = await fleet.every("/trips")
    days = {each["day"]: each["rows"] for each in after["rows"]}
    assert sum(days.values()) == len(trips)
    assert set(days) == {each["startedAt"][:10] for each in trips}


async def test_each_vehicles_rows_a_day_are_those_that_reading_gives(
    site: Site, synced: Client
) -> None:
    (stream,) = {
        each["stream"]
        for each in await synced.every("/coverage")
        if each["model"] == "vehicle_location"
    }

    entries = await of(synced, stream, groupBy="vehicle", limit=1)

    vehicles = [each["id"] for each in await synced.every("/vehicles")]
    assert sorted(each["vehicle"] for each in entries) == sorted(vehicles)
    for entry in entries:
        read = await synced.every(f"/vehicles/{entry['vehicle']}/locations")
        assert sum(each["rows"] for each in entry["rows"]) == len(read)
    whole = await one(synced, stream)
    assert sum(e["rows"] for e in whole["rows"]) == sum(
        e["rows"] for entry in entries for e in entry["rows"]
    )
    some = await of(synced, stream, groupBy="vehicle", vehicleIds=vehicles[0])
    assert [each["vehicle"] for each in some] == [vehicles[0]]
    drivers = await synced.every("/coverage", groupBy="driver")
    assert {each["model"] for each in drivers} == {"hos_log", "hos_daily_log"}
    assert all(each["driver"].startswith("drv_") for each in drivers)


async def test_what_the_login_may_not_read_is_missing_for_that_reason(
    site: Site, client: Client
) -> None:
    await site.fault(kind="scope_revoked", path="/samsara/fleet/hos/logs")
    fleet = client.as_((await client.connect(backfill={"days": 1}))["token"])
    await site.work()

    refused, read = await one(fleet, "hos_logs"), await one(fleet, "trips")

    assert reasons(refused) == ["not_permitted"]
    assert reasons(read) == []


async def test_what_filters_keep_out_is_missing_of_that_vehicle_only(
    site: Site, client: Client
) -> None:
    fleet = client.as_((await client.connect(backfill={"days": 0}))["token"])
    await site.work()
    out, *others = [each["id"] for each in await fleet.every("/vehicles")]
    await fleet.patch({"filters": {"vehicles": {"excludeIds": [out]}}})
    await fleet.post("/syncs", {"days": 1})
    await site.work()

    entries = await of(fleet, "trips", groupBy="vehicle")

    by_vehicle = {each["vehicle"]: set(reasons(each)) for each in entries}
    assert by_vehicle == {out: {"filtered_out"}, **{other: set() for other in others}}


async def test_beyond_the_providers_history_and_past_the_retention_have_reasons_of_their_own(
    database_url: str,
) -> None:
    kept = Retention({"documents": 1})
    async with installed(database_url, retention=kept) as site:
        client = await site.client()
        fleet = client.as_((await client.connect(backfill={"days": 3}))["token"])
        await site.work()
        await expire(site.database, site.registry, kept)
        with clock.held_at(clock.now()):
            await fleet.post("/syncs", {"startFrom": "2010-01-01T00:00:00Z"})
            entry = await one(fleet, "trips")

    assert reasons(entry)[:2] == ["beyond_history", "past_retention"]
    assert set(reasons(entry)[2:]) <= {"not_yet_fetched"}  # Since the first sync.
    assert entry["missing"][0]["startAt"] == "2010-01-01T00:00:00.000Z"
    cutoff = (clock.now() - timedelta(days=1, hours=1)).date().isoformat()
    assert min(each["day"] for each in entry["rows"]) >= cutoff


async def test_rows_of_series_that_retention_dropped_are_counted_no_more(
    site: Site, client: Client
) -> None:
    await client.connect(backfill={"days": 3})
    await site.work()

    await expire(site.database, site.registry, Retention({"positions": 1, "stats": 1}))

    for model, table in (("vehicle_location", "position"), ("vehicle_stat", "stat")):
        counted = await site.rows("select sum(rows) from row_count where model = %s", model)
        assert counted == await site.rows(f"select count(*) from {table}")
        assert counted[0][0] > 0


SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 12)).map(
        lambda given: (
            DAWN + timedelta(hours=6 * given[0]),
            DAWN + timedelta(hours=6 * (given[0] + given[1])),
        )
    ),
    max_size=5,
).map(union)
BOUNDS = st.builds(
    Bounds,
    history=st.integers(0, 60).map(lambda hours: DAWN + timedelta(hours=6 * hours)),
    kept=st.none() | st.integers(0, 60).map(lambda hours: DAWN + timedelta(hours=6 * hours)),
)


@given(wanted=SPANS, held=SPANS, bounds=BOUNDS)
def test_what_is_wanted_is_held_or_missing_and_never_both(
    wanted: list[Any], held: list[Any], bounds: Bounds
) -> None:
    found = missing(wanted, held, bounds)

    spans = [(start, end) for start, end, _ in found]
    assert union(spans) == union(gaps(wanted, held))
    assert sum((end - start for start, end in spans), timedelta()) == sum(
        (end - start for start, end in union(spans)), timedelta()
    )
    for start, _, reason in found:
        assert (reason == "beyond_history") == (start < bounds.history)


@given(held=SPANS, lacks=SPANS, days=st.sets(st.integers(0, 20)))
def test_a_vehicle_holds_what_it_does_not_lack_and_empty_days_are_held_whole(
    held: list[Any], lacks: list[Any], days: set[int]
) -> None:
    reason: LackReason = "filtered_out"
    has, lack = of_subject(held, {reason: lacks})
    assert union([*has, *((start, end) for start, end, _ in lack)]) == union(held)
    assert gaps([(s, e) for s, e, _ in lack], has) == [(s, e) for s, e, _ in lack]

    full = {(DAWN + timedelta(days=day)).date() for day in days}
    for start, end in empty(has, full, (DAWN, DAWN + timedelta(days=30))):
        assert start.time() == end.time() == datetime.min.time()
        assert gaps([(start, end)], has) == []
        whole: list[date] = [start.date() + timedelta(days=n) for n in range((end - start).days)]
        assert not full & set(whole)


@pytest.mark.parametrize("end", ["0001-01-01", "0001-01-10", "9999-12-30"])
async def test_any_day_can_be_asked_for(client: Client, end: str) -> None:
    made = await client.connect(backfill={"days": 1})

    answer = await client.as_(made["token"]).get("/coverage", endDate=end)

    assert answer.status_code == 200
