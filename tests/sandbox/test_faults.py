"""Faults can be injected over HTTP, hit what they are meant to hit, and end when they are spent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import httpx2
import pytest

from milepost.errors import SetupError
from milepost.kit import registry
from milepost.sandbox.app import Sandbox, Settings, read_settings
from milepost.sandbox.faults import Fault, FaultBook, read_faults
from milepost.sandbox.serving import serving

VEHICLES = "/samsara/fleet/vehicles"
STATS = "/samsara/fleet/vehicles/stats"


@pytest.fixture
async def client(sim: ModuleType) -> AsyncIterator[httpx2.AsyncClient]:
    app = Sandbox(Settings(limits=False, page_records=4), {"samsara": sim})
    headers = {"authorization": "Bearer any"}
    async with (
        serving(app) as base,
        httpx2.AsyncClient(base_url=base, headers=headers) as client,
    ):
        yield client


async def inject(client: httpx2.AsyncClient, **fault: Any) -> int:
    answer = await client.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()[0]["id"]
    return number


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("throttled", 429, "Rate limit"),
        ("broken", 500, "internal server error"),
        ("broken_text", 503, "upstream connect error"),
        ("token_revoked", 401, "invalid token"),
        ("scope_revoked", 403, "Read Vehicles"),
        ("feature_missing", 404, "Not Found"),
    ],
)
async def test_a_refusal_is_acted_out_in_the_vendors_dialect_as_often_as_asked(
    client: httpx2.AsyncClient, kind: str, status: int, text: str
) -> None:
    await inject(client, kind=kind, path=VEHICLES, count=2)

    answers = [await client.get(VEHICLES) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert text in answers[0].text
    is_json = answers[0].headers["content-type"].startswith("application/json")
    assert is_json == (kind != "broken_text")
    if kind == "throttled":
        assert "." in answers[0].headers["retry-after"]


async def test_a_fault_hits_only_its_path_and_its_token(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="scope_revoked", path="*/stats*")
    await inject(client, kind="token_revoked", token="stolen")

    assert (await client.get(STATS, params={"types": "gps"})).status_code == 403
    assert (await client.get(VEHICLES)).status_code == 200
    stolen = await client.get(VEHICLES, headers={"authorization": "Bearer stolen"})
    assert stolen.status_code == 401


def test_a_fault_finds_its_text_in_the_query_or_in_the_body() -> None:
    book = FaultBook()
    book.add(Fault(kind="broken", query="LogRecord"))

    struck = [
        len(book.strike("/geotab/apiv1", query, "", body))
        for query, body in [("", b'{"typeName":"Trip"}'), ("", b'{"typeName":"LogRecord"}'),
                            ("type=LogRecord", b"")]
    ]  # fmt: skip

    assert struck == [0, 1, 1]


async def test_the_first_requests_can_be_let_pass(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="broken", path=VEHICLES, skip=2, count=1)

    assert [(await client.get(VEHICLES)).status_code for _ in range(4)] == [200, 200, 500, 200]


async def test_a_slow_answer_comes_late_but_whole(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="slow", seconds=0.2, count=1)

    begun = time.perf_counter()
    answer = await client.get(VEHICLES)

    assert time.perf_counter() - begun >= 0.2
    assert answer.status_code == 200


async def test_a_connection_is_cut_in_the_middle_of_a_body(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="cut", path=VEHICLES, count=1)

    with pytest.raises(httpx2.TransportError):
        await client.get(VEHICLES)
    assert (await client.get(VEHICLES)).status_code == 200


async def test_a_body_may_be_truncated_json(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="truncated", path=VEHICLES, count=1)

    answer = await client.get(VEHICLES)

    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|Invalid"):
        answer.json()


async def test_a_cursor_can_repeat_itself(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="cursor_repeated", query="after=")
    first = (await client.get(VEHICLES)).json()["pagination"]

    second = (await client.get(VEHICLES, params={"after": first["endCursor"]})).json()

    assert second["pagination"] == {"endCursor": first["endCursor"], "hasNextPage": True}


async def test_a_cursor_can_be_lost(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="cursor_lost", query="after=", count=1)
    cursor = (await client.get(VEHICLES)).json()["pagination"]["endCursor"]

    lost = await client.get(VEHICLES, params={"after": cursor})

    assert lost.status_code == 400
    assert "cursor" in lost.json()["message"]
    assert (await client.get(VEHICLES, params={"after": cursor})).status_code == 200


async def test_vehicles_can_disappear_and_come_back(client: httpx2.AsyncClient) -> None:
    async def names() -> list[str]:
        found, after = [], ""
        while True:
            page = (await client.get(VEHICLES, params={"after": after} if after else {})).json()
            found += [vehicle["name"] for vehicle in page["data"]]
            after = page["pagination"]["endCursor"]
            if not after:
                return found

    before = await names()
    number = await inject(client, kind="vehicles_missing", vehicles=["Truck 102"])

    assert [name for name in before if name != "Truck 102"] == await names()
    located = (await client.get(STATS, params={"types": "gps"})).json()["data"]
    assert "Truck 102" not in {record["name"] for record in located}
    await client.delete(f"/_sandbox/faults/{number}")
    assert await names() == before


async def test_a_record_can_lack_its_latitude(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="bad_record", count=1)

    bad, good = [
        (await client.get(STATS, params={"types": "gps"})).json()["data"] for _ in range(2)
    ]

    assert "latitude" not in bad[0]["gps"]
    assert "latitude" in bad[1]["gps"]
    assert "latitude" in good[0]["gps"]


async def test_a_listed_record_can_lack_its_id(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="bad_record", path=VEHICLES, count=1)

    listed = (await client.get(VEHICLES)).json()["data"]

    assert ["id" in vehicle for vehicle in listed] == [False, True, True, True]


async def test_an_unknown_field_can_appear(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="unknown_field", count=1)

    first, second = [(await client.get(VEHICLES)).json()["data"] for _ in range(2)]

    assert set(first[0]) - set(second[0]) == {"zenithIndex"}


@pytest.mark.parametrize(
    "body", ['{"kind": "meteor"}', '{"kind": "slow", "color": 1}', "[", '{"kind":"slow","count":0}']
)
async def test_a_fault_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, body: str
) -> None:
    answer = await client.post("/_sandbox/faults", content=body)

    assert answer.status_code == 400
    assert (await client.get("/_sandbox/faults")).json() == []


async def test_faults_are_listed_with_their_hits_and_deleted(client: httpx2.AsyncClient) -> None:
    await inject(client, kind="broken", path=VEHICLES, count=5)
    await inject(client, kind="throttled", path="*/nowhere")
    await client.get(VEHICLES)

    listed = (await client.get("/_sandbox/faults")).json()

    assert [(fault["kind"], fault["hits"]) for fault in listed] == [("broken", 1), ("throttled", 0)]
    assert (await client.delete("/_sandbox/faults")).json() == {"deleted": 2}
    assert (await client.get(VEHICLES)).status_code == 200
    assert (await client.delete("/_sandbox/faults/99")).status_code == 404


def test_faults_are_read_from_words() -> None:
    first, second = read_faults(
        "throttled path=*/trips count=3 seconds=0.5; vehicles_missing vehicles=1,2"
    )

    assert (first.kind, first.path, first.count, first.seconds) == ("throttled", "*/trips", 3, 0.5)
    assert (second.kind, second.vehicles, second.count) == ("vehicles_missing", ["1", "2"], None)


@pytest.mark.parametrize("text", ["thrott", "slow seconds=soon", "slow when=now", "cut count=0"])
def test_a_fault_that_is_none_is_refused_with_the_kinds_that_there_are(text: str) -> None:
    with pytest.raises(SetupError, match=r"is no good: .* Kinds: .*rows_repeated"):
        read_faults(text)


def test_faults_of_the_settings_are_in_force_from_the_beginning() -> None:
    settings = read_settings({"MILEPOST_SANDBOX_FAULTS": "broken count=2; cut"})
    sandbox = Sandbox(settings, registry.load().simulators())

    assert [fault.kind for fault in sandbox.faults.list()] == ["broken", "cut"]
