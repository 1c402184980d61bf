"""The log of events over HTTP: what was delivered, to be read again; and endpoints over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from tests.api.conftest import Client, Site

from milepost.models.event import WITH_TOKEN
from milepost.webhooks.sequencer import number_once


async def numbered(site: Site) -> None:
    session = await psycopg.AsyncConnection.connect(site.database.url, autocommit=True)
    async with session:
        await number_once(session)


async def test_the_log_is_gapless_and_shows_tokens_only_where_the_contract_does(
    site: Site, synced: Client
) -> None:
    await numbered(site)

    log = await synced.every("/events", limit=7)

    assert [event["number"] for event in log] == list(range(1, len(log) + 1))
    assert len(log) > 10
    for event in log:
        whole = event["type"] in WITH_TOKEN
        token = event["detail"].get("connection", {}).get("token")
        assert token == (synced.token if whole else None)
    backwards = await synced.every("/events", limit=7, order="desc")
    assert backwards == log[::-1]
    ((count,),) = await site.rows(
        "select count(*) from event where detail::text like '%%con_tkn_%%'"
    )
    assert count == 0


async def test_the_log_is_narrowed_by_type_connection_and_number(
    site: Site, client: Client
) -> None:
    one, other = await client.connect(), await client.connect()
    await numbered(site)

    log = await client.every("/events")
    of_one = await client.every("/events", connectionId=one["id"], limit=1)
    created = await client.every("/events", types="connection.created,sync.failed")
    later = await client.every("/events", afterNumber=log[2]["number"])

    assert [e for e in log if e["detail"]["connection"]["id"] == one["id"]] == of_one
    assert [e["detail"]["connection"]["id"] for e in created] == [one["id"], other["id"]]
    assert later == log[3:]
    for wrong in ({"types": "x"}, {"afterNumber": "-1"}, {"order": "up"}, {"connectionId": "x"}):
        assert (await client.get("/events", **wrong)).status_code == 400


async def test_an_application_reads_its_own_log_only(site: Site, client: Client) -> None:
    await client.connect()
    await numbered(site)
    stranger = await site.client("Strangers")
    theirs = await stranger.connect()
    await numbered(site)

    log = await stranger.every("/events")

    assert [event["number"] for event in log] == [1, 2, 3]
    assert {event["detail"]["connection"]["id"] for event in log} == {theirs["id"]}
    (own,) = {event["detail"]["connection"]["id"] for event in await client.every("/events")}
    assert await stranger.every("/events", connectionId=own) == []


async def test_endpoints_are_made_changed_and_deleted(client: Client) -> None:
    wish: dict[str, Any] = {"url": "https://example.com/hooks", "types": ["sync.completed"]}
    answer = await client.post("/webhooks/endpoints", wish)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["secret"].startswith("whsec_")
    path = f"/webhooks/endpoints/{made['id']}"

    shown = (await client.get(path)).json()
    assert "secret" not in shown
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    assert (await client.get("/webhooks/endpoints")).json()["results"] == [shown]
    changed = await client.ask("PATCH", path, json={"status": "disabled", "types": []})
    assert changed.json()["status"] == "disabled"
    assert "types" not in changed.json()
    rotated = (await client.post(path + "/rotate", {"overlapHours": 1})).json()
    assert rotated["secret"] not in ("", made["secret"])
    assert rotated["oldSecretUntil"]
    assert (await client.get(path + "/dead-letters")).json() == {"results": []}
    assert (await client.get(path + "/attempts")).json() == {"results": []}
    replayed = await client.post(path + "/replay", {"from": "2026-01-01T00:00:00Z"})
    assert replayed.json() == {"deliveries": 0}
    assert (await client.ask("DELETE", path)).status_code == 204
    for method, suffix in (("GET", ""), ("DELETE", ""), ("GET", "/attempts"), ("POST", "/rotate")):
        assert (await client.ask(method, path + suffix)).status_code == 404


async def test_urls_that_lead_inside_and_unknown_types_are_refused(client: Client) -> None:
    for url in (
        "http://127.0.0.1/x", "http://localhost:80/", "http://10.1.2.3/", "http://[::1]/",
        "http://[::ffff:169.254.169.254]/", "http://169.254.169.254/latest", "http://0x7f.1/",
        "ftp://example.com/", "https://user:pass@example.com/", "example.com", "https:///x",
        "http://example.com:99999/",
    ):  # fmt: skip
        answer = await client.post("/webhooks/endpoints", {"url": url})
        assert answer.status_code == 400, url
        assert [each["path"] for each in answer.json()["detail"]] == ["{requestBody}.url"]
    wrong = {"url": "https://example.com/", "types": ["sync.completed", "nothing"]}
    answer = await client.post("/webhooks/endpoints", wrong)
    assert [each["path"] for each in answer.json()["detail"]] == ["{requestBody}.types[1]"]


async def test_another_application_cannot_touch_an_endpoint(site: Site, client: Client) -> None:
    made = (await client.post("/webhooks/endpoints", {"url": "https://example.com/"})).json()
    stranger = await site.client("Strangers")
    path = f"/webhooks/endpoints/{made['id']}"

    for method, suffix, body in (
        ("GET", "", None), ("PATCH", "", {"url": "https://example.org/"}), ("DELETE", "", None),
        ("POST", "/rotate", {}), ("POST", "/replay", {"deadLetters": True}),
        ("GET", "/dead-letters", None), ("GET", "/attempts", None),
    ):  # fmt: skip
        content: dict[str, Any] = {} if body is None else {"json": body}
        answer = await stranger.ask(method, path + suffix, **content)
        assert answer.status_code == 404, (method, suffix)
    assert (await client.get(path)).json()["url"] == "https://example.com/"


async def test_an_application_switches_what_there_is_a_lot_of(site: Site, client: Client) -> None:
    assert (await client.get("/webhooks/switches")).json() == {
        "vehicleLocations": True, "safetyEvents": True,
    }  # fmt: skip
    answer = await client.ask("PATCH", "/webhooks/switches", json={"vehicleLocations": False})
    assert answer.json() == {"vehicleLocations": False, "safetyEvents": True}
    await client.connect(backfill={"days": 1})
    await site.work()
    await numbered(site)

    types = {event["type"] for event in await client.every("/events")}

    assert "vehicle.location_updated" not in types
    assert "vehicle.added" in types


async def test_switches_that_are_changed_at_once_are_both_changed(client: Client) -> None:
    for _ in range(10):
        await asyncio.gather(
            client.ask("PATCH", "/webhooks/switches", json={"vehicleLocations": False}),
            client.ask("PATCH", "/webhooks/switches", json={"safetyEvents": False}),
        )
        now = (await client.get("/webhooks/switches")).json()
        assert now == {"vehicleLocations": False, "safetyEvents": False}
        both = {"vehicleLocations": True, "safetyEvents": True}
        assert (await client.ask("PATCH", "/webhooks/switches", json=both)).json() == both
