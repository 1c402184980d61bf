"""Questions by vehicle and driver: silent truncation is found by counting, and a status ends when it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost import clock
from milepost.errors import TryAgain
from milepost.kit.loopback import Said
from milepost.providers.geotab.conftest import connected
from milepost.providers.geotab.test_calls import NOW, Vendor, collect, result


async def test_5000_rows_that_came_silently_are_asked_for_again_in_halves() -> None:
    asked: list[tuple[str, str]] = []
    starts = [NOW - timedelta(days=8) + timedelta(seconds=90 * number) for number in range(7_680)]
    driven = [
        {"device": {"id": "b1"}, "start": clock.iso(at), "distance": 0.1,
         "stop": clock.iso(at + timedelta(seconds=60))}
        for at in starts
    ]  # fmt: skip

    def trips(params: dict[str, Any]) -> list[dict[str, Any]]:
        since, until = params["search"]["fromDate"], params["search"]["toDate"]
        asked.append((since, until))
        return [trip for trip in driven if since <= str(trip["stop"]) <= until][:5_000]

    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "ExecuteMultiCall":
            return result([trips(each["params"]) for each in call["params"]["calls"]])
        if call["params"]["typeName"] == "Trip":
            return result(trips(call["params"]))
        offset = call["params"]["sort"]["offset"]
        return result([] if offset else [{"id": "b1", "serialNumber": "x"}])

    async with connected(Vendor(answer)) as (connector, _):
        with clock.held_at(NOW):
            window = {"starts_at": NOW - timedelta(days=1), "ends_at": NOW}
            pages = await collect(connector, stream="trips", mode="history", **window)

    assert len(asked) > 2
    assert asked[0][0] == asked[1][0]  # The first half begins where the whole did.
    assert sum(len(cut.records) for page in pages for cut in page.cuts) == 960


async def test_nothing_where_a_list_should_be_is_asked_for_again_and_never_taken_for_none() -> None:
    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "ExecuteMultiCall":
            return result([None, []])
        return result([] if call["params"]["sort"]["offset"] else [{"id": "b1"}, {"id": "b2"}])

    async with connected(Vendor(answer)) as (connector, _):
        with clock.held_at(NOW):
            window = {"starts_at": NOW - timedelta(days=1), "ends_at": NOW}
            with pytest.raises(TryAgain):
                await collect(connector, stream="trips", mode="history", **window)


async def test_who_comes_back_after_weeks_ended_their_rest_when_they_came_back() -> None:
    logs = [
        {"id": f"b{number}", "driver": {"id": "b30"}, "dateTime": at, "status": status}
        for number, (at, status) in enumerate(
            [("2026-04-01T08:00:00.000Z", "ON"), ("2026-04-01T18:00:00.000Z", "OFF"),
             ("2026-07-01T07:00:00.000Z", "ON")]
        )
    ]  # fmt: skip

    def of(params: dict[str, Any]) -> list[dict[str, Any]]:
        search = params["search"]
        if params["typeName"] != "DutyStatusLog":
            return []
        return [
            log for log in logs if search["fromDate"] <= str(log["dateTime"]) <= search["toDate"]
        ]

    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "ExecuteMultiCall":
            return result([of(each["params"]) for each in call["params"]["calls"]])
        if call["params"]["typeName"] != "User":
            return result(of(call["params"]))
        return result([] if call["params"]["sort"]["offset"] else [{"id": "b30"}])

    async with connected(Vendor(answer)) as (connector, _):
        with clock.held_at(NOW):
            begins = datetime(2026, 4, 1, tzinfo=UTC)
            window = {"starts_at": begins, "ends_at": begins + timedelta(days=2)}
            pages = await collect(connector, stream="hos_logs", mode="history", **window)

    found = [record for page in pages for cut in page.cuts for record in cut.records]
    assert [(getattr(log, "status", ""), getattr(log, "ended_at", "")) for log in found] == [
        ("on_duty", "2026-04-01T18:00:00.000Z"), ("off_duty", "2026-07-01T07:00:00.000Z"),
    ]  # fmt: skip
