"""The connector against a real HTTP server on loopback: requests, cursors, sweeps, failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from milepost import clock
from milepost.errors import (
    Changed,
    CursorLost,
    LoginLost,
    NotAllowed,
    NotOffered,
    ProviderError,
    SlowDown,
    TryAgain,
)
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.contract import Connector, Page, Slice
from milepost.kit.login import Pocket
from milepost.kit.loopback import Asked, Loopback, Said
from milepost.models.driver import Driver
from milepost.models.location import Fix
from milepost.providers.samsara.streams import TYPES

KEY = "samsara_api_verySecretKey"
START = datetime(2025, 3, 1, tzinfo=UTC)


def page(data: Any, cursor: str = "", *, more: bool = False) -> Said:
    body = {"data": data, "pagination": {"endCursor": cursor, "hasNextPage": more}}
    return Said(json.dumps(body).encode())


def failure(status: int, message: str) -> Said:
    return Said(json.dumps({"message": message, "requestId": "r-1"}).encode(), status)


def truck(number: int, *times: str) -> dict[str, Any]:
    gps = [{"time": time, "latitude": 40.0, "longitude": -100.0} for time in times]
    return {"id": str(number), "name": f"Truck {number}", "gps": gps}


@asynccontextmanager
async def connected(
    answer: Callable[[Asked], Said], code: str = "samsara"
) -> AsyncIterator[tuple[Connector, Loopback]]:
    credentials = {"apiKey": KEY} if code == "samsara" else {"username": "fleet", "password": "ü %"}
    async with Loopback(answer).serving() as server:
        providers = registry.load({code: server.base_url + "/base"})
        connector = providers.connect(code, Pocket(credentials), Identity(UUID(int=1)))
        try:
            yield connector, server
        finally:
            await connector.aclose()


async def collect(connector: Connector, slice_: Slice) -> list[Page]:
    return [page async for page in connector.pages(slice_)]


def history(stream: str = "locations", cursor: str | None = None, hours: float = 24) -> Slice:
    ends_at = START + timedelta(hours=hours)
    return Slice(stream=stream, mode="history", starts_at=START, ends_at=ends_at, cursor=cursor)


async def test_a_listing_goes_to_the_empty_cursor_and_keeps_its_parameters() -> None:
    def answer(asked: Asked) -> Said:
        if "after" not in asked.query:
            return page([{"id": "1"}], "c1", more=True)
        return page([], "c2", more=True) if asked.query["after"] == "c1" else page([{"id": "2"}])

    async with connected(answer) as (connector, server):
        pages = await collect(connector, Slice(stream="vehicles", mode="listing"))

    assert [(p.cursor, p.last, len(p.cuts)) for p in pages] == [
        ("c1", False, 1), ("c2", False, 0), (None, True, 1),
    ]  # fmt: skip
    assert [asked.query for asked in server.asked] == [
        {"limit": "512"}, {"limit": "512", "after": "c1"}, {"limit": "512", "after": "c2"},
    ]  # fmt: skip
    for asked in server.asked:
        assert asked.path == "/base/fleet/vehicles"
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.headers["x-samsara-version"] == "2025-10-23"


async def test_drivers_are_swept_active_then_deactivated_from_any_cursor() -> None:
    def answer(asked: Asked) -> Said:
        status = asked.query["driverActivationStatus"]
        number = {"active": 10, "deactivated": 20}[status] + len(asked.query.get("after", ""))
        row = {"id": str(number), "name": "A B", "driverActivationStatus": status}
        return page([row]) if "after" in asked.query else page([row], "x", more=True)

    def found(pages: list[Page]) -> list[tuple[str, str]]:
        records = [record for p in pages for cut in p.cuts for record in cut.records]
        return [(r.source_id, r.status) for r in records if isinstance(r, Driver)]

    async with connected(answer) as (connector, _):
        pages = await collect(connector, Slice(stream="drivers", mode="listing"))

        assert [(p.cursor, p.last) for p in pages] == [
            ("active:x", False), ("deactivated:", False), ("deactivated:x", False), (None, True),
        ]  # fmt: skip
        assert found(pages) == [
            ("10", "active"), ("11", "active"), ("20", "inactive"), ("21", "inactive"),
        ]  # fmt: skip
        for at, kept in enumerate(pages[:-1]):
            slice_ = Slice(stream="drivers", mode="listing", cursor=kept.cursor)
            assert found(await collect(connector, slice_)) == found(pages[at + 1 :])
        with pytest.raises(CursorLost):
            await collect(connector, Slice(stream="drivers", mode="listing", cursor="retired:x"))


async def test_history_asks_for_exactly_its_window_and_keeps_nothing_else() -> None:
    times = ["2025-02-28T23:59:59.999Z", "2025-03-01T00:00:00Z", "2025-03-01T05:00:00Z"]

    def answer(asked: Asked) -> Said:
        if "after" not in asked.query:
            return page([truck(1, *times)], "v1", more=True)
        return page([truck(2, times[1])])

    async with connected(answer) as (connector, server):
        pages = await collect(connector, history(hours=5))
        resumed = await collect(connector, history(cursor='["v1"]', hours=5))

    window = {"startTime": "2025-03-01T00:00:00.000Z", "endTime": "2025-03-01T05:00:00.000Z"}
    assert server.asked[0].query == {**window, "types": "gps"}
    assert (
        server.asked[1].query == server.asked[2].query == {**server.asked[0].query, "after": "v1"}
    )
    assert [(p.cursor, p.last, p.caught_up_to) for p in pages] == [
        ('["v1"]', False, None), (None, True, None),
    ]  # fmt: skip
    assert resumed == pages[1:]
    assert pages[0].cuts[0].ordinals == [1]


async def test_bounds_finer_than_a_millisecond_are_asked_wide_and_cut_exactly() -> None:
    starts_at = START + timedelta(microseconds=500)
    ends_at = START + timedelta(seconds=1, microseconds=500)
    times = [f"2025-03-01T00:00:0{time}Z" for time in ("0.0004", "0.0005", "1.0004", "1.0005")]

    async with connected(lambda _: page([truck(1, *times)])) as (connector, server):
        slice_ = Slice(stream="locations", mode="history", starts_at=starts_at, ends_at=ends_at)
        (only,) = await collect(connector, slice_)

    assert server.asked[0].query["startTime"] == "2025-03-01T00:00:00.000Z"
    assert server.asked[0].query["endTime"] == "2025-03-01T00:00:01.001Z"
    assert only.cuts[0].ordinals == [1, 2]


async def test_a_feed_opens_without_a_cursor_and_hands_on_the_one_to_keep() -> None:
    def answer(asked: Asked) -> Said:
        match asked.query.get("after"):
            case None:
                return page([truck(1, "2025-02-20T00:00:00Z")], "f1", more=True)
            case "f1":
                return page([truck(2, "2025-02-21T00:00:00Z")], "f2")
            case _:
                return page([], "f2")

    async with connected(answer) as (connector, server):
        with clock.held_at(START):
            opened = await collect(connector, Slice(stream="locations", mode="feed"))
            quiet = await collect(connector, Slice(stream="locations", mode="feed", cursor="f2"))

    assert [(p.cursor, p.last, p.caught_up_to) for p in opened] == [
        ("f1", False, None), ("f2", True, START),
    ]  # fmt: skip
    assert [(p.cursor, p.last, p.caught_up_to, p.cuts) for p in quiet] == [("f2", True, START, [])]
    assert server.asked[0].query == {"types": "gps"}
    fixes = [r for p in opened for cut in p.cuts for r in cut.records]
    assert all(isinstance(fix, Fix) for fix in fixes)
    assert len(fixes) == 2


async def test_the_instant_a_feed_is_caught_up_to_lies_before_its_request() -> None:
    asked_at: list[datetime] = []

    def answer(_: Asked) -> Said:
        asked_at.append(clock.now())
        return page([], "f1")

    async with connected(answer) as (connector, _):
        (opened,) = await collect(connector, Slice(stream="stats_motion", mode="feed"))

    assert opened.caught_up_to is not None
    assert opened.caught_up_to < asked_at[0]


@pytest.mark.parametrize(
    "answer",
    [
        page([{"id": "1"}], "", more=True),
        page([{"id": "1"}], "same", more=True),
        Said(b"<html>maintenance</html>"),
        Said(b'{"data":[]}'),
        failure(400, "Invalid stat type(s): bogus"),
        failure(405, "no"),
        Said(b"", 302, {"location": "http://127.0.0.1:1/elsewhere"}),
    ],
)
async def test_a_walk_that_cannot_be_complete_is_a_change(answer: Said) -> None:
    async with connected(lambda _: answer) as (connector, server):
        with pytest.raises(Changed):
            await collect(connector, Slice(stream="vehicles", mode="listing"))

    assert len(server.asked) <= 2


async def test_a_feed_without_a_cursor_to_keep_is_a_change() -> None:
    async with connected(lambda _: page([])) as (connector, _):
        with pytest.raises(Changed, match="cursor"):
            await collect(connector, Slice(stream="locations", mode="feed"))


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (failure(401, "invalid token"), LoginLost),
        (failure(403, "forbidden"), NotAllowed),
        (failure(404, "not found"), NotOffered),
        (failure(400, "Parameters differ from previous paginated request"), CursorLost),
        (failure(400, "Invalid or expired cursor"), CursorLost),
        (failure(400, "Vehicle stats are currently restricted to 4 types."), Changed),
        (Said(b"upstream connect error", 503, {"content-type": "text/plain"}), TryAgain),
        (Said(b"", 408), TryAgain),
        (Said(b"{}", 429, {"retry-after": "3.5"}), SlowDown),
        (Said(b'{"data":[]}', 200, {}, cut=True), TryAgain),
    ],
)
async def test_each_failure_is_named_by_what_to_do_next(
    said: Said, error: type[ProviderError]
) -> None:
    async with connected(lambda _: said) as (connector, _):
        with pytest.raises(error) as caught:
            await collect(connector, Slice(stream="locations", mode="feed", cursor="10000000-0000"))

    assert type(caught.value) is error
    assert KEY not in str(caught.value)
    if isinstance(caught.value, NotAllowed):
        assert caught.value.permission == "Read Vehicle Statistics"
        assert "Read Vehicle Statistics" in caught.value.message


async def test_a_400_about_a_cursor_is_a_change_where_none_was_sent() -> None:
    async with connected(lambda _: failure(400, "Invalid cursor")) as (connector, _):
        with pytest.raises(Changed):
            await collect(connector, history())


@pytest.mark.parametrize(
    ("stream", "permission"),
    [("groups", "Read Tags"), ("vehicles", "Read Vehicles"), ("drivers", "Read Drivers")],
)
async def test_a_missing_permission_is_called_by_its_own_name(stream: str, permission: str) -> None:
    async with connected(lambda _: failure(403, "no")) as (connector, _):
        with pytest.raises(NotAllowed) as caught:
            await collect(connector, Slice(stream=stream, mode="listing"))

    assert caught.value.permission == permission


async def test_the_account_is_checked_and_a_refused_login_is_lost() -> None:
    def answer(asked: Asked) -> Said:
        if asked.headers["authorization"] != f"Bearer {KEY}":
            return failure(401, "invalid token")
        return Said(b'{"data":{"id":"9","name":"Fleet"}}')

    async with connected(answer) as (connector, server):
        found = await connector.account()
        assert (found.source_id, found.account.name) == ("9", "Fleet")
        assert server.asked[0].path == "/base/me"

        other = registry.load({"samsara": server.base_url + "/base"}).connect(
            "samsara", Pocket({"apiKey": "wrong"}), Identity(UUID(int=1))
        )
        with pytest.raises(LoginLost):
            await other.account()
        await other.aclose()


async def test_the_sandbox_takes_any_username_and_password() -> None:
    async with connected(lambda _: page([{"id": "1"}]), "sandbox") as (connector, server):
        (only,) = await collect(connector, Slice(stream="groups", mode="listing"))

    assert server.asked[0].headers["authorization"] == "Bearer ZmxlZXQ.w7wgJQ"
    (record,) = only.cuts[0].records
    assert getattr(record, "provider", None) == "sandbox"


async def test_latest_locations_take_three_calls_of_three_types_at_most() -> None:
    fix = {"time": "2025-03-01T00:00:00Z", "latitude": 1, "longitude": 2}

    def answer(asked: Asked) -> Said:
        if "gps" not in asked.query.get("types", ""):
            return page([{"id": "1", "fuelPercent": {"time": fix["time"], "value": 50}}])
        if "after" not in asked.query:
            return page([{"id": "1", "name": "A", "gps": fix}], "more", more=True)
        return page([{"id": "2", "name": "B"}])

    async with connected(answer) as (connector, server):
        ((location, raw),) = await connector.latest_locations()

    assert location.fuel is not None
    assert json.loads(raw).keys() == {"id", "name", "gps", "fuelPercent"}
    types = [each.query["types"].split(",") for each in server.asked if "types" in each.query]
    assert max(map(len, types)) == 3
    assert {name for group in types for name in group} == {
        "gps", "engineStates", "fuelPercents", "obdOdometerMeters", "gpsOdometerMeters",
        "obdEngineSeconds", "syntheticEngineSeconds",
    }  # fmt: skip


async def test_latest_locations_fail_as_a_whole_and_by_name() -> None:
    def answer(asked: Asked) -> Said:
        return page([]) if "gps" in asked.query.get("types", "") else failure(403, "no")

    async with connected(answer) as (connector, _):
        with pytest.raises(NotAllowed):
            await connector.latest_locations()


async def test_a_large_page_does_not_hold_the_loop() -> None:
    times = [
        (START + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%S.000Z") for n in range(5_000)
    ]
    answer = page([truck(n, *times) for n in range(12)])
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with connected(lambda _: answer) as (connector, _):
        slice_ = history()
        pages = connector.pages(slice_)
        counting = asyncio.create_task(count())
        only = await anext(pages)
        counting.cancel()

    assert sum(len(cut.records) for cut in only.cuts) == 60_000
    assert turns > 10


def check(text: str, schema: dict[str, Any]) -> None:
    """Check a parameter's text; lists are joined by commas where the document says `explode: false`."""
    match schema["type"]:
        case "array":
            for item in text.split(","):
                check(item, schema["items"])
        case "integer":
            assert schema["minimum"] <= int(text) <= schema["maximum"]
        case _:
            assert text in schema.get("enum", [text])


async def test_every_request_is_valid_by_the_vendors_document(shared: Path) -> None:
    spec = json.loads((shared / "specs/samsara-2025-10-23.json").read_text())

    def answer(asked: Asked) -> Said:
        if asked.path.endswith("/me"):
            return Said(b'{"data":{}}')
        return page([], "end") if "after" in asked.query else page([], "next", more=True)

    async with connected(answer) as (connector, server):
        await connector.account()
        await connector.latest_locations()
        for stream in ("groups", "vehicles", "drivers"):
            await collect(connector, Slice(stream=stream, mode="listing"))
        for stream in TYPES:
            await collect(connector, history(stream))
            await collect(connector, Slice(stream=stream, mode="feed"))

    assert len({asked.path for asked in server.asked}) == 8
    for asked in server.asked:
        operation = spec["paths"][asked.path.removeprefix("/base")][asked.method.lower()]
        known = {parameter["name"]: parameter for parameter in operation.get("parameters", [])}
        assert asked.query.keys() <= known.keys()
        assert {n for n, p in known.items() if p.get("required")} <= asked.query.keys()
        for name, text in asked.query.items():
            check(text, known[name]["schema"])
        assert len(asked.query.get("types", "").split(",")) <= 3
