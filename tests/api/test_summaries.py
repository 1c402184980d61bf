"""Sums over stored records: vehicles' use in a range of days, and the four groupings of IFTA."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import UNSET
from openapi_schema_validator import OAS31Validator

from milepost import clock
from milepost.api.app import OPERATIONS
from milepost.api.openapi import document
from milepost.models.ifta import IFTAVehicleMonth
from milepost.models.utilization import UtilizationDurations, VehicleUtilizationDay

if TYPE_CHECKING:
    from tests.api.records import Book

MONTHS = ["2025-12", "2026-01", "2026-02"]
GROUPINGS = ["jurisdiction", "vehicle", "vehicle,jurisdiction", "vehicle,jurisdiction,month"]
UTILIZATION = "/vehicles/utilization"
JANUARY = {"startDate": "2026-01-01", "endDate": "2026-01-31"}
ALL_MONTHS = {"startMonth": MONTHS[0], "endMonth": MONTHS[-1]}


def used(book: Book, vehicle: str, date: str, distance: float, **more: Any) -> Any:
    return VehicleUtilizationDay(
        id=book.id("vehicle_utilization_day", f"{vehicle}:{date}"),
        provider="samsara",
        vehicle=book.id("vehicle", vehicle),
        date=date,
        distance=distance,
        **more,
    )


def driven(book: Book, vehicle: str, month: str, where: Any, distance: float) -> IFTAVehicleMonth:
    return IFTAVehicleMonth(
        id=book.id("ifta_vehicle_month", f"{vehicle}:{month}:{where}"),
        provider="samsara",
        vehicle=book.id("vehicle", vehicle),
        month=month,
        jurisdiction=where,
        distance=distance,
    )


async def keep_days(book: Book, *days: Any) -> str:
    return clock.iso(await book.keep("vehicle_utilization_day", days))


def by_vehicle(found: list[dict[str, Any]]) -> dict[str, float]:
    assert len({each["vehicle"] for each in found}) == len(found)
    return {each["vehicle"]: each["distance"] for each in found}


async def test_days_of_a_range_are_added_up_exactly(book: Book) -> None:
    both = UtilizationDurations(driving=3_600_000, idling=60_000)
    await keep_days(
        book,
        used(book, "1", "2025-12-31", 1000.0),
        used(book, "1", "2026-01-01", 0.1, fuel_consumed=0.1, durations=both),
        used(book, "1", "2026-01-15", 0.2, fuel_consumed=0.2, durations=both),
        used(book, "1", "2026-01-31", 0.4, durations=UtilizationDurations(driving=1)),
        used(book, "1", "2026-02-01", 1000.0),
    )

    assert await book.client.every(UTILIZATION, **JANUARY) == [
        {
            "provider": "samsara",
            "vehicle": book.id("vehicle", "1"),
            "startAt": "2026-01-01T00:00:00.000Z",
            "endAt": "2026-02-01T00:00:00.000Z",
            "distance": 0.7,
            "fuelConsumed": 0.3,
            "durations": {"driving": 7_200_001, "idling": 120_000},
        }
    ]


async def test_without_bounds_a_range_is_that_of_the_days_that_are_known(book: Book) -> None:
    await keep_days(book, used(book, "1", "2026-01-03", 2.0), used(book, "1", "2026-01-07", 3.0))

    assert await book.client.every(UTILIZATION) == [
        {
            "provider": "samsara",
            "vehicle": book.id("vehicle", "1"),
            "startAt": "2026-01-03T00:00:00.000Z",
            "endAt": "2026-01-08T00:00:00.000Z",
            "distance": 5.0,
        }
    ]
    (later,) = await book.client.every(UTILIZATION, startDate="2026-01-04")
    assert (later["startAt"], later["distance"]) == ("2026-01-04T00:00:00.000Z", 3.0)
    assert await book.client.every(UTILIZATION, endDate="2026-01-02") == []


async def test_vehicles_are_paged_in_order_of_id_and_chosen_by_id(book: Book) -> None:
    await keep_days(
        book, *(used(book, str(n), f"2026-01-0{d}", n) for n in range(7) for d in (1, 2))
    )
    whole = await book.client.every(UTILIZATION)
    some = [book.id("vehicle", str(n)) for n in (2, 5)]

    assert [each["vehicle"] for each in whole] == sorted(
        book.id("vehicle", str(n)) for n in range(7)
    )
    for limit in (1, 2, 3, 7):
        assert await book.client.every(UTILIZATION, limit=limit) == whole
    chosen = await book.client.every(UTILIZATION, vehicleIds=",".join(some), limit=1)
    assert by_vehicle(chosen) == {some[0]: 4.0, some[1]: 10.0}


async def test_a_bound_of_modification_chooses_the_sums_that_changed_and_shows_them_whole(
    book: Book,
) -> None:
    first = await keep_days(book, *(used(book, str(n), "2026-01-01", 1.0) for n in range(4)))
    second = await keep_days(book, used(book, "2", "2026-01-02", 5.0))
    third = await keep_days(book, used(book, "1", "2026-01-01", 3.0))
    one, two = book.id("vehicle", "1"), book.id("vehicle", "2")

    changed = await book.client.every(UTILIZATION, modifiedAfter=second, limit=1)
    untouched = await book.client.every(UTILIZATION, modifiedBefore=first)
    everything = await book.client.every(UTILIZATION, modifiedAfter=first, limit=1)

    assert list(by_vehicle(changed).items()) == [(two, 6.0), (one, 3.0)]
    assert len(untouched) == 2
    assert [each["vehicle"] for each in everything[2:]] == [two, one]
    assert by_vehicle(await book.client.every(UTILIZATION, modifiedAfter=third)) == {one: 3.0}


async def test_a_sum_that_changes_between_two_pages_comes_again_at_the_end(book: Book) -> None:
    since = await keep_days(book, *(used(book, str(n), "2026-01-01", 1.0) for n in range(3)))
    page = (await book.client.get(UTILIZATION, modifiedAfter=since, limit=1)).json()
    (seen,) = page["results"]
    number = next(n for n in "012" if book.id("vehicle", n) == seen["vehicle"])
    await keep_days(book, used(book, number, "2026-01-02", 9.0))

    rest = await book.client.every(UTILIZATION, modifiedAfter=since, limit=1, cursor=page["next"])

    assert len(rest) == 3
    assert (rest[-1]["vehicle"], rest[-1]["distance"]) == (seen["vehicle"], 10.0)


async def test_a_withdrawn_day_adds_nothing_and_counts_as_a_change(book: Book) -> None:
    await keep_days(book, used(book, "1", "2026-01-01", 1.0), used(book, "1", "2026-01-02", 2.0))
    await keep_days(book, used(book, "2", "2026-01-01", 4.0))
    gone = await book.withdraw(
        "vehicle_utilization_day", book.id("vehicle_utilization_day", "1:2026-01-02")
    )
    await book.withdraw(
        "vehicle_utilization_day", book.id("vehicle_utilization_day", "2:2026-01-01")
    )

    assert by_vehicle(await book.client.every(UTILIZATION)) == {book.id("vehicle", "1"): 1.0}
    assert len(await book.client.every(UTILIZATION, modifiedAfter=clock.iso(gone))) == 1


async def test_use_shows_its_vehicle_whole_and_the_raw_data_of_every_day_on_request(
    book: Book,
) -> None:
    (vehicle,) = await book.vehicles("1")
    days = [used(book, "1", f"2026-01-0{n}", 1.0) for n in (2, 1)]
    await keep_days(book, *days)

    (shown,) = await book.client.every(UTILIZATION, expand="vehicle", raw="true")

    assert shown["vehicle"] == (await book.client.get(f"/vehicles/{vehicle}")).json()
    assert [raw["data"]["record"] for raw in shown["raw"]] == [days[1].id, days[0].id]
    assert "raw" not in (await book.client.every(UTILIZATION))[0]


async def keep_months(book: Book) -> list[IFTAVehicleMonth]:
    """Keep what five vehicles drove in three months, some of it nobody knows where."""
    random = Random(7)
    rows = [
        driven(book, str(n), month, where, random.randrange(1_000_000) / 1000)
        for n in range(5)
        for month in MONTHS
        for where in random.sample(["OR", "WA", "CA", "BC", None], 3)
    ]
    await book.keep("ifta_vehicle_month", rows)
    return rows


@pytest.mark.parametrize("group_by", [None, *GROUPINGS])
@pytest.mark.parametrize("months", [(0, 2), (1, 1), (1, 2)])
async def test_months_are_summed_up_by_what_is_asked_for(
    book: Book, group_by: str | None, months: tuple[int, int]
) -> None:
    rows = await keep_months(book)
    first, last = (MONTHS[n] for n in months)
    words = (group_by or "vehicle,jurisdiction").split(",")
    expected: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        if first <= row.month <= last:
            key = tuple(getattr(row, word) for word in words)
            expected[key] += Decimal(str(row.distance))

    query = {"groupBy": group_by} if group_by else {}
    found = await book.client.every("/ifta/summary", startMonth=first, endMonth=last, **query)

    assert all(each.keys() == {"provider", "distance", *words} for each in found)
    sums = {tuple(each[word] for word in words): each["distance"] for each in found}
    assert len(sums) == len(found)
    assert sums == {key: float(total) for key, total in expected.items()}
    assert "jurisdiction" not in words or any(each["jurisdiction"] is None for each in found)


async def test_a_long_summary_comes_in_pages(book: Book) -> None:
    places: list[Any] = ["OR", "WA", "CA", "BC", "ID", "NV", None]
    rows = [
        driven(book, str(n), month, where, 1.5)
        for n in range(50)
        for month in MONTHS
        for where in places
    ]
    await book.keep("ifta_vehicle_month", rows)
    query = {**ALL_MONTHS, "groupBy": GROUPINGS[-1]}

    first = (await book.client.get("/ifta/summary", **query)).json()
    found = await book.client.every("/ifta/summary", **query)

    assert (len(first["results"]), len(found)) == (1000, 1050)
    assert {(each["vehicle"], each["jurisdiction"], each["month"]) for each in found} == {
        (row.vehicle, row.jurisdiction, row.month) for row in rows
    }
    elsewhere = {**query, "groupBy": "vehicle", "cursor": first["next"]}
    assert (await book.client.get("/ifta/summary", **elsewhere)).status_code == 400


async def test_a_summary_shows_its_vehicle_whole_and_all_its_raw_data_on_request(
    book: Book,
) -> None:
    (vehicle,) = await book.vehicles("1")
    rows = [driven(book, "1", month, "OR", 1.0) for month in MONTHS]
    await book.keep("ifta_vehicle_month", rows)
    query = {**ALL_MONTHS, "expand": "vehicle", "raw": "true"}

    (shown,) = await book.client.every("/ifta/summary", **query)
    (total,) = await book.client.every("/ifta/summary", groupBy="jurisdiction", **query)

    assert shown["vehicle"] == (await book.client.get(f"/vehicles/{vehicle}")).json()
    for each in (shown, total):
        assert [raw["data"]["record"] for raw in each["raw"]] == [row.id for row in rows]
    assert "vehicle" not in total


async def test_sums_leave_out_what_was_withdrawn_and_whose_vehicle_is_hidden(book: Book) -> None:
    (shown,), (hidden,) = await book.vehicles("1"), await book.vehicles("2", status="inactive")
    await book.keep(
        "ifta_vehicle_month",
        [driven(book, n, m, "OR", d) for n, m, d in [("1", "2026-01", 1), ("2", "2026-01", 2),
                                                     ("1", "2026-02", 4)]],
    )  # fmt: skip
    await keep_days(book, used(book, "1", "2026-01-01", 1), used(book, "2", "2026-01-01", 2))
    await book.withdraw("ifta_vehicle_month", book.id("ifta_vehicle_month", "1:2026-02:OR"))
    query = {**ALL_MONTHS, "groupBy": "jurisdiction"}

    for filter_ in ({"includeIds": [shown]}, {"excludeIds": [hidden]}, {"status": "active"}):
        empty: dict[str, Any] = {"includeIds": [], "excludeIds": []}
        await book.client.patch({"filters": {"vehicles": {**empty, **filter_}}})

        (total,) = await book.client.every("/ifta/summary", **query)
        (everything,) = await book.client.every("/ifta/summary", hidden="true", **query)
        assert (total["distance"], everything["distance"]) == (1.0, 3.0)
        assert by_vehicle(await book.client.every(UTILIZATION)) == {shown: 1.0}
        assert len(await book.client.every(UTILIZATION, hidden="true")) == 2


async def test_no_fleet_sees_the_sums_of_another(book: Book) -> None:
    await keep_months(book)
    await keep_days(book, used(book, "1", "2026-01-01", 1))
    other = book.client.as_((await book.client.connect())["token"])

    assert await other.every(UTILIZATION) == []
    assert await other.every("/ifta/summary", **ALL_MONTHS) == []


WRONG = [
    ("/ifta/summary?", {"startMonth", "endMonth"}),
    ("/ifta/summary?startMonth=2026-01", {"endMonth"}),
    ("/ifta/summary?startMonth=2026-13&endMonth=2026-01-01", {"startMonth", "endMonth"}),
    ("/ifta/summary?startMonth=0000-01&endMonth=2026-1", {"startMonth", "endMonth"}),
    ("/ifta/summary?startMonth=2026-01&endMonth=9999-12&groupBy=month", {"groupBy"}),
    ("/ifta/summary?startMonth=2026-01&endMonth=9999-12&groupBy=jurisdiction,vehicle", {"groupBy"}),
    (UTILIZATION + "?startDate=2026-01", {"startDate"}),
    (UTILIZATION + "?endDate=tomorrow&limit=0", {"endDate", "limit"}),
    (UTILIZATION + "?vehicleIds=1", {"vehicleIds"}),
    (UTILIZATION + "?cursor=AAAA", {"cursor"}),
]


async def test_a_wrong_or_missing_parameter_is_named(book: Book) -> None:
    for path, names in WRONG:
        answer = await book.client.get(path)

        assert answer.status_code == 400, path
        assert {each["path"] for each in answer.json()["detail"]} == {
            f"{{requestQuery}}.{name}" for name in names
        }
    whole = await book.client.get("/ifta/summary?startMonth=0001-01&endMonth=9999-12")
    assert whole.json() == {"results": []}


async def test_sums_are_as_described(book: Book) -> None:
    await book.vehicles("1")
    await keep_months(book)
    durations = UtilizationDurations(driving=5)
    await keep_days(book, used(book, "1", "2026-01-01", 1, fuel_consumed=2, durations=durations))
    await keep_days(book, used(book, "2", "2026-01-01", 1, durations=UNSET))
    ours = document(OPERATIONS, "https://milepost.test", "0")
    queries = [(UTILIZATION, JANUARY)]
    queries += [("/ifta/summary", {**ALL_MONTHS, "groupBy": each}) for each in GROUPINGS]
    for path, query in queries:
        described = ours["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        validator = OAS31Validator({**described["schema"], "components": ours["components"]})
        for more in ({}, {"expand": "vehicle", "raw": "true"}):
            answer = await book.client.get(path, **query, **more)

            assert answer.json()["results"]
            validator.validate(answer.json())
