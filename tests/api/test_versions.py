"""What was known when: every listing and single read as of an instant, whatever came after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.records import at, day, duty, fault, incident, shown_ids, trip

from milepost import clock
from milepost.kit.contract import Cut
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.models.utilization import VehicleUtilizationDay
from milepost.store import archive, connections, merge_series
from milepost.store.partitions import Partitions, Series

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.conftest import Client
    from tests.api.records import Book

Answers = dict[str, Any]

# Each with every flag that it has; the reads of one vehicle are added by the test.
LISTINGS = [
    ("/vehicles", {"hidden": "true", "deleted": "true", "expand": "groups,devices"}),
    ("/drivers", {"hidden": "true", "deleted": "true", "raw": "true"}),
    ("/trips", {"hidden": "true", "deleted": "true", "raw": "true", "expand": "vehicle,driver"}),
    ("/hos/logs", {"hidden": "true", "deleted": "true", "expand": "driver"}),
]
# What a history is made of: which truck or driver, and what becomes of it.
ACTIONS = st.tuples(
    st.sampled_from(["truck", "sell", "exclude", "drive", "withdraw", "duty", "hire", "status"]),
    st.sampled_from(["1", "2", "3"]),
    st.integers(0, 2),
)


async def last_stamp(book: Book) -> datetime:
    async with book.database.session() as session:
        row = await connections.get(session, book.identity.connection_id)
    assert row is not None
    return row.last_stamp


async def act(book: Book, what: str, which: str, variant: int) -> None:
    vehicle, driver = book.id("vehicle", which), book.id("driver", which)
    match what:
        case "truck":
            await book.vehicles(which, name=f"Name {variant}")
        case "status":
            await book.vehicles(which, status="inactive" if variant else "active")
        case "sell":
            await book.withdraw("vehicle", vehicle)
        case "hire":
            await book.drivers(which, first_name=f"Driver {variant}")
        case "exclude":
            filters: list[dict[str, Any]] = [
                {"excludeIds": [vehicle]}, {"includeIds": [vehicle]}, {"status": "active"},
            ]  # fmt: skip
            empty: dict[str, Any] = {"excludeIds": [], "includeIds": []}
            await book.client.patch({"filters": {"vehicles": {}, "drivers": {}}})
            drivers = {"excludeIds": [driver]} if variant else {}
            chosen = {**empty, **filters[variant]}
            await book.client.patch({"filters": {"vehicles": chosen, "drivers": drivers}})
        case "drive":
            told = {"vehicle": vehicle, "driver": driver, "distance": float(variant)}
            await book.keep("trip", [trip(book, int(which), **told)])
        case "duty":
            status = ["driving", "on_duty", "off_duty"][variant]
            await book.keep("hos_log", [duty(book, int(which), driver=driver, status=status)])
        case _:
            await book.withdraw("trip", book.id("trip", which))


async def everything(client: Client, flags: int, **query: str) -> Answers:
    """Read all listings, with the flags of which `flags` holds the bits, and every vehicle alone."""
    found: Answers = {}
    for path, choices in LISTINGS:
        chosen = {
            name: value for bit, (name, value) in enumerate(choices.items()) if flags >> bit & 1
        }
        found[path] = await client.every(path, limit=2, **chosen, **query)
    for vehicle in found["/vehicles"]:
        answer = await client.get(f"/vehicles/{vehicle['id']}", **query)
        found[vehicle["id"]] = answer.json()
    return found


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=st.lists(ACTIONS, min_size=3, max_size=10), flags=st.integers(0, 15))
async def test_what_was_read_at_an_instant_is_what_was_known_then_whatever_came_after(
    book: Book, history: list[tuple[str, str, int]], flags: int
) -> None:
    then: list[tuple[datetime, Answers]] = []
    for action in history:
        await act(book, *action)
        then.append((await last_stamp(book), await everything(book.client, flags)))

    for number, (instant, answers) in enumerate(then):
        assert await everything(book.client, flags, knownAt=clock.iso(instant)) == answers
        if number + 1 < len(then) and instant < then[number + 1][0]:
            before_the_next = then[number + 1][0] - timedelta(microseconds=1)
            known_at = before_the_next.isoformat().replace("+00:00", "Z")
            if history[number + 1][0] != "exclude":  # Which is two changes, one after the other.
                assert await everything(book.client, flags, knownAt=known_at) == answers


@pytest.mark.parametrize(
    "lists", [{"excludeIds": ["2"]}, {"includeIds": ["1"]}], ids=["excluded", "not included"]
)
async def test_what_lists_hid_before_its_vehicle_was_known_is_hidden_at_that_time_for_ever(
    book: Book, lists: dict[str, list[str]]
) -> None:
    (name, (which,)), *_ = lists.items()
    told = await book.keep("trip", [trip(book, 1), trip(book, 2, vehicle=book.id("vehicle", "2"))])
    listed = {name: [book.id("vehicle", which)]}
    await book.client.patch({"filters": {"vehicles": listed}})
    hidden = await last_stamp(book)
    await book.client.patch({"filters": {"vehicles": {name: []}}})
    shown = await last_stamp(book)
    await book.vehicles("2")

    async def known(instant: datetime, **query: str) -> list[str]:
        found = await book.client.every("/trips", knownAt=clock.iso(instant), **query)
        return [each["sourceId"] for each in found]

    assert await known(told) == ["1", "2"]
    assert await known(hidden) == ["1"]
    assert await known(hidden, hidden="true") == ["1", "2"]
    assert await known(shown) == ["1", "2"]


async def test_a_vehicle_is_known_before_its_removal_gone_after_it_and_known_again_when_it_is_back(
    book: Book,
) -> None:
    (vehicle,) = await book.vehicles("1", name="Old")
    added = await last_stamp(book)
    removed = await book.withdraw("vehicle", vehicle)
    await book.vehicles("1", name="New")
    back = await last_stamp(book)
    earlier = added - timedelta(milliseconds=1)

    async def known(instant: datetime, **query: str) -> list[tuple[str, str]]:
        found = await book.client.every("/vehicles", knownAt=clock.iso(instant), **query)
        return [(each["name"], each["metadata"]["visibility"]) for each in found]

    assert await known(earlier) == []
    assert await known(added) == [("Old", "visible")]
    assert await known(removed) == []
    assert await known(removed, deleted="true") == [("Old", "deleted")]
    assert await known(back) == [("New", "visible")]
    path = f"/vehicles/{vehicle}"
    assert (await book.client.get(path, knownAt=clock.iso(earlier))).status_code == 404
    assert (await book.client.get(path, knownAt=clock.iso(added))).json()["name"] == "Old"


@pytest.mark.parametrize(
    ("path", "model", "make"),
    [
        ("/hos/logs", "hos_log", duty),
        ("/hos/daily-logs", "hos_daily_log", day),
        ("/trips", "trip", trip),
        ("/safety/events", "safety_event", incident),
        ("/fault-codes/events", "fault_code_event", fault),
    ],
)
async def test_an_edited_and_then_withdrawn_record_shows_as_it_was_with_the_raw_data_of_that_time(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    await book.vehicles("1")
    await book.drivers("1")
    whose = "driver" if model.startswith("hos") else "vehicle"
    first = await book.keep(model, [make(book, 1)])
    second = await book.keep(model, [make(book, 1, **{whose: book.id(whose, "2")})])
    gone = await book.withdraw(model, make(book, 1).id)

    async def known(instant: datetime, **query: str) -> list[dict[str, Any]]:
        query = {"knownAt": clock.iso(instant), "raw": "true", **query}
        return await book.client.every(path, **query)

    (before,), (after,) = await known(first), await known(second)

    assert (before[whose], after[whose]) == (book.id(whose, "1"), book.id(whose, "2"))
    assert before["raw"][0]["extractedAt"] == clock.iso(first)
    assert after["raw"][0]["extractedAt"] == clock.iso(second)
    assert after["metadata"]["addedAt"] == clock.iso(first)
    assert await known(gone) == []
    (tombstone,) = await known(gone, deleted="true")
    assert tombstone["metadata"]["deletedAt"] == clock.iso(gone)
    (whole,) = await known(first, expand=whose)
    assert whole[whose]["id"] == book.id(whose, "1")


async def test_what_changes_while_a_listing_of_the_past_is_read_does_not_reach_it(
    book: Book,
) -> None:
    await book.keep("trip", [trip(book, n) for n in range(4)])
    far_ahead = clock.iso(datetime.now(UTC) + timedelta(days=1))
    query = {"knownAt": far_ahead, "limit": "1", "deleted": "true"}
    first = (await book.client.get("/trips", **query)).json()

    await book.keep("trip", [trip(book, n, distance=9.0) for n in range(1, 6)])
    await book.withdraw("trip", book.id("trip", "3"))
    rest = await book.client.every("/trips", **query, cursor=first["next"])

    assert [each["sourceId"] for each in rest] == ["1", "2", "3"]
    assert not any("distance" in each or "deletedAt" in each["metadata"] for each in rest)


async def test_a_cursor_is_good_for_the_instant_only_that_it_was_given_for(book: Book) -> None:
    stamp = await book.keep("trip", [trip(book, n) for n in range(3)])
    cursor = (await book.client.get("/trips", knownAt=clock.iso(stamp), limit=1)).json()["next"]

    other = clock.iso(stamp + timedelta(seconds=1))

    assert (await book.client.get("/trips", cursor=cursor)).status_code == 400
    assert (await book.client.get("/trips", cursor=cursor, knownAt=other)).status_code == 400
    assert (await book.client.get("/trips", cursor=cursor, knownAt="then")).status_code == 400


async def test_sums_are_of_the_days_as_they_were_known(book: Book) -> None:
    (vehicle,) = await book.vehicles("1")

    async def keep(number: int, distance: float) -> datetime:
        told = VehicleUtilizationDay(
            id=book.id("vehicle_utilization_day", str(number)),
            provider="samsara",
            vehicle=vehicle,
            date=f"2026-01-0{number}",
            distance=distance,
        )
        return await book.keep("vehicle_utilization_day", [told])

    stamps = [await keep(1, 10.0), await keep(2, 5.0), await keep(1, 12.0)]
    await book.client.patch({"filters": {"vehicles": {"excludeIds": [vehicle]}}})

    found = [
        [
            each["distance"]
            for each in await book.client.every("/vehicles/utilization", knownAt=when)
        ]
        for when in [*map(clock.iso, stamps), clock.iso(await last_stamp(book))]
    ]

    assert found == [[10.0], [15.0], [17.0], []]


async def test_positions_and_readings_are_those_that_had_come_in(book: Book) -> None:
    (vehicle,) = await book.vehicles("1")
    partitions = Partitions(book.database)

    async def keep(series: Series, records: list[Any]) -> datetime:
        cut = Cut(body=b"{}", schema="test", subject="1", path="x", records=records)
        await partitions.ensure(series, sorted(merge_series.months([cut])))
        async with book.database.transaction() as session:
            stamp = await connections.stamp(session, book.identity.connection_id)
            raw_cuts = archive.number([cut], stamp)
            await merge_series.merge_known(session, series, raw_cuts, book.identity, stamp)
        return stamp

    noon = datetime.fromisoformat(at(6))
    first = await keep("position", [Fix(noon, 45.0, -122.0)])
    second = await keep("position", [Fix(noon - timedelta(hours=1), 45.0, -122.0)])
    third = await keep("stat", [StatReading("odometer", noon, 1.0)])

    async def count(kind: str, instant: datetime) -> int:
        path = f"/vehicles/{vehicle}/{kind}"
        return len(await book.client.every(path, knownAt=clock.iso(instant)))

    assert [await count("locations", each) for each in (first, second)] == [1, 2]
    assert [await count("stats/historical", each) for each in (second, third)] == [0, 1]
    earlier = clock.iso(datetime(2026, 1, 1, tzinfo=UTC))
    answer = await book.client.get(f"/vehicles/{vehicle}/locations", knownAt=earlier)
    assert answer.status_code == 404  # The vehicle itself was not known then.


FLAGS = list(product(["true", "false"], repeat=2))


@pytest.mark.parametrize(("hidden", "deleted"), FLAGS)
async def test_hidden_and_deleted_vehicles_show_where_both_are_asked_for(
    book: Book, hidden: str, deleted: str
) -> None:
    plain, excluded, sold, both = await book.vehicles("1", "2", "3", "4")
    await book.client.patch({"filters": {"vehicles": {"excludeIds": [excluded, both]}}})
    await book.withdraw("vehicle", sold)
    await book.withdraw("vehicle", both)

    expected = {plain}
    expected |= {excluded} if hidden == "true" else set()
    expected |= {sold} if deleted == "true" else set()
    expected |= {both} if (hidden, deleted) == ("true", "true") else set()
    for limit in (1, 100):
        found = await book.client.every("/vehicles", hidden=hidden, deleted=deleted, limit=limit)
        assert set(shown_ids(found)) == expected


async def test_a_reader_with_a_cursor_meets_who_is_let_in_and_nobody_who_is_hidden_meanwhile(
    book: Book,
) -> None:
    vehicles = await book.vehicles("1", "2", "3", "4", "5")
    await book.client.patch({"filters": {"vehicles": {"excludeIds": [vehicles[0]]}}})
    first = (await book.client.get("/vehicles", limit=2)).json()
    read = shown_ids(first["results"])
    late = next(each for each in vehicles[1:] if each not in read)

    await book.client.patch({"filters": {"vehicles": {"excludeIds": [late]}}})
    rest = shown_ids(await book.client.every("/vehicles", limit=2, cursor=first["next"]))

    assert sorted(read + rest) == sorted({*vehicles} - {late})
