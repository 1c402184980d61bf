"""Connections over HTTP: made, listed, read and changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from milepost import clock, ids
from milepost.sync.schedule import next_tick

if TYPE_CHECKING:
    import httpx2
    from tests.api.conftest import Client, Site

LOGIN = {"provider": "samsara", "credentials": {"apiKey": "samsara_api_x"}}


def problems(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    return sorted(each["path"] for each in answer.json()["detail"])


async def events(site: Site) -> list[str]:
    return [row[0] for row in await site.rows("select type from event order by at, id")]


async def test_a_new_connection_is_whole_and_carries_its_token(site: Site, client: Client) -> None:
    answer = await client.post(
        "/connections",
        {
            **LOGIN,
            "company": {"name": "Prairie Star", "dotNumbers": ["123", "456"]},
            "externalId": "customer-7",
            "syncMode": "manual",
            "tags": ["a", "b", "a"],
            "options": {"ingestHistoryFromSourceSystem": False},
            "backfill": {"days": 2},
            "agreements": [
                {
                    "agreementUrl": "https://example.com/terms/1",
                    "type": "end-user-agreement",
                    "ipAddress": "203.0.113.7",
                    "acceptedAt": "2026-01-06T03:24:53+01:00",
                    "userAgent": "Browser",
                }
            ],
        },
    )
    made = answer.json()

    assert answer.status_code == 201
    assert made["id"].startswith("conn_")
    assert made["token"].startswith("con_tkn_")
    assert made["status"] == "connected"
    assert made["provider"] == {"code": "samsara", "name": "Samsara"}
    assert made["company"] == {"name": "Prairie Star", "dotNumbers": ["123", "456"]}
    assert made["account"]["name"]
    assert made["sourceId"]
    assert made["externalId"] == "customer-7"
    assert made["syncMode"] == "manual"
    assert made["tags"] == ["a", "b"]
    assert made["options"] == {"ingestHistoryFromSourceSystem": False}
    assert made["linkUrl"].startswith("https://milepost.test/")
    assert made["createdAt"] == made["updatedAt"]
    current = (await client.as_(made["token"]).get("/connections/current")).json()
    assert current == {**current, **made}
    assert current["lastSync"]["status"] == "requested"
    (shown,) = current["agreements"]
    assert shown["connectionId"] == made["id"]
    assert shown["applicationId"] == client.keys.application_id
    assert shown["ipAddress"] == "203.0.113.7"
    ((agreement,),) = await site.rows("select body from agreement")
    assert agreement["acceptedAt"] == "2026-01-06T02:24:53.000Z"
    assert agreement["agreementUrl"] == "https://example.com/terms/1"
    assert agreement["type"] == "end-user-agreement"
    assert await events(site) == ["connection.created", "connection.completed", "sync.requested"]
    [(told,)] = await site.rows("select detail from event where type = 'connection.completed'")
    assert told["metadata"] == {"externalId": "customer-7", "tags": ["a", "b"]}
    assert "token" not in told["connection"]


@pytest.mark.parametrize("mode", ["automatic", "manual"])
async def test_a_new_connection_starts_its_first_sync_at_once_in_either_mode(
    site: Site, client: Client, mode: str
) -> None:
    made = await client.connect(syncMode=mode, backfill={"days": 3})
    fleet = client.as_(made["token"])

    (sync,) = await fleet.every("/syncs")
    ((next_sync_at,),) = await site.rows("select next_sync_at from connection")

    gap = clock.parse(sync["requestedAt"]) - clock.parse(sync["startFrom"])
    assert abs(gap - timedelta(days=3)) <= timedelta(milliseconds=1)
    assert (next_sync_at is None) is (mode == "manual")
    if next_sync_at is not None:
        identity = ids.read("connection", made["id"])
        made_at = clock.parse(made["createdAt"])
        assert next_sync_at == next_tick(identity, made_at, timedelta(hours=2))


async def test_a_backfill_starts_at_a_time_or_at_once(client: Client) -> None:
    since = "2026-01-01T00:00:00+01:00"
    dated = client.as_((await client.connect(backfill={"startFrom": since}))["token"])
    bare = client.as_((await client.connect())["token"])

    (from_date,) = await dated.every("/syncs")
    (from_now,) = await bare.every("/syncs")

    assert from_date["startFrom"] == "2025-12-31T23:00:00.000Z"
    assert from_now["startFrom"] == from_now["requestedAt"]


async def test_a_new_connection_is_automatic_unless_told_otherwise(client: Client) -> None:
    assert (await client.connect())["syncMode"] == "automatic"


async def test_credentials_that_the_provider_refuses_make_no_connection(
    site: Site, client: Client
) -> None:
    await site.fault(kind="token_revoked")

    answer = await client.post("/connections", LOGIN)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_credentials")
    assert await client.every("/connections") == []
    assert await events(site) == []


async def test_a_provider_that_fails_is_a_502_and_makes_no_connection(
    site: Site, client: Client
) -> None:
    await site.fault(kind="broken")

    answer = await client.post("/connections", LOGIN)

    assert (answer.status_code, answer.json()["code"]) == (502, "bad_gateway")
    assert await client.every("/connections") == []


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"provider": "nobody"}, ["{requestBody}.provider"]),
    ({"provider": None}, ["{requestBody}.provider"]),
    ({"credentials": {}}, ["{requestBody}.credentials.apiKey"]),
    ({"credentials": {"apiKey": ""}}, ["{requestBody}.credentials.apiKey"]),
    ({"credentials": {"apiKey": "x", "pin": "1"}}, ["{requestBody}.credentials.pin"]),
    ({"credentials": {"username": "x"}},
     ["{requestBody}.credentials.apiKey", "{requestBody}.credentials.username"]),
    ({"credentials": {"apiKey": 7}}, ["{requestBody}.credentials[...]"]),
    ({"credentials": "samsara_api_x"}, ["{requestBody}.credentials"]),
    ({"company": {"name": 7, "size": 1}},
     ["{requestBody}.company.name", "{requestBody}.company.size"]),
    ({"company": {"dotNumbers": [1]}}, ["{requestBody}.company.dotNumbers[0]"]),
    ({"syncMode": "sometimes"}, ["{requestBody}.syncMode"]),
    ({"tags": ["a", None]}, ["{requestBody}.tags[1]"]),
    ({"backfill": {"days": -1}}, ["{requestBody}.backfill.days"]),
    ({"backfill": {"startFrom": "2999-01-01T00:00:00Z"}}, ["{requestBody}.backfill.startFrom"]),
    ({"backfill": {"startFrom": "0001-01-01T00:00:00+10:00"}}, ["{requestBody}.backfill.startFrom"]),
    ({"agreements": [{}]}, ["{requestBody}.agreements[0].agreementUrl"]),
    ({"agreements": [{"agreementUrl": "u", "ipAddress": "here"}]},
     ["{requestBody}.agreements[0].ipAddress"]),
    ({"status": "connected"}, ["{requestBody}.status"]),
]  # fmt: skip


async def test_a_wrong_wish_names_what_is_wrong_and_asks_no_provider(
    site: Site, client: Client
) -> None:
    found = [
        (change, problems(await client.post("/connections", {**LOGIN, **change})))
        for change, _ in WRONG
    ]

    assert found == WRONG
    assert problems(await client.post("/connections", {})) == [
        "{requestBody}.credentials",
        "{requestBody}.provider",
    ]
    assert site.provider_requests == 0


async def test_connections_are_listed_in_order_of_creation_page_by_page(client: Client) -> None:
    made = [await client.connect(externalId=str(number)) for number in range(5)]

    for limit in (1, 2, 5, 6):
        assert await client.every("/connections", limit=limit) == made
        assert await client.every("/connections", limit=limit, order="asc") == made
        assert await client.every("/connections", limit=limit, order="desc") == made[::-1]


async def test_connections_are_narrowed(client: Client) -> None:
    one = await client.connect(externalId="x", tags=["red", "blue"], company={"dotNumbers": ["77"]})
    two = await client.connect(externalId="y", tags=["red"])
    await client.as_(two["token"]).patch({"status": "archived"})
    (two,) = await client.every("/connections", externalId="y")
    shared = two["account"]["dotNumbers"][0]
    expected: list[tuple[dict[str, Any], list[Any]]] = [
        ({"externalId": "x"}, [one]),
        ({"externalId": "X"}, []),
        ({"tag": "red"}, [one, two]),
        ({"tag": "blue"}, [one]),
        ({"tag": "re"}, []),
        ({"dotNumber": "77"}, [one]),
        ({"dotNumber": shared}, [one, two]),
        ({"dotNumber": "7"}, []),
        ({"status": "archived"}, [two]),
        ({"status": "connected"}, [one]),
        ({"status": "deleted"}, []),
        ({"provider": "samsara"}, [one, two]),
        ({"provider": "nobody"}, []),
        ({"updatedAfter": two["updatedAt"]}, [two]),
        ({"updatedBefore": one["updatedAt"]}, [one]),
        ({"updatedAfter": one["updatedAt"], "updatedBefore": two["updatedAt"]}, [one, two]),
        ({"tag": "red", "externalId": "y"}, [two]),
    ]

    found = [(query, await client.every("/connections", **query)) for query, _ in expected]

    assert found == expected


async def test_a_patch_changes_what_it_names_and_leaves_the_rest(
    site: Site, client: Client
) -> None:
    made = await client.connect(company={"name": "Old", "dotNumbers": ["1"]}, tags=["a"])
    fleet = client.as_(made["token"])
    vehicle = "vcl_01GV12VR4DJP70GD1ZBK0SDWFH"

    answer = await fleet.patch(
        {
            "company": {"name": "New"},
            "externalId": "e",
            "syncMode": "manual",
            "tags": [],
            "options": {"ingestHistoryFromSourceSystem": True},
            "filters": {"vehicles": {"status": "active", "excludeIds": [vehicle]}},
        }
    )
    changed = answer.json()

    assert answer.status_code == 200
    assert changed == {
        **made,
        "company": {"name": "New", "dotNumbers": ["1"]},
        "externalId": "e",
        "syncMode": "manual",
        "tags": [],
        "options": {"ingestHistoryFromSourceSystem": True},
        "filters": {"vehicles": {"status": "active", "excludeIds": [vehicle]}},
        "updatedAt": changed["updatedAt"],
    }
    assert changed["updatedAt"] > made["updatedAt"]
    current = (await fleet.get("/connections/current")).json()
    assert current == {**current, **changed}
    assert (await site.rows("select next_sync_at from connection")) == [(None,)]
    assert (await events(site))[-1] == "connection.updated"


async def test_parts_of_filters_can_be_cleared_one_by_one(fleet: Client) -> None:
    drivers = {"status": "active"}
    await fleet.patch({"filters": {"vehicles": {"status": "active"}, "drivers": drivers}})

    one = (await fleet.patch({"filters": {"vehicles": {}}})).json()
    none = (await fleet.patch({"filters": {"drivers": {}}, "externalId": ""})).json()

    assert one["filters"]["drivers"] == drivers
    assert not one["filters"].get("vehicles")
    assert not none.get("filters", {}).get("drivers")


async def test_a_patch_that_changes_nothing_is_no_event(site: Site, fleet: Client) -> None:
    (before,) = await fleet.every("/connections")
    told = await events(site)

    changes: list[dict[str, Any]] = [{}, {"status": "connected"}, {"tags": []}, {"company": {}}]
    for change in changes:
        assert (await fleet.patch(change)).json() == before

    assert await events(site) == told


@pytest.mark.parametrize(
    ("status", "told"),
    [("archived", "connection.updated"), ("disconnected", "connection.disconnected")],
)
async def test_an_archived_or_disconnected_connection_is_not_synced_any_more(
    site: Site, fleet: Client, status: str, told: str
) -> None:
    (sync,) = await fleet.every("/syncs")

    changed = (await fleet.patch({"status": status})).json()
    await site.work()
    (ended,) = await fleet.every("/syncs")

    assert changed["status"] == status
    assert ended["id"] == sync["id"]
    assert ended["status"] == "failed"
    assert status in ended["failureReason"]
    assert (await site.rows("select next_sync_at from connection")) == [(None,)]
    assert told in await events(site)


async def test_a_connection_comes_back_with_the_same_token(site: Site, fleet: Client) -> None:
    before = (await fleet.patch({"status": "disconnected"})).json()

    after = (await fleet.patch({"status": "connected"})).json()

    assert (after["status"], after["token"]) == ("connected", before["token"])
    assert (await events(site))[-1] == "connection.reconnected"
    assert (await site.rows("select next_sync_at > now() from connection")) == [(True,)]
    assert (await fleet.post("/syncs", {"days": 0})).status_code == 201


async def test_a_connection_does_not_come_back_with_credentials_that_are_refused(
    site: Site, fleet: Client
) -> None:
    await fleet.patch({"status": "disconnected"})
    await site.fault(kind="token_revoked")

    answer = await fleet.patch({"status": "connected"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_credentials")
    assert (await fleet.get("/connections/current")).json()["status"] == "disconnected"


async def test_a_wrong_patch_names_what_is_wrong(fleet: Client) -> None:
    bodies: list[tuple[dict[str, Any], list[str]]] = [
        ({"status": "deleted"}, ["{requestBody}.status"]),
        ({"status": None}, ["{requestBody}.status"]),
        ({"token": "con_tkn_mine"}, ["{requestBody}.token"]),
        ({"externalId": 7}, ["{requestBody}.externalId"]),
        ({"filters": {"vehicles": {"includeIds": ["drv_01GV12VR4DJP70GD1ZBK0SDWFH"]}}},
         ["{requestBody}.filters.vehicles.includeIds[0]"]),
        ({"filters": {"trailers": {}}}, ["{requestBody}.filters.trailers"]),
    ]  # fmt: skip

    assert [(body, problems(await fleet.patch(body))) for body, _ in bodies] == bodies


async def test_events_of_connections_carry_no_token(site: Site, fleet: Client) -> None:
    await fleet.patch({"tags": ["x"]})

    rows = await site.rows("select detail from event where type like 'connection.%%'")

    assert len(rows) == 3
    for (detail,) in rows:
        assert detail["connection"]["linkUrl"]
        assert "token" not in detail["connection"]


async def test_a_change_waits_for_the_merge_that_is_under_way(site: Site, fleet: Client) -> None:
    """The stamp is the writer's lock: a change is stamped after whatever was merged before it."""
    async with site.database.transaction() as session:
        row = await (
            await session.execute(
                "update connection set last_stamp = last_stamp + interval '1 hour' returning last_stamp"
            )
        ).fetchone()
        assert row is not None

    changed = (await fleet.patch({"tags": ["late"]})).json()

    assert clock.parse(changed["updatedAt"]) > row[0]
    assert clock.parse(changed["updatedAt"]) > datetime.now(UTC) + timedelta(minutes=59)
