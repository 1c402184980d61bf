"""The connector against a real HTTP server on loopback: sessions, servers, seeks, counts, failures by name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost import clock
from milepost.errors import (
    BadRequest,
    Changed,
    CursorLost,
    LoginLost,
    NotAllowed,
    NotSupported,
    ProviderError,
    SlowDown,
    TryAgain,
)
from milepost.kit import registry
from milepost.kit.contract import Page, Slice
from milepost.kit.laws.stage import SpokenIdentity
from milepost.kit.login import Pocket
from milepost.kit.loopback import Asked, Loopback, Said
from milepost.providers.geotab.conftest import LOGIN, connected
from milepost.providers.geotab.script import SESSION, Script

NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
Answer = Callable[[dict[str, Any]], Said | None]


def result(value: Any) -> Said:
    return Said(json.dumps({"result": value, "jsonrpc": "2.0"}).encode())


def failure(type_: str, message: str = "Something", **headers: str) -> Said:
    error = {
        "message": message, "code": -32000, "name": "JSONRPCError",
        "data": {"id": "00000000-0000-0000-0000-000000000009", "type": type_, "requestIndex": 0},
        "errors": [{"message": message, "name": type_}],
    }  # fmt: skip
    return Said(json.dumps({"error": error, "jsonrpc": "2.0"}).encode(), 200, headers)


class Vendor:
    """Logs in as often as asked, and lets a test answer all other calls."""

    def __init__(self, answer: Answer, path: str = "ThisServer") -> None:
        self.logins: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self._answer = answer
        self._path = path

    def __call__(self, asked: Asked) -> Said:
        call = json.loads(asked.body)
        if call["method"] == "Authenticate":
            self.logins.append(call["params"])
            names = {
                "database": "fleet", "userName": LOGIN["username"],
                "sessionId": f"{SESSION}{len(self.logins)}",
            }  # fmt: skip
            return result({"credentials": names, "path": self._path})
        self.calls.append(call)
        return self._answer(call) or result([])


def session_of(call: dict[str, Any]) -> str:
    found: str = call["params"]["credentials"]["sessionId"]
    return found


async def collect(connector: Any, **slice_: Any) -> list[Page]:
    return [page async for page in connector.pages(Slice(**slice_))]


async def test_one_login_serves_many_who_ask_at_once() -> None:
    vendor = Vendor(lambda call: result(7 if call["method"] == "GetCountOf" else []))

    async with Loopback(vendor).serving() as server:
        wallet = Pocket(LOGIN)
        providers = registry.load({"geotab": server.base_url}, pace={"geotab": 0})
        hands = [providers.connect("geotab", wallet, SpokenIdentity()) for _ in range(5)]
        found = await asyncio.gather(*(hand.account() for hand in hands))
        for hand in hands:
            await hand.aclose()

    assert len(vendor.logins) == 1
    assert vendor.logins[0] == {
        "userName": LOGIN["username"], "password": LOGIN["password"], "database": "fleet",
    }  # fmt: skip
    assert {each.source_id for each in found} == {"fleet"}
    assert {session_of(call) for call in vendor.calls} == {f"{SESSION}1"}


async def test_a_session_that_is_over_is_renewed_once_and_the_call_made_again() -> None:
    def answer(call: dict[str, Any]) -> Said | None:
        if session_of(call) == f"{SESSION}1":
            return failure("InvalidUserException")
        return result(7)

    vendor = Vendor(answer)
    async with connected(vendor) as (connector, _):
        await connector.account()

    assert len(vendor.logins) == 2
    assert [session_of(call) for call in vendor.calls] == [f"{SESSION}1", f"{SESSION}2"]


async def test_a_login_that_is_refused_is_tried_once_and_never_shown() -> None:
    asked: list[Asked] = []

    def refuse(request: Asked) -> Said:
        asked.append(request)
        return failure("InvalidUserException", f"{LOGIN['password']} is wrong")

    async with connected(refuse) as (connector, _):
        with pytest.raises(LoginLost) as caught:
            await connector.account()

    assert len(asked) == 1
    assert LOGIN["password"] not in str(caught.value)
    assert LOGIN["password"] not in asked[0].target


async def test_a_database_that_has_moved_is_looked_for_at_the_door_once() -> None:
    vendor = Vendor(lambda _: failure("DbUnavailableException", "Initializing"))

    async with connected(vendor) as (connector, _):
        with pytest.raises(TryAgain):
            await connector.account()

    assert len(vendor.logins) == 2


async def test_the_server_that_a_login_names_is_used_when_it_is_one_of_the_vendors() -> None:
    async with Loopback(lambda _: result(3)).serving() as server:
        host = server.base_url.removeprefix("http://")
        vendor = Vendor(lambda _: result(3), path=host)
        server._answer = vendor
        providers = registry.load({"geotab": server.base_url}, pace={"geotab": 0})
        connector = providers.connect("geotab", Pocket(LOGIN), SpokenIdentity())
        await connector.account()
        await connector.aclose()

    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    "path", ["evil.example", "geotab.com.evil.example", "127.0.0.1:1", "a@b/c"]
)
async def test_a_login_that_names_a_strangers_server_sends_nothing_there(path: str) -> None:
    vendor = Vendor(lambda _: result(3), path=path)

    async with connected(vendor) as (connector, _):
        with pytest.raises(Changed, match="none of its own"):
            await connector.account()

    assert vendor.calls == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (failure("InvalidPermissionsException"), NotAllowed),
        (failure("ServiceUnavailableException"), TryAgain),
        (failure("MissingMethodException"), Changed),
        (failure("ArgumentException"), Changed),
        (failure("GenericException"), Changed),
        (failure("JsonSerializerException"), Changed),
        (result(None), TryAgain),
        (Said(b"Service Unavailable", 503), TryAgain),
        (Said(b"Gateway Time-out", 504), TryAgain),
        (Said(b"<html>", 200), Changed),
        (Said(b"[" * 100_000, 200), Changed),
        (Said(b'{"result":[{"id":"b1"},{"id', 200), TryAgain),
        (Said(b'{"result":[{"id":"b1"}', 200), TryAgain),
        (Said(b'{"result":{"no":"list"}}', 200), Changed),
        (Said(b'{"result":[]}', 404), Changed),
    ],
)
async def test_every_failure_is_named_by_what_to_do_next(
    said: Said, error: type[ProviderError]
) -> None:
    async with connected(Vendor(lambda _: said)) as (connector, _):
        with pytest.raises(error) as caught:
            await collect(connector, stream="vehicles", mode="listing")

    assert type(caught.value).__mro__[0] is error or isinstance(caught.value, error)
    assert SESSION not in str(caught.value)


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "56"}, 56), ({}, 60)])
async def test_an_exceeded_limit_inside_a_200_says_when_to_come_back(
    headers: dict[str, str], seconds: int
) -> None:
    async with connected(Vendor(lambda _: failure("OverLimitException", **headers))) as (line, _):
        with clock.held_at(NOW), pytest.raises(SlowDown) as caught:
            await collect(line, stream="vehicles", mode="listing")

    assert caught.value.until == NOW + timedelta(seconds=seconds)


async def test_a_short_wait_inside_a_200_is_kept_in_place() -> None:
    said = [failure("OverLimitException", **{"retry-after": "0.01"}), result(5)]

    async with connected(Vendor(lambda _: said.pop(0))) as (connector, _):
        await connector.account()

    assert said == []


async def test_a_seek_goes_to_the_empty_page_and_is_compared_with_the_vendors_count() -> None:
    rows = [{"id": f"b{number}"} for number in range(1, 6)]

    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "GetCountOf":
            return result(5)
        after = call["params"]["sort"]["offset"]
        return result([row for row in rows if after is None or row["id"] > after][:2])

    vendor = Vendor(answer)
    async with connected(vendor) as (connector, _):
        pages = await collect(connector, stream="vehicles", mode="listing")
        rest = await collect(connector, stream="vehicles", mode="listing", cursor=pages[1].cursor)

    assert [(page.cursor, page.last) for page in pages] == [
        ("2:b2", False), ("4:b4", False), ("5:b5", False), (None, True),
    ]  # fmt: skip
    assert rest == pages[2:]
    first = vendor.calls[0]["params"]
    assert first["sort"] == {"sortBy": "id", "sortDirection": "asc", "offset": None}
    assert first["resultsLimit"] == 5_000


async def test_a_list_that_stops_short_of_the_count_is_never_taken_for_whole() -> None:
    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "GetCountOf":
            return result(5_666)
        return result([] if call["params"]["sort"]["offset"] else [{"id": "b1"}])

    async with connected(Vendor(answer)) as (connector, _):
        with pytest.raises(TryAgain, match="1 of 5666"):
            await collect(connector, stream="vehicles", mode="listing")


async def test_an_account_that_shows_no_device_lacks_its_scope() -> None:
    answer: Answer = lambda call: result(0 if call["method"] == "GetCountOf" else [])  # noqa: E731

    async with connected(Vendor(answer)) as (connector, _):
        with pytest.raises(NotAllowed, match="Company Group"):
            await collect(connector, stream="vehicles", mode="listing")


async def test_a_seek_that_shows_the_same_page_again_stops_with_an_error() -> None:
    async with connected(Vendor(lambda _: result([{"id": "b1"}]))) as (connector, _):
        with pytest.raises(Changed, match="circles"):
            await collect(connector, stream="vehicles", mode="listing")


async def test_a_full_page_of_a_feed_that_leads_nowhere_stops_with_an_error() -> None:
    row = {"id": "b1", "device": {"id": "b1"}, "dateTime": "2026-07-14T08:00:00Z",
           "latitude": 1, "longitude": 2, "speed": 3}  # fmt: skip

    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "GetFeed":
            return result({"data": [row, row], "toVersion": "00000000000000aa"})
        return result([[] for _ in call["params"]["calls"]])

    async with connected(Vendor(answer)) as (connector, _):
        with pytest.raises(Changed, match="circles"):
            await collect(connector, stream="locations", mode="feed", cursor="00000000000000aa")


async def test_a_feed_opens_at_the_present_goes_on_by_version_and_history_by_date() -> None:
    script = Script({"GetFeed LogRecord": {"": {"data": [], "toVersion": "00000000000000aa"}}})

    async with connected(script) as (connector, _):
        opened = await collect(connector, stream="locations", mode="feed")
        await collect(connector, stream="locations", mode="feed", cursor=opened[-1].cursor)
        await collect(connector, stream="locations", mode="history", starts_at=NOW, ends_at=NOW)

    asked = [call["params"] for call in script.calls if call["method"] == "GetFeed"]
    assert "search" not in asked[0]
    assert "fromVersion" not in asked[0]
    assert asked[1]["fromVersion"] == "00000000000000aa"
    assert asked[2]["search"] == {"fromDate": "2026-07-15T12:00:00.000Z"}
    assert asked[2]["resultsLimit"] == 50_000
    assert (opened[-1].cursor, opened[-1].last) == ("00000000000000aa", True)


@pytest.mark.parametrize("speed", [b"NaN", b'"NaN"', b"-Infinity"])
async def test_a_speed_that_is_no_number_costs_neither_the_position_nor_the_page(
    speed: bytes,
) -> None:
    row = b'{"id":"b%d","device":{"id":"b1"},"dateTime":"2026-07-14T08:00:0%dZ","latitude":1,"longitude":2,"speed":%b}'
    rows = b",".join((row % (1, 1, speed), row % (2, 2, b"30")))
    body = b'{"result":{"data":[%b],"toVersion":"00000000000000ab"},"jsonrpc":"2.0"}' % rows

    def answer(call: dict[str, Any]) -> Said:
        if call["method"] == "Get":
            return result([])  # Nobody changed seats.
        told = call["params"].get("fromVersion") == "00000000000000ab"
        return result({"data": [], "toVersion": "00000000000000ab"}) if told else Said(body)

    async with connected(Vendor(answer)) as (connector, _):
        with clock.held_at(NOW):
            pages = await collect(
                connector, stream="locations", mode="feed", cursor="00000000000000aa"
            )

    cuts = [cut for page in pages for cut in page.cuts]
    assert [getattr(fix, "speed", 0) for cut in cuts for fix in cut.records] == [None, 30]
    assert [reject for cut in cuts for reject in cut.rejects] == []


async def test_a_version_that_is_no_longer_known_starts_the_feed_again() -> None:
    async with connected(Vendor(lambda _: failure("ArgumentException"))) as (connector, _):
        with pytest.raises(CursorLost):
            await collect(connector, stream="locations", mode="feed", cursor="00000000000000aa")
        with pytest.raises(Changed):
            await collect(connector, stream="locations", mode="feed")


async def test_a_customers_call_gets_the_session_and_no_way_to_log_in() -> None:
    vendor = Vendor(lambda call: result(call["params"]))

    async with connected(vendor) as (connector, _):
        body = json.dumps({"method": "Get", "params": {"typeName": "Zone"}})
        status, _, answer = await connector.request("POST", "/apiv1", {}, body)
        for bad in [
            ("GET", "/apiv1", None), ("POST", "/other", body), ("POST", "/apiv1", "no json"),
            ("POST", "/apiv1", '{"method":"Authenticate","params":{}}'),
        ]:  # fmt: skip
            with pytest.raises(BadRequest):
                await connector.request(bad[0], bad[1], {}, bad[2])

    assert status == 200
    assert SESSION in session_of(vendor.calls[0])
    assert SESSION.encode() not in answer


async def test_footage_that_has_no_address_of_its_own_is_not_supported() -> None:
    async with connected(Vendor(lambda _: None)) as (connector, _):
        with pytest.raises(NotSupported):
            await connector.camera_media("aE1")


async def test_a_brand_speaks_the_dialect_under_its_own_name() -> None:
    script = Script({"Get Device": [{"id": "b1", "serialNumber": "x"}], "GetCountOf Device": 1})

    async with connected(script, "gofleet") as (connector, _):
        pages = await collect(connector, stream="vehicles", mode="listing")

    (vehicle,) = [record for page in pages for cut in page.cuts for record in cut.records]
    assert getattr(vehicle, "provider", "") == "gofleet"


def test_the_eighteen_codes_share_one_form_and_one_platform() -> None:
    providers = registry.load()
    brands = [c for c in providers.codes if providers.manifest(c).base_code == "geotab"]
    base = providers.manifest("geotab")

    assert len(brands) == 17
    for code in brands:
        brand = providers.manifest(code)
        assert (brand.logins, brand.streams, brand.limits) == (
            base.logins,
            base.streams,
            base.limits,
        )
        assert brand.name != base.name
    forms = [[field.name for field in form] for form in base.logins]
    assert forms == [["username", "password", "database"], ["username", "password"]]
