"""The connector against a real HTTP server on loopback: logins, numbered pages, wrappers, failures by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost import clock
from milepost.errors import (
    Changed,
    CursorLost,
    LoginLost,
    NotAllowed,
    ProviderError,
    SlowDown,
    TryAgain,
)
from milepost.kit.loopback import Asked, Said
from milepost.providers.motive.conftest import KEY, collect, connected, listed, records, said

NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
COMPANY = said({"companies": [{"company": {"id": 5501, "name": "Synthetic Carrier"}}]})


def refused(status: int, message: str, **headers: str) -> Said:
    return said({"error_message": message}, status, **headers)


async def test_a_key_goes_in_its_own_header_and_every_call_asks_for_metric_units() -> None:
    async with connected(lambda _: COMPANY) as (connector, server):
        found = await connector.account()

    assert found.source_id == "5501"
    (asked,) = server.asked
    assert (asked.headers["x-api-key"], asked.headers["x-metric-units"]) == (KEY, "true")
    assert "authorization" not in asked.headers
    assert "x-time-zone" not in asked.headers
    assert KEY not in asked.target


@pytest.mark.parametrize("key", ["", "two words", "ключ", "a\nb", "x" * 501])
async def test_what_cannot_be_a_key_is_refused_without_a_call_and_never_shown(key: str) -> None:
    async with connected(lambda _: COMPANY, {"apiKey": key}) as (connector, server):
        with pytest.raises(LoginLost) as caught:
            await connector.account()

    assert server.asked == []
    assert not key.strip() or key not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "calls"),
    [
        (refused(401, "invalid API key"), LoginLost, 1),
        (refused(403, "You are not authorized to perform this action"), NotAllowed, 1),
        (refused(404, "not found"), NotAllowed, 1),
        (refused(400, "Date range cannot be greater than 30 days"), Changed, 1),
        (refused(405, "method not allowed"), Changed, 1),
        (refused(422, "role is invalid"), Changed, 1),
        (refused(408, "slow"), TryAgain, 3),
        (refused(500, "Internal Server Error"), TryAgain, 3),
        (Said(b"upstream connect error", 503, {"content-type": "text/plain"}), TryAgain, 3),
        (Said(b"<html>502 Bad Gateway</html>", 502, {"content-type": "text/html"}), TryAgain, 3),
        (Said(b"<html>We will be back soon</html>", 200), TryAgain, 3),
        (refused(200, "Something went wrong"), TryAgain, 3),
        (Said(b'{"vehicles":[{"vehicle":{"id":1,"num', 200), TryAgain, 1),
        (Said(b'{"vehicles":[{"vehicle":{"id":1}}', 200), TryAgain, 1),
        (Said(b"", 200), Changed, 1),
        (Said(b"null", 200), Changed, 1),
        (Said(b'{"vehicles":{"no":"list"}}', 200), Changed, 1),
        (Said(b'{"trucks":[]}', 200), Changed, 1),
        (Said(b"OK", 204), Changed, 1),
        (Said(b"moved", 302, {"location": "https://evil.example/"}), Changed, 1),
    ],
)
async def test_every_failure_is_named_by_what_to_do_next(
    answer: Said, error: type[ProviderError], calls: int
) -> None:
    async with connected(lambda _: answer) as (connector, server):
        with pytest.raises(error) as caught:
            await collect(connector, stream="vehicles", mode="listing")

    assert type(caught.value) is error
    assert len(server.asked) == calls
    assert KEY not in str(caught.value)


async def test_a_missing_scope_is_named_as_the_vendor_does() -> None:
    async with connected(lambda _: refused(403, "no")) as (connector, _):
        with pytest.raises(NotAllowed, match=r"eld_devices\.read"):
            await collect(connector, stream="devices", mode="listing")


async def test_a_gateway_that_waited_too_long_has_timed_out() -> None:
    async with connected(lambda _: Said(b"Gateway Time-out", 504)) as (connector, _):
        with pytest.raises(TryAgain) as caught:
            await collect(connector, stream="vehicles", mode="listing")

    assert caught.value.timed_out


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [("90", 90), ("61.5", 61.5), ("Wed, 15 Jul 2026 12:02:00 GMT", 120)],
)
async def test_who_is_told_to_wait_long_comes_back_then(wait: str, seconds: float) -> None:
    answer = refused(429, "Rate limit exceeded", **{"retry-after": wait})

    async with connected(lambda _: answer) as (connector, server):
        with clock.held_at(NOW), pytest.raises(SlowDown) as caught:
            await collect(connector, stream="vehicles", mode="listing")

    assert caught.value.until == NOW + timedelta(seconds=seconds)
    assert len(server.asked) == 1


async def test_a_short_wait_is_kept_in_place_and_what_was_asked_comes() -> None:
    answers = [refused(429, "Rate limit exceeded", **{"retry-after": "0.01"})]

    def answer(_: Asked) -> Said:
        return answers.pop() if answers else said(listed("vehicles", {"id": 1}))

    async with connected(answer) as (connector, server):
        (page,) = await collect(connector, stream="vehicles", mode="listing")

    assert len(page.cuts) == 1
    assert len(server.asked) == 2


def numbered(rows: list[Any], size: int) -> Any:
    """Answer in pages of a size, as the vendor counts them."""

    def answer(asked: Asked) -> Said:
        number = int(asked.query["page_no"])
        page = listed("vehicles", *rows[(number - 1) * size : number * size], number=number)
        page["pagination"] |= {"per_page": size, "total": len(rows)}
        return said(page)

    return answer


async def test_pages_are_numbered_from_one_a_hundred_rows_each_until_all_were_told() -> None:
    rows = [{"id": number} for number in range(1, 6)]

    async with connected(numbered(rows, 2)) as (connector, server):
        pages = await collect(connector, stream="vehicles", mode="listing")
        rest = await collect(connector, stream="vehicles", mode="listing", cursor=pages[0].cursor)

    assert [(page.cursor, page.last) for page in pages] == [
        (":2:5", False), (":3:5", False), (None, True),
    ]  # fmt: skip
    assert rest == pages[1:]
    assert [asked.query for asked in server.asked][:2] == [
        {"per_page": "100", "page_no": "1"},
        {"per_page": "100", "page_no": "2"},
    ]


async def test_a_list_that_ends_before_its_end_is_never_taken_for_whole() -> None:
    def answer(asked: Asked) -> Said:
        number = int(asked.query["page_no"])
        rows = [{"id": number}] if number < 3 else []
        return said(listed("vehicles", *rows, number=number, total=900))

    async with connected(answer) as (connector, _):
        with pytest.raises(TryAgain, match="200 of 900"):
            await collect(connector, stream="vehicles", mode="listing")


async def test_a_page_that_is_left_empty_because_its_rows_went_ends_the_list() -> None:
    """A recorded answer past the end is an empty list with the true total."""

    def answer(asked: Asked) -> Said:
        number = int(asked.query["page_no"])
        rows = [{"id": number}] if number == 1 else []
        return said(listed("vehicles", *rows, number=number, total=101 if number == 1 else 100))

    async with connected(answer) as (connector, server):
        pages = await collect(connector, stream="vehicles", mode="listing", cursor=":2:100")

    assert [(len(page.cuts), page.last) for page in pages] == [(0, True)]
    assert len(server.asked) == 1


async def test_rows_that_move_up_because_others_went_are_read_all_the_same() -> None:
    before, after = [1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6]
    calls: list[int] = []

    def answer(asked: Asked) -> Said:
        number = int(asked.query["page_no"])
        calls.append(number)
        now = before if len(calls) == 1 else after
        page = listed("vehicles", *({"id": id_} for id_ in now[number * 2 - 2 : number * 2]))
        page["pagination"] = {"per_page": 2, "page_no": number, "total": len(now)}
        return said(page)

    async with connected(answer) as (connector, _):
        pages = await collect(connector, stream="vehicles", mode="listing")
        whole = records(pages)
        rest = await collect(connector, stream="vehicles", mode="listing", cursor=pages[0].cursor)

    assert {each["sourceId"] for each in whole} == {"1", "2", "3", "4", "5", "6"}
    assert calls[:5] == [1, 2, 1, 2, 3]
    # Also where the walk goes on from a cursor that was made before.
    assert {each["sourceId"] for each in records(rest)} == {"2", "3", "4", "5", "6"}


async def test_a_list_that_becomes_shorter_time_and_again_is_given_up() -> None:
    totals = iter(range(9_000, 0, -1))

    def answer(asked: Asked) -> Said:
        number = int(asked.query["page_no"])
        return said(listed("vehicles", {"id": number}, number=number, total=next(totals)))

    async with connected(answer) as (connector, server):
        with pytest.raises(TryAgain, match="shorter"):
            await collect(connector, stream="vehicles", mode="listing")

    assert len(server.asked) < 60


async def test_rows_that_move_under_the_reader_come_twice_and_have_one_id() -> None:
    pages = {1: [{"id": 3}, {"id": 2}], 2: [{"id": 2}, {"id": 1}]}

    def answer(asked: Asked) -> Said:
        number = int(asked.query["page_no"])
        return said(listed("vehicles", *pages[number], number=number, total=200))

    async with connected(answer) as (connector, _):
        found = records(await collect(connector, stream="vehicles", mode="listing"))

    assert [each["id"] for each in found] == ["vehicle:3", "vehicle:2", "vehicle:2", "vehicle:1"]


@pytest.mark.parametrize("number", [1, None])
async def test_a_list_that_goes_in_circles_stops_with_an_error(number: int | None) -> None:
    def answer(asked: Asked) -> Said:
        here = int(asked.query["page_no"]) if number is None else number
        return said(listed("vehicles", {"id": 1}, {"id": 2}, number=here, total=900))

    async with connected(answer) as (connector, server):
        with pytest.raises(Changed, match="circles"):
            await collect(connector, stream="vehicles", mode="listing")

    assert len(server.asked) == 2


async def test_a_page_number_that_is_refused_starts_the_list_again() -> None:
    answer = refused(400, "page_no is out of range")

    async with connected(lambda _: answer) as (connector, _):
        with pytest.raises(CursorLost):
            await collect(connector, stream="vehicles", mode="listing", cursor=":2:5")
        with pytest.raises(CursorLost):
            await collect(connector, stream="vehicles", mode="listing", cursor="nonsense")
        with pytest.raises(Changed):
            await collect(connector, stream="vehicles", mode="listing")


async def test_a_field_of_another_type_is_named_and_the_vehicle_stays() -> None:
    answer = said(listed("vehicles", {"id": 1, "number": {"not": "text"}}, {"id": 2}))

    async with connected(lambda _: answer) as (connector, _):
        (page,) = await collect(connector, stream="vehicles", mode="listing")

    assert [len(cut.records) for cut in page.cuts] == [1, 1]
    assert [reject.reason for reject in page.cuts[0].rejects] == [
        "number was left out: Expected `str | null`, got `object`"
    ]


async def test_a_page_of_which_nothing_can_be_read_is_a_changed_format() -> None:
    answer = said(listed("vehicles", {"uid": "a"}, {"uid": "b"}))

    async with connected(lambda _: answer) as (connector, _):
        with pytest.raises(Changed, match="id"):
            await collect(connector, stream="vehicles", mode="listing")


async def test_a_vehicle_that_is_unknown_by_now_is_passed_over() -> None:
    def answer(asked: Asked) -> Said:
        if asked.path == "/v1/vehicles":
            return said(listed("vehicles", {"id": 1}, {"id": 2}))
        if asked.path == "/v1/driving_periods":
            return said(listed("driving_periods"))
        if asked.path.endswith("/1"):
            return refused(404, "vehicle not found")
        return said({"vehicle_locations": []})

    window: dict[str, Any] = {"starts_at": NOW - timedelta(days=1), "ends_at": NOW}
    async with connected(answer) as (connector, _):
        (page,) = await collect(connector, stream="locations", mode="history", **window)

    assert [cut.subject for cut in page.cuts] == ["2"]
    assert page.last


async def test_gateways_are_listed_though_nobody_may_say_when_they_were_heard_of() -> None:
    def answer(asked: Asked) -> Said:
        if asked.path == "/v1/eld_devices":
            return said(listed("eld_devices", {"id": 5, "vehicle": {"id": 1}}))
        return refused(403, "You are not authorized to perform this action")

    async with connected(answer) as (connector, _):
        (device,) = records(await collect(connector, stream="devices", mode="listing"))

    assert (device["id"], device["vehicle"]) == ("device:5", "vehicle:1")
    assert "lastConnectedAt" not in device


async def test_a_customers_call_is_passed_on_with_the_key_and_none_of_it_comes_back() -> None:
    def answer(asked: Asked) -> Said:
        return said({"heard": asked.headers["x-api-key"]}, 418, **{"x-echo": KEY})

    async with connected(answer) as (connector, server):
        status, headers, _ = await connector.request("GET", "/v1/vehicles?per_page=1", {}, None)

    assert status == 418
    assert KEY not in str(dict(headers))
    assert server.asked[0].query == {"per_page": "1"}
