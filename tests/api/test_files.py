"""Files over the API: what is uploaded, what it answers, what is refused, and what it leaves behind."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.api.conftest import Client, Site

from milepost.providers.files import columns
from milepost.store.pool import fetch_all
from milepost.sync.merging import merge_due
from milepost.sync.retention import UNLIMITED

FIXTURES = Path(__file__).parents[2] / "src/milepost/providers/files/fixtures"
PAGE = (Path(__file__).parents[2] / "docs/how-to/files.md").read_text()
TRACK = (FIXTURES / "track.csv").read_bytes()
RECORDS = {"startAt": "2020-01-01T00:00:00Z"}


@pytest.fixture
async def exports(site: Site) -> Client:
    """A fleet that has nothing but exports."""
    client = await site.client()
    made = await client.connect(provider="files", credentials={"name": "Analytical Freight"})
    await site.work()
    return client.as_(made["token"])


async def upload(
    client: Client, data: bytes | AsyncIterator[bytes], **query: Any
) -> httpx2.Response:
    return await client.ask("POST", "/files", content=data, params={"name": "a.csv", **query})


async def merge(site: Site) -> int:
    return await merge_due(site.database, site.registry, UNLIMITED)


async def rows(site: Site, query: str) -> list[Any]:
    async with site.database.session() as session:
        return await fetch_all(session, query)


async def count(site: Site, table: str) -> int:
    return int((await rows(site, f"select count(*) from {table}"))[0][0])


async def test_a_fleet_with_nothing_but_exports_is_connected_too(
    site: Site, exports: Client
) -> None:
    received = await upload(exports, TRACK)
    assert received.status_code == 200, received.text
    file = received.json()
    assert file["status"] == "received"
    assert file["contents"]["vehicleLocations"] == 3
    assert (await exports.get(f"/syncs/{file['sync']}")).json()["status"] == "in_progress"

    assert await merge(site) == 1

    shown = (await exports.get(f"/files/{file['id']}")).json()
    assert shown["status"] == "completed"
    assert (shown["contents"]["startsAt"], shown["contents"]["endsAt"]) == (
        "2026-01-06T03:24:53.000Z", "2026-01-06T03:26:53.000Z",
    )  # fmt: skip
    sync = (await exports.get(f"/syncs/{file['sync']}")).json()
    assert (sync["status"], sync["providerRequests"]) == ("completed", ["historical_files"])
    request = (await exports.get(f"/provider-requests/{file['providerRequest']}")).json()
    assert (request["status"], request["syncId"]) == ("completed", sync["id"])
    vehicles = {each["name"]: each for each in await exports.every("/vehicles", raw="true")}
    assert vehicles.keys() == {"Truck 1", "Truck 2"}
    assert vehicles["Truck 1"]["vin"] == "1XKYD49X8GJ472906"
    drivers = await exports.every("/drivers")
    assert [each["lastName"] for each in drivers] == ["Lovelace"]
    first = vehicles["Truck 1"]["id"]
    found = await exports.every(f"/vehicles/{first}/locations", raw="true", **RECORDS)
    assert [each["locatedAt"] for each in found] == [
        "2026-01-06T03:24:53.000Z", "2026-01-06T03:25:53.000Z",
    ]  # fmt: skip
    assert found[0]["driver"] == drivers[0]["id"]
    assert found[0]["raw"][0]["data"]["rows"][0]["Note"] == "dock 4, left"
    stats = await exports.every(f"/vehicles/{first}/stats/historical", **RECORDS)
    assert len(stats) == 6
    assert await count(site, "file_part") == 0
    events = [r[0] for r in await rows(site, "select type from event order by at, id")]
    assert events.count("vehicle.added") == 2
    assert events[-1] == "sync.completed"


async def test_the_logs_of_an_eld_file_are_the_drivers_hours(site: Site, exports: Client) -> None:
    answer = await upload(exports, (FIXTURES / "eld.csv").read_bytes())
    assert answer.status_code == 200, answer.text

    await merge(site)

    logs = await exports.every("/hos/logs")
    assert sorted(each["status"] for each in logs) == ["driving", "off_duty", "on_duty"]
    driver = (await exports.every("/drivers"))[0]
    assert (driver["username"], driver["license"]) == ("ada", {"state": "IL", "number": "L123456"})
    assert {each["driver"] for each in logs} == {driver["id"]}
    raw = await exports.every("/hos/logs", raw="true")
    assert all("rows" in each["raw"][0]["data"] for each in raw)


async def test_the_same_file_again_changes_nothing(site: Site, exports: Client) -> None:
    first = (await upload(exports, TRACK)).json()
    waiting = (await upload(exports, TRACK, name="copy.csv")).json()
    await merge(site)
    stamp = await rows(site, "select max(modified_at), count(*) from position")
    again = (await upload(exports, TRACK)).json()

    assert first["id"] == waiting["id"] == again["id"]
    assert await merge(site) == 0
    assert await rows(site, "select max(modified_at), count(*) from position") == stamp
    assert len(await exports.every("/files")) == 1
    assert len(await exports.every("/syncs")) == 2  # The connection's first one, and the file's.


async def test_a_file_that_overlaps_another_costs_no_row_twice(site: Site, exports: Client) -> None:
    await upload(exports, TRACK)
    await merge(site)
    versions = await rows(site, "select id, modified_at from document order by id")
    longer = TRACK + b"Truck 1,,2026-01-06T03:26:53Z,41.9,-87.7,,,,,,,,,\n"

    await upload(exports, longer)
    await merge(site)

    assert await count(site, "position") == 4
    assert await rows(site, "select id, modified_at from document order by id") == versions


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (TRACK + b"Truck 1,,2026-01-06T03:24:53Z,999,0,,,,,,,,,\n", 5, "is no position"),
        (b"\x1f\x8b\x08", 1, "packed"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><gpx>&a;</gpx>', 1, "entities"),
        (b"vehicle,time,lat,lon\n", 1, "not one record"),
        (b"", 1, "empty"),
    ],
)
async def test_a_broken_file_is_refused_with_the_line_and_leaves_nothing(
    site: Site, exports: Client, data: bytes, line: int, says: str
) -> None:
    answer = await upload(exports, data)

    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["path"] == f"{{requestBody}}.line[{line}]"
    assert says in problem["message"]
    assert await count(site, "file") == await count(site, "file_part") == 0
    assert await count(site, "provider_request") == 0


async def test_a_dry_run_says_what_would_be_read_and_keeps_nothing(
    site: Site, exports: Client
) -> None:
    answer = await upload(exports, TRACK, dryRun="true")

    assert (answer.status_code, answer.json()["status"]) == (200, "read")
    assert answer.json()["contents"]["vehicleStats"] == 7
    assert "id" not in answer.json()
    assert await count(site, "file") == 0


async def test_a_local_time_takes_the_connections_zone_and_the_files_own_before_it(
    site: Site,
) -> None:
    client = await site.client()
    made = await client.connect(provider="files", credentials={"timeZone": "America/Chicago"})
    fleet = client.as_(made["token"])
    local = b"vehicle,time,lat,lon\nT1,2026-01-06 03:00:00,41,-87\n"

    by_connection = (await upload(fleet, local, dryRun="true")).json()
    by_file = (await upload(fleet, local, dryRun="true", timeZone="UTC")).json()
    wrong = await upload(fleet, local, timeZone="Mars/Olympus")

    assert by_connection["contents"]["startsAt"] == "2026-01-06T09:00:00.000Z"
    assert by_file["contents"]["startsAt"] == "2026-01-06T03:00:00.000Z"
    assert wrong.status_code == 400
    refused = await client.post(
        "/connections", {"provider": "files", "credentials": {"timeZone": "Mars/Olympus"}}
    )
    assert refused.status_code == 422
    assert (await client.connect(provider="files", credentials={}))["status"] == "connected"


async def test_an_upload_that_is_cut_off_leaves_nothing(site: Site, exports: Client) -> None:
    """As the server meets it: parts are in the database already when the client goes away."""
    line = b"Truck 1,2026-01-06T03:24:53Z,41.8781,-87.6298\n"
    pieces = iter([b"vehicle,time,lat,lon\n" + line * 30_000, line * 30_000, line])
    kept: list[int] = []

    async def receive() -> dict[str, Any]:
        piece = next(pieces, None)
        if piece is None:
            kept.append(await count(site, "file_part"))
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept.append(message["status"])

    headers = [(k.lower().encode(), v.encode()) for k, v in exports.headers.items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/tsp/v1/files", "raw_path": b"/tsp/v1/files", "root_path": "",
        "query_string": b"name=a.csv", "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("api.test", 80), "extensions": {},
    }  # fmt: skip
    await site.app(scope, receive, send)  # type: ignore[arg-type]

    assert kept == [2, 400]
    assert await count(site, "file") == await count(site, "file_part") == 0
    assert await count(site, "provider_request") == 0


async def test_a_sync_that_waits_for_files_keeps_no_other_from_working(
    site: Site, fleet: Client
) -> None:
    await site.work()
    asked = await fleet.post(
        "/syncs", {"days": 0, "providerRequests": [{"type": "historical_files"}]}
    )
    assert asked.status_code == 201, asked.text
    waiting = asked.json()["id"]
    assert (await fleet.post("/syncs", {"days": 0})).status_code == 409
    (request,) = (await fleet.get("/provider-requests")).json()["results"]
    assert (request["status"], request["syncId"]) == ("created", waiting)
    await site.work()

    shown = (await fleet.get(f"/syncs/{waiting}")).json()
    assert shown["status"] == "in_progress"
    assert (await fleet.get(f"/provider-requests/{request['id']}")).json()["status"] == "sent"
    for _ in range(2):
        other = (await fleet.post("/syncs", {"days": 0})).json()["id"]
        await site.work()
        assert (await fleet.get(f"/syncs/{other}")).json()["status"] == "completed"
    assert (await fleet.get(f"/syncs/{waiting}")).json()["status"] == "in_progress"

    name = (await fleet.every("/vehicles"))[0]["name"]
    track = f"vehicle,time,lat,lon\n{name},2020-02-01T00:00:00Z,41,-87\n".encode()
    stranger = await upload(fleet, track.replace(name.encode(), b"Nobody"))
    assert stranger.status_code == 422
    assert "Nobody" in stranger.json()["message"]
    sent = await upload(fleet, track)
    assert sent.json()["providerRequest"] == request["id"]
    vehicles = await rows(site, "select id, modified_at from document where model = 'vehicle'")
    await merge(site)

    assert (await fleet.get(f"/syncs/{waiting}")).json()["status"] == "completed"
    assert (await fleet.get(f"/provider-requests/{request['id']}")).json()["status"] == "completed"
    after = await rows(site, "select id, modified_at from document where model = 'vehicle'")
    assert sorted(after) == sorted(vehicles)
    assert (await upload(fleet, track)).status_code == 422  # Nothing waits any more.


async def test_more_files_keep_a_request_open_and_cancelling_it_ends_the_sync(
    site: Site, exports: Client
) -> None:
    first = (await upload(exports, TRACK, more="true")).json()
    await merge(site)
    assert (await exports.get(f"/syncs/{first['sync']}")).json()["status"] == "in_progress"
    second = (await upload(exports, TRACK + b"\n", more="true")).json()
    assert second["sync"] == first["sync"]

    path = f"/provider-requests/{first['providerRequest']}"
    cancelled = await exports.post(f"{path}/cancel")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await exports.get(f"/syncs/{first['sync']}")).json()["status"] == "completed"
    assert (await exports.get(f"/files/{first['id']}")).json()["status"] == "completed"
    assert (await exports.get(f"/files/{second['id']}")).json()["status"] == "cancelled"
    assert (await exports.post(f"{path}/cancel")).status_code == 422
    assert await merge(site) == 0


async def test_cancelling_a_waiting_sync_ends_what_it_waits_for_and_retrying_asks_again(
    site: Site, exports: Client
) -> None:
    file = (await upload(exports, TRACK)).json()

    assert (await exports.post(f"/syncs/{file['sync']}/cancel")).status_code == 200

    assert (await exports.get(f"/syncs/{file['sync']}")).json()["status"] == "failed"
    path = f"/provider-requests/{file['providerRequest']}"
    assert (await exports.get(path)).json()["status"] == "cancelled"
    assert (await exports.get(f"/files/{file['id']}")).json()["status"] == "cancelled"
    assert await merge(site) == await count(site, "position") == 0
    assert (await exports.post(f"/syncs/{file['sync']}/retry")).status_code == 200
    await site.work()
    assert (await exports.get(path)).json()["status"] == "sent"
    again = (await upload(exports, TRACK)).json()
    assert again["sync"] == file["sync"]
    await merge(site)
    assert (await exports.get(f"/syncs/{file['sync']}")).json()["status"] == "completed"


async def test_files_of_one_fleet_are_not_shown_to_another(site: Site, exports: Client) -> None:
    file = (await upload(exports, TRACK)).json()
    other = await site.client("Others")
    theirs = other.as_((await other.connect(provider="files", credentials={}))["token"])

    assert (await theirs.get(f"/files/{file['id']}")).status_code == 404
    assert (await theirs.get(f"/provider-requests/{file['providerRequest']}")).status_code == 404
    assert (
        await theirs.post(f"/provider-requests/{file['providerRequest']}/cancel")
    ).status_code == 404
    named = await upload(theirs, TRACK, providerRequest=file["providerRequest"])
    assert named.status_code == 404
    assert (await theirs.get("/files")).json()["results"] == []


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


async def test_the_files_that_the_page_shows_are_read(site: Site, exports: Client) -> None:
    for kind in ("csv", "xml"):
        for shown in blocks(kind):
            answer = await upload(exports, shown.encode(), dryRun="true")
            assert answer.status_code == 200, answer.text


async def test_the_bodies_that_the_page_shows_are_taken_and_its_refusal_is_given(
    site: Site, client: Client
) -> None:
    connect, request, refusal = (msgspec.json.decode(each) for each in blocks("json"))
    made = await client.post("/connections", connect)
    assert made.status_code == 201, made.text
    fleet = client.as_(made.json()["token"])
    await site.work()
    assert (await fleet.post("/syncs", request)).status_code == 201

    noon = b"vehicle,time,lat,lon\nT,2026-01-06T03:24:53Z,1,2\nT,noon,1,2\n"
    answer = (await upload(fleet, noon)).json()
    assert {name: answer[name] for name in refusal} == refusal


def test_the_page_lists_every_column_and_no_other() -> None:
    table = PAGE.partition("| what | headers |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`([a-z_]+)`", table)) - {"on", "off", "idle"}

    assert listed == columns.TEXTS.keys() | columns.MEASURES.keys()
