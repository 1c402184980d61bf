"""The simulated Geotab is true to the vendor: its own SDK reads it, and it misbehaves in its vendor's words."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import mygeotab
import pytest
from mygeotab.exceptions import AuthenticationException, MyGeotabException
from tests.sandbox.geotab_account import NOW, START, account

from milepost.errors import Changed, CursorLost, LoginLost, NotAllowed, SlowDown, TryAgain
from milepost.kit import registry
from milepost.kit.ledger import Dropped, Fields, unknown_fields
from milepost.kit.simulation import Conditions, SimRequest, Throttle
from milepost.sandbox.faults import Fault
from milepost.sandbox.world import SyntheticWorld

LISTED = (
    "Device", "User", "Group", "Rule", "Diagnostic", "DeviceStatusInfo", "Trip", "FuelAndEnergyUsed",
    "FuelTaxDetail", "DutyStatusLog", "DriverChange",
)  # fmt: skip
FEEDS = ("LogRecord", "StatusData", "FaultData", "ExceptionEvent")


def read_all(server: str) -> dict[str, list[dict[str, Any]]]:
    """Read every type as the vendor's SDK does, with its own login, calls and dates."""
    api = mygeotab.API("sdk@fleet.example", "any", server=server)
    api.authenticate()
    window = {"fromDate": START - timedelta(days=5), "toDate": NOW}
    found = {type_: api.get(type_, search=window) for type_ in LISTED}
    for type_ in FEEDS:
        page = api.call("GetFeed", typeName=type_, search=window, resultsLimit=50_000)
        found[type_] = page["data"]
    driver = found["User"][0]["id"]
    asked = {"userSearch": {"id": driver}, **window}
    (notes, left) = api.multi_call(
        [
            ("Get", {"typeName": "AnnotationLog", "search": asked}),
            ("Get", {"typeName": "DutyStatusAvailability", "search": asked}),
        ]
    )
    assert api.call("GetCountOf", typeName="Device") == len(found["Device"])
    return {**found, "AnnotationLog": notes, "DutyStatusAvailability": left}


async def test_the_vendors_sdk_reads_every_type() -> None:
    async with account() as at:
        found = await asyncio.to_thread(read_all, f"{at.base_url}/apiv1")

    assert [type_ for type_, rows in found.items() if not rows] == []
    for type_, field in [
        ("Trip", "start"),
        ("LogRecord", "dateTime"),
        ("FuelTaxDetail", "enterTime"),
    ]:
        moment = found[type_][0][field]
        assert isinstance(moment, datetime)
        assert moment.tzinfo is not None


async def test_the_vendors_sdk_names_a_refused_login_and_a_wrong_question() -> None:
    def ask(server: str) -> None:
        with pytest.raises(AuthenticationException):
            mygeotab.API("sdk@fleet.example", "wrong", server=server).authenticate()
        api = mygeotab.API("sdk@fleet.example", "any", server=server)
        with pytest.raises(MyGeotabException, match="MissingMethodException"):
            api.get("Nonsense")

    async with account() as at:
        await asyncio.to_thread(ask, f"{at.base_url}/apiv1")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttled", SlowDown), ("broken", TryAgain), ("broken_text", TryAgain),
        ("token_revoked", LoginLost), ("scope_revoked", NotAllowed), ("cursor_lost", CursorLost),
        ("cursor_repeated", Changed),
    ],
)  # fmt: skip
async def test_every_mishap_is_acted_out_in_the_dialect_and_named_by_what_to_do(
    kind: str, error: type[Exception]
) -> None:
    async with account(page_readings=9_000) as at:
        cursor = (await at.read("locations"))[0].cursor
        fault: Any = {"kind": kind, "path": "/geotab/apiv1", "query": "LogRecord"}
        at.app.faults.add(Fault(**fault))
        with pytest.raises(error):
            await at.read("locations", "feed", cursor)


async def test_a_spoilt_record_is_set_aside_and_an_unknown_field_is_named() -> None:
    async with account() as at:
        at.app.faults.add(Fault(kind="bad_record", query="LogRecord"))
        at.app.faults.add(Fault(kind="unknown_field", query="LogRecord"))
        pages = await at.read("locations")

    cuts = [cut for page in pages for cut in page.cuts]
    assert "latitude" in next(reject.reason for cut in cuts for reject in cut.rejects)
    names = json.loads(cuts[0].body)["data"][0].keys() - {"zenithIndex"}
    known: Fields = {"data": {name: Dropped("known") for name in names}}
    assert unknown_fields(cuts[0].body, known)["data.zenithIndex"]
    assert sum(len(cut.records) for cut in cuts) > 40_000


def test_limits_are_kept_by_method_and_type() -> None:
    sim, world = registry.load().simulators()["geotab"], SyntheticWorld(seed=7)
    conditions = Conditions(throttle=Throttle())

    def ask(**call: Any) -> dict[str, Any]:
        body = json.dumps(call).encode()
        request = SimRequest(method="POST", path="/apiv1", body=body)
        answer = sim.answer(request, world, NOW, conditions)
        assert answer.status == 200
        found: dict[str, Any] = json.loads(answer.body)
        return found

    login = ask(method="Authenticate", params={"userName": "a", "password": "b"})["result"]
    names = login["credentials"]
    feed = {"typeName": "LogRecord", "credentials": names}
    first = ask(method="GetFeed", params=feed)
    again = ask(method="GetFeed", params=feed)
    other = ask(method="GetFeed", params={**feed, "typeName": "StatusData"})

    assert "result" in first
    assert again["error"]["data"]["type"] == "OverLimitException"
    assert "result" in other


def test_a_get_stops_at_5000_without_a_word_and_a_wrong_sort_is_refused() -> None:
    sim, world = registry.load().simulators()["geotab"], SyntheticWorld(seed=7, vehicles=6)
    conditions = Conditions()

    def ask(method: str, **params: Any) -> dict[str, Any]:
        body = json.dumps({"method": method, "params": params}).encode()
        answer = sim.answer(
            SimRequest(method="POST", path="/apiv1", body=body), world, NOW, conditions
        )
        found: dict[str, Any] = json.loads(answer.body)
        return found

    names = ask("Authenticate", userName="a", password="b")["result"]["credentials"]
    device = ask("Get", typeName="Device", credentials=names)["result"][0]["id"]
    search = {"deviceSearch": {"id": device}, "fromDate": "2026-02-20T00:00:00Z"}
    logs = ask("Get", typeName="LogRecord", search=search, credentials=names)["result"]
    sort = {"sortBy": "id", "offset": None}
    wrong = ask("Get", typeName="DriverChange", sort=sort, credentials=names)
    gone = ask("Get", typeName="Device", search={"id": "bFFFF"}, credentials=names)
    nobody = ask("Get", typeName="Device", credentials={**names, "sessionId": "1-2"})

    assert len(logs) == 5_000
    assert wrong["error"]["data"]["type"] == "ArgumentException"
    assert gone["result"] == []
    assert nobody["error"]["data"]["type"] == "InvalidUserException"
