"""What happens in time: duty statuses, days, trips, safety events, faults; in both orders, with every filter and reference."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.records import at, day, duty, fault, incident, shown_ids, trip

from milepost import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.records import Book

PATHS: list[tuple[str, str, Callable[..., Any]]] = [
    ("/hos/logs", "hos_log", duty),
    ("/hos/daily-logs", "hos_daily_log", day),
    ("/trips", "trip", trip),
    ("/safety/events", "safety_event", incident),
    ("/fault-codes/events", "fault_code_event", fault),
]
# The bounds of their record time: the first instant is within, the last is not.
BOUNDS = {
    "hos_log": ("startedAfter", "startedBefore"),
    "trip": ("startedAfter", "startedBefore"),
    "safety_event": ("startedAfter", "startedBefore"),
    "fault_code_event": ("startAt", "endAt"),
}
SUBJECTS = {"hos_log": "driver", "hos_daily_log": "driver"}
SOMEBODY_ELSE = "drv_01GV12VR4DJP70GD1ZBK0SDWFH"
each_listing = pytest.mark.parametrize(("path", "model", "make"), PATHS)


def numbers(found: list[dict[str, Any]]) -> list[int]:
    return [int(each.get("sourceId") or each["code"]) for each in found]  # Faults have no sourceId.


async def test_a_trip_is_shown_as_it_was_merged_with_its_metadata(book: Book) -> None:
    stamp = clock.iso(await book.keep("trip", [trip(book, 1, distance=12.5)]))

    assert await book.client.every("/trips") == [
        {
            "id": book.id("trip", "1"),
            "sourceId": "1",
            "provider": "samsara",
            "vehicle": book.id("vehicle", "1"),
            "startedAt": at(1),
            "endedAt": at(1.5),
            "duration": 1_800_000,
            "distance": 12.5,
            "metadata": {"addedAt": stamp, "modifiedAt": stamp},
        }
    ]


@each_listing
async def test_records_come_by_record_time_and_by_modification_where_a_bound_of_it_is_given(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    first = clock.iso(await book.keep(model, [make(book, n) for n in (3, 1)]))
    second = clock.iso(await book.keep(model, [make(book, n) for n in (2, 0)]))

    for limit in (1, 2, 3, 100):
        by_time = await book.client.every(path, limit=limit)
        by_modification = await book.client.every(path, limit=limit, modifiedAfter=first)
        assert numbers(by_time) == [0, 1, 2, 3]
        assert {*numbers(by_modification[:2])} == {1, 3}
        assert {*numbers(by_modification[2:])} == {0, 2}

    places = [(each["metadata"]["modifiedAt"], each["id"]) for each in by_modification]
    assert places == sorted(places)
    assert {*numbers(await book.client.every(path, modifiedAfter=second))} == {0, 2}
    assert {*numbers(await book.client.every(path, modifiedBefore=first, limit=1))} == {1, 3}


@each_listing
async def test_who_follows_modification_misses_nothing_that_changes_between_two_pages(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    since = clock.iso(await book.keep(model, [make(book, n) for n in range(4)]))
    page = (await book.client.get(path, modifiedAfter=since, limit=2)).json()
    edited, late = numbers(page["results"])[0], 9
    noun = SUBJECTS.get(model, "vehicle")
    edit = {noun: book.id(noun, "another")}
    await book.keep(model, [make(book, edited, **edit), make(book, late)])

    rest = await book.client.every(path, modifiedAfter=since, limit=2, cursor=page["next"])

    assert {*numbers(page["results"]), *numbers(rest)} == {0, 1, 2, 3, late}
    assert len(rest) == 4
    (again,) = [each for each in rest if numbers([each]) == [edited]]
    assert again[noun] == edit[noun]


@each_listing
async def test_a_cursor_goes_on_in_the_order_in_which_it_was_given(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    since = clock.iso(await book.keep(model, [make(book, 2)]))
    for number in (0, 1):
        await book.keep(model, [make(book, number)])
    by_time = (await book.client.get(path, limit=1)).json()
    by_modification = (await book.client.get(path, limit=1, modifiedAfter=since)).json()

    assert numbers(by_time["results"]) == [0]
    assert numbers(by_modification["results"]) == [2]
    for query in ({}, {"modifiedAfter": since}):
        rest = await book.client.every(path, cursor=by_time["next"], **query)
        assert numbers(rest) == [1, 2]
        rest = await book.client.every(path, cursor=by_modification["next"], **query)
        assert numbers(rest) == [0, 1]


@each_listing
async def test_records_that_start_together_are_each_shown_once(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    starts = {"hos_daily_log": ("date", "2026-01-05"), "fault_code_event": ("observed_at", at(0))}
    started = dict([starts.get(model, ("started_at", at(0)))])
    await book.keep(model, [make(book, n, **started) for n in range(5)])

    found = shown_ids(await book.client.every(path, limit=1))

    assert found == sorted(found)
    assert len(found) == 5


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(after=st.integers(-1, 6), before=st.integers(-1, 6), limit=st.integers(1, 4))
async def test_bounds_of_the_start_hold_the_first_and_not_the_last_instant(
    book: Book, after: int, before: int, limit: int
) -> None:
    for path, model, make in PATHS:
        if model not in BOUNDS:
            continue
        await book.keep(model, [make(book, n) for n in range(6)])
        since, until = BOUNDS[model]

        found = await book.client.every(path, limit=limit, **{since: at(after), until: at(before)})

        assert numbers(found) == [n for n in range(6) if after <= n < before]


async def test_bounds_of_the_end_hold_the_first_and_not_the_last_instant(book: Book) -> None:
    await book.keep("trip", [trip(book, n) for n in range(4)])

    found = await book.client.every("/trips", endedAfter=at(1.5), endedBefore=at(3.5), limit=1)

    assert numbers(found) == [1, 2]
    assert numbers(await book.client.every("/trips", endedAfter=at(2), startedBefore=at(3))) == [2]


async def test_bounds_of_days_hold_both_days(book: Book) -> None:
    await book.keep("hos_daily_log", [day(book, n) for n in range(4)])

    async def found(**query: str) -> list[int]:
        return numbers(await book.client.every("/hos/daily-logs", **query))

    assert await found(startDate="2026-01-06", endDate="2026-01-07") == [1, 2]
    assert await found(startDate="2026-01-07") == [2, 3]
    assert await found(endDate="2026-01-05") == [0]
    assert await found(startDate="2026-01-07", endDate="2026-01-06") == []


async def test_bounds_of_record_time_narrow_what_comes_in_order_of_modification(book: Book) -> None:
    since = clock.iso(await book.keep("trip", [trip(book, 3)]))
    for number in (2, 1, 0):
        await book.keep("trip", [trip(book, number)])

    found = await book.client.every("/trips", startedAfter=at(1), modifiedAfter=since, limit=1)

    assert numbers(found) == [3, 2, 1]


@pytest.mark.parametrize("case", [PATHS[2], PATHS[3]])
async def test_lists_of_ids_choose_whose_records_show(
    book: Book, case: tuple[str, str, Callable[..., Any]]
) -> None:
    path, model, make = case
    vehicles = [book.id("vehicle", str(n)) for n in range(3)]
    drivers = [book.id("driver", str(n)) for n in range(3)]
    pairs = [(v, d) for v in range(3) for d in range(3)]
    made = [make(book, n, vehicle=vehicles[v], driver=drivers[d]) for n, (v, d) in enumerate(pairs)]
    await book.keep(model, [*made, make(book, 9, vehicle=vehicles[0])])

    async def found(**query: str) -> list[tuple[int, int]]:
        return [pairs[n] for n in numbers(await book.client.every(path, limit=2, **query))]

    assert await found(driverIds=drivers[1]) == [(0, 1), (1, 1), (2, 1)]
    assert await found(vehicleIds=f"{vehicles[2]},{vehicles[0]}", driverIds=drivers[1]) == [
        (0, 1),
        (2, 1),
    ]
    assert len(await book.client.every(path, vehicleIds=vehicles[0])) == 4
    fifty = ",".join([SOMEBODY_ELSE] * 49 + [drivers[0]])
    assert await found(driverIds=fifty) == [(0, 0), (1, 0), (2, 0)]
    assert await found(driverIds=SOMEBODY_ELSE) == []


@each_listing
async def test_what_was_withdrawn_shows_as_a_tombstone_on_request_only(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    since = clock.iso(await book.keep(model, [make(book, n) for n in range(3)]))
    gone = clock.iso(await book.withdraw(model, book.id(model, "1")))

    assert numbers(await book.client.every(path)) == [0, 2]
    assert {*numbers(await book.client.every(path, modifiedAfter=since))} == {0, 2}
    everything = await book.client.every(path, deleted="true")
    assert numbers(everything) == [0, 1, 2]
    assert [each["metadata"].get("deletedAt") for each in everything] == [None, gone, None]
    (last,) = await book.client.every(path, deleted="true", modifiedAfter=gone)
    assert numbers([last]) == [1]


@each_listing
async def test_each_record_shows_its_own_raw_data_on_request(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    await book.keep(model, [make(book, n) for n in range(3)])

    for each in await book.client.every(path, raw="true", limit=2):
        (raw,) = each["raw"]
        assert raw["data"] == {"record": each["id"]}
        assert raw["schema"] == f"test.{model}"
    assert not [each for each in await book.client.every(path) if "raw" in each]


def orders(*words: str) -> list[str]:
    return [",".join(some) for n in range(len(words)) for some in permutations(words, n + 1)]


async def test_duty_statuses_show_their_references_whole_in_every_combination(book: Book) -> None:
    (vehicle,) = await book.vehicles("7")
    driver, mate = await book.drivers("1", "2")
    unknown = book.id("driver", "nobody")
    more = {"driver": driver, "vehicle": vehicle, "codrivers": [mate, unknown]}
    await book.keep("hos_log", [duty(book, 1, **more)])
    (plain,) = await book.client.every("/hos/logs")
    known = {
        each["id"]: each
        for path in ("/vehicles", "/drivers")
        for each in await book.client.every(path)
    }
    whole = {
        "driver": known[driver],
        "vehicle": known[vehicle],
        "codrivers": [known[mate], unknown],
    }

    for expand in orders("driver", "vehicle", "codrivers"):
        (shown,) = await book.client.every("/hos/logs", expand=expand)
        assert shown == {**plain, **{word: whole[word] for word in expand.split(",")}}


async def test_records_show_their_references_whole_where_they_are_known(book: Book) -> None:
    (vehicle,) = await book.vehicles("1")
    (driver,) = await book.drivers("1")
    whole = {
        "vehicle": (await book.client.get(f"/vehicles/{vehicle}")).json(),
        "driver": (await book.client.get(f"/drivers/{driver}")).json(),
    }
    await book.keep("hos_daily_log", [day(book, 0)])
    await book.keep("fault_code_event", [fault(book, 0)])
    for path, model, make in (PATHS[2], PATHS[3]):
        more: tuple[dict[str, Any], ...] = ({"driver": driver}, {"driver": SOMEBODY_ELSE}, {})
        await book.keep(model, [make(book, n, **each) for n, each in enumerate(more)])
        for expand in orders("vehicle", "driver"):
            words = expand.split(",")
            first, second, third = await book.client.every(path, expand=expand)
            for word in ("vehicle", "driver"):
                assert first[word] == (whole[word] if word in words else whole[word]["id"])
            assert second["driver"] == SOMEBODY_ELSE
            assert "driver" not in third

    (daily,) = await book.client.every("/hos/daily-logs", expand="driver")
    (fault_,) = await book.client.every("/fault-codes/events", expand="vehicle")
    assert daily["driver"] == whole["driver"]
    assert fault_["vehicle"] == whole["vehicle"]


FILTERS = ["includeIds", "excludeIds", "status"]


@each_listing
@pytest.mark.parametrize("kind", FILTERS)
async def test_a_record_is_hidden_with_its_vehicle_or_driver_unless_it_is_asked_for(
    book: Book, path: str, model: str, make: Callable[..., Any], kind: str
) -> None:
    noun = SUBJECTS.get(model, "vehicle")
    keep = book.vehicles if noun == "vehicle" else book.drivers
    (shown,), (hidden,) = await keep("1"), await keep("2", status="inactive")
    stranger = book.id(noun, "nobody")  # It may be listed only later.
    subjects = [shown, hidden, stranger, shown]
    await book.keep(model, [make(book, n, **{noun: each}) for n, each in enumerate(subjects)])
    filter_ = {"includeIds": [shown], "excludeIds": [hidden], "status": "active"}[kind]
    await book.client.patch({"filters": {f"{noun}s": {kind: filter_}}})

    expected = [0, 3] if kind == "includeIds" else [0, 2, 3]
    assert numbers(await book.client.every(path, limit=1)) == expected
    assert numbers(await book.client.every(path, hidden="true")) == [0, 1, 2, 3]


async def test_a_hidden_driver_stays_an_id_in_the_trip_of_a_vehicle_that_shows(book: Book) -> None:
    await book.vehicles("1")
    (driver,) = await book.drivers("1")
    await book.keep("trip", [trip(book, 1, driver=driver)])
    await book.client.patch({"filters": {"drivers": {"excludeIds": [driver]}}})

    (shown,) = await book.client.every("/trips", expand="vehicle,driver")
    (asked,) = await book.client.every("/trips", expand="vehicle,driver", hidden="true")

    assert shown["driver"] == driver
    assert shown["vehicle"]["id"] == book.id("vehicle", "1")
    assert asked["driver"]["metadata"]["visibility"] == "hidden_by_exclude_list"


@each_listing
async def test_no_fleet_sees_the_records_or_takes_the_cursor_of_another(
    book: Book, path: str, model: str, make: Callable[..., Any]
) -> None:
    await book.keep(model, [make(book, n) for n in range(2)])
    other = book.client.as_((await book.client.connect())["token"])
    cursor = (await book.client.get(path, limit=1)).json()["next"]

    assert await other.every(path) == []
    assert (await other.get(path, cursor=cursor)).status_code == 400


WRONG = [
    ("/hos/logs", "expand=driver,driver,groups", "expand"),
    ("/hos/logs", "driverIds=vcl_01GV12VR4DJP70GD1ZBK0SDWFH", "driverIds"),
    ("/hos/logs", "driverIds=" + ",".join([SOMEBODY_ELSE] * 51), "driverIds"),
    ("/hos/logs", "startedAfter=2026-01-05", "startedAfter"),
    ("/hos/daily-logs", "startDate=2026-02-30", "startDate"),
    ("/hos/daily-logs", "startDate=20260105", "startDate"),
    ("/hos/daily-logs", "startDate=2026-01-05T00:00:00Z", "startDate"),
    ("/hos/daily-logs", "endDate=9999-12-31", "endDate"),
    ("/hos/daily-logs", "endDate=0000-01-01", "endDate"),
    ("/trips", "endedBefore=soon", "endedBefore"),
    ("/trips", "vehicleIds=", "vehicleIds"),
    ("/trips", "deleted=1", "deleted"),
    ("/trips", "hidden=yes", "hidden"),
    ("/trips", "limit=10001", "limit"),
    ("/trips", "cursor=AAAA", "cursor"),
    ("/safety/events", "startedBefore=2026", "startedBefore"),
    ("/fault-codes/events", "expand=driver", "expand"),
    ("/fault-codes/events", "startAt=2026-01-05", "startAt"),
]


async def test_a_wrong_parameter_is_named(book: Book) -> None:
    for path, query, name in WRONG:
        answer = await book.client.get(f"{path}?{query}")

        assert answer.status_code == 400, query
        assert [each["path"] for each in answer.json()["detail"]] == [f"{{requestQuery}}.{name}"]
