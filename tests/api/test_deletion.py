"""Deleting a connection: a grace in which it can be taken back, and then nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from openapi_schema_validator import OAS31Validator
from tests.api.test_description import OURS, answer

from milepost import clock, ids
from milepost.store.archive import unseal
from milepost.sync.deletion import delete_due
from milepost.sync.fence import fenced
from milepost.vault import ConnectionKey, Unreadable

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

CURRENT = "/connections/current"


async def delete(fleet: Client) -> None:
    answered = await fleet.ask("DELETE", CURRENT)
    assert (answered.status_code, answered.content) == (202, b"")
    assert "json" not in answered.headers.get("content-type", "")


async def grace_over(site: Site, **pace: Any) -> int:
    await site.run("update connection set deletes_at = now() where status = 'pending_deletion'")
    return await delete_due(site.database, site.registry, **pace)


async def current(fleet: Client) -> dict[str, Any]:
    found: dict[str, Any] = (await fleet.get(CURRENT)).json()
    return found


async def told(site: Site) -> list[str]:
    return [row[0] for row in await site.rows("select type from event order by at, id")]


async def left(site: Site, connection_id: str) -> dict[str, int]:
    """Count the rows of a connection in every table that has a column for one."""
    identity = ids.read("connection", connection_id)
    tables = await site.rows(
        "select table_name from information_schema.columns"
        " where table_schema = 'public' and column_name = 'connection_id'"
    )
    assert len(tables) > 12
    counts = {
        table: (await site.rows(f"select count(*) from {table} where connection_id = %s", identity))
        for (table,) in tables
    }
    return {table: rows[0][0] for table, rows in counts.items() if rows[0][0]}


async def test_a_deletion_waits_for_its_grace_and_stops_the_sync_at_once(
    site: Site, client: Client
) -> None:
    made = await client.connect(backfill={"days": 0.5})
    fleet = client.as_(made["token"])
    before = clock.now()

    await delete(fleet)
    await site.work()

    shown = await current(fleet)
    assert shown == {**shown, **made, "status": "pending_deletion", "updatedAt": shown["updatedAt"]}
    ((deletes_at, next_sync_at),) = await site.rows(
        "select deletes_at, next_sync_at from connection"
    )
    assert timedelta(hours=24) <= deletes_at - before < timedelta(hours=24, minutes=1)
    assert next_sync_at is None
    (sync,) = await fleet.every("/syncs")
    assert (sync["status"], sync["failureReason"]) == ("failed", "The connection is to be deleted.")
    refused = await fleet.post("/syncs", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "connection_disconnected")
    assert (await fleet.post(f"/syncs/{sync['id']}/retry")).status_code == 422
    assert await delete_due(site.database, site.registry) == 0
    assert (await current(fleet))["status"] == "pending_deletion"
    detail = await site.rows("select detail from event where type = 'connection.pending_deletion'")
    assert [each[0]["connection"]["status"] for each in detail] == ["pending_deletion"]
    assert "linkUrl" in detail[0][0]["connection"]
    assert "token" not in detail[0][0]["connection"]


async def test_stored_data_stays_readable_during_the_grace(site: Site, synced: Client) -> None:
    await delete(synced)

    assert len(await synced.every("/vehicles")) == 3


async def test_asking_twice_does_not_lengthen_the_grace_and_is_told_once(
    site: Site, fleet: Client
) -> None:
    await delete(fleet)
    first = await site.rows("select deletes_at from connection")
    await delete(fleet)

    assert await site.rows("select deletes_at from connection") == first
    assert (await told(site)).count("connection.pending_deletion") == 1


@pytest.mark.parametrize("status", ["connected", "archived", "disconnected"])
async def test_a_deletion_can_be_taken_back_within_the_grace(
    site: Site, synced: Client, status: str
) -> None:
    await delete(synced)

    back = await synced.patch({"status": status})

    assert (back.status_code, back.json()["status"]) == (200, status)
    await site.run("update connection set deletes_at = now() where deletes_at is not null")
    assert await delete_due(site.database, site.registry) == 0
    assert len(await synced.every("/vehicles")) == 3
    synced_again = (await site.rows("select next_sync_at is not null from connection"))[0][0]
    assert synced_again is (status == "connected")
    if status == "connected":
        assert (await synced.post("/syncs", {"days": 0})).status_code == 201


async def test_other_changes_do_not_take_a_deletion_back(site: Site, fleet: Client) -> None:
    await delete(fleet)
    pending = await site.rows("select deletes_at from connection")

    changed = (await fleet.patch({"tags": ["x"]})).json()

    assert (changed["status"], changed["tags"]) == ("pending_deletion", ["x"])
    assert await site.rows("select deletes_at from connection") == pending


async def lived(site: Site, client: Client) -> dict[str, Any]:
    """Connect a fleet that leaves something in every kind of table."""
    made = await client.connect(
        backfill={"days": 0.3},
        externalId="customer-7",
        tags=["gold"],
        options={"ingestHistoryFromSourceSystem": True},
        agreements=[{"agreementUrl": "https://example.com/terms"}],
    )
    await site.fault(kind="scope_revoked", path="*/tags")
    await site.work()
    site.sandbox.faults.clear()
    fleet = client.as_(made["token"])
    await fleet.patch({"filters": {"vehicles": {"status": "active"}}})
    await site.run(
        "insert into set_aside select connection_id, gen_random_uuid(), 'vehicles', 'x', id, 0, now()"
        " from raw limit 1"
    )
    await site.run("insert into roster (connection_id, model) select id, 'x' from connection")
    return made


async def test_nothing_readable_is_left_of_a_deleted_connection(site: Site, client: Client) -> None:
    made = await lived(site, client)
    fleet, identity = client.as_(made["token"]), ids.read("connection", made["id"])
    vehicles = await fleet.every("/vehicles")
    full = await left(site, made["id"])
    ((sealed_key,),) = await site.rows("select sealed_key from connection")
    key = ConnectionKey(site.database.vault.open(sealed_key))
    ((raw_id, sealed),) = await site.rows("select id, sealed from raw limit 1")
    assert unseal(key, identity, raw_id, sealed)
    for table in ("position", "stat", "document", "raw", "event", "issue", "sync", "slice", "sync_issue",
                  "checkpoint", "coverage", "roster", "set_aside", "agreement"):  # fmt: skip
        assert full[table] > 0, table

    await delete(fleet)
    assert await grace_over(site, batch=100) == 1

    assert await left(site, made["id"]) == {"event": 1}
    assert await told(site) == ["connection.deleted"]
    row = "sealed_key, sealed_credentials, options, filters, account, next_sync_at"
    (kept,) = await site.rows(f"select {row} from connection")
    assert kept[:4] == (b"", b"", {}, None)
    assert "user" not in kept[4]
    with pytest.raises(Unreadable):
        site.database.vault.open(kept[0])
    tables = await site.rows("select tablename from pg_tables where schemaname = 'public'")
    for (table,) in tables:
        stored = "\n".join(each[0] for each in await site.rows(f"select t::text from {table} t"))
        for vehicle in vehicles:
            for name in ("id", "vin", "name", "sourceId"):
                assert vehicle.get(name, "none") not in stored, (table, name)


async def test_the_record_of_a_deleted_connection_stays_in_the_list(
    site: Site, client: Client
) -> None:
    made = await lived(site, client)
    fleet = client.as_(made["token"])
    other = await client.connect()
    await delete(fleet)
    assert (await client.every("/connections", status="pending_deletion"))[0]["id"] == made["id"]
    await grace_over(site)

    (shown,) = await client.every("/connections", status="deleted")

    assert shown["id"] == made["id"]
    assert (shown["externalId"], shown["tags"]) == ("customer-7", ["gold"])
    assert shown["token"] == made["token"]
    assert clock.parse(shown["deletedAt"]) >= clock.parse(made["createdAt"])
    assert not {"options", "filters", "linkUrl"} & shown.keys()
    assert [each["id"] for each in await client.every("/connections")] == [made["id"], other["id"]]
    assert await client.every("/connections", status="deleting") == []
    assert await current(fleet) == shown
    ((detail,),) = await site.rows("select detail from event where type = 'connection.deleted'")
    expected = {name: value for name, value in shown.items() if name != "token"}
    assert detail == {"connection": expected}
    described = answer(OURS["paths"][CURRENT]["get"])
    OAS31Validator({**described, "components": OURS["components"]}).validate(shown)


async def test_a_token_opens_nothing_once_the_deletion_has_begun(
    site: Site, synced: Client
) -> None:
    vehicle = (await synced.every("/vehicles"))[0]["id"]
    await delete(synced)
    assert await grace_over(site, batch=1, seconds=0) == 0

    for _ in range(2):
        for path in ("/vehicles", f"/vehicles/{vehicle}", f"/vehicles/{vehicle}/locations", "/syncs",
                     "/vehicles/locations"):  # fmt: skip
            refused = await synced.get(path)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await synced.post("/syncs", {})).status_code == 403
        assert (await synced.patch({"status": "connected"})).status_code == 422
        assert (await current(synced))["status"] in ("deleting", "deleted")
        await delete(synced)
        assert await synced.every("/issues") == []
        await delete_due(site.database, site.registry)
    assert (await current(synced))["status"] == "deleted"


async def test_a_neighbour_keeps_everything(site: Site, synced: Client, client: Client) -> None:
    neighbour = await client.connect(backfill={"days": 0.2})
    await site.work()
    before = await left(site, neighbour["id"])

    await delete(synced)
    await grace_over(site, batch=50)

    assert await left(site, neighbour["id"]) == before
    assert len(await client.as_(neighbour["token"]).every("/vehicles")) == 3


async def test_a_deletion_goes_on_where_it_was_broken_off(site: Site, client: Client) -> None:
    """Each look ends after one batch, as if the worker had died there; another goes on."""
    made = await lived(site, client)
    await delete(client.as_(made["token"]))
    await grace_over(site, batch=300, seconds=0)
    looks, rows = 1, sum((await left(site, made["id"])).values())

    while not await delete_due(site.database, site.registry, batch=300, seconds=0):
        now = sum((await left(site, made["id"])).values())
        assert now < rows
        looks, rows = looks + 1, now

    assert looks > 10
    assert await left(site, made["id"]) == {"event": 1}
    assert await delete_due(site.database, site.registry) == 0
    assert await told(site) == ["connection.deleted"]


async def test_a_deletion_whose_session_is_cut_again_and_again_comes_to_its_end(
    site: Site, client: Client
) -> None:
    made = await lived(site, client)
    await delete(client.as_(made["token"]))
    ended, cuts = 0, 0

    while not ended:
        look = asyncio.create_task(grace_over(site, batch=40))
        async with asyncio.timeout(30):
            while not look.done():
                await asyncio.sleep(0.02 * (cuts + 1))
                cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                ours = "application_name = 'milepost-run' and datname = current_database()"
                cuts += (await site.rows(f"{cut} where {ours}"))[0][0]
        with contextlib.suppress(psycopg.OperationalError):
            ended = await look

    assert cuts > 0
    assert await left(site, made["id"]) == {"event": 1}
    assert await told(site) == ["connection.deleted"]


async def test_a_deletion_waits_for_the_run_that_holds_the_fence(site: Site, fleet: Client) -> None:
    identity = ids.read("connection", (await current(fleet))["id"])
    await delete(fleet)

    async with fenced(site.database, identity) as fence:
        assert fence is not None
        assert await grace_over(site) == 0
        assert (await current(fleet))["status"] == "pending_deletion"

    assert await grace_over(site) == 1


async def test_two_workers_delete_a_connection_once(site: Site, synced: Client) -> None:
    await delete(synced)
    await site.run("update connection set deletes_at = now()")

    ended = await asyncio.gather(
        *(delete_due(site.database, site.registry, batch=200) for _ in range(3))
    )

    assert sum(ended) == 1
    assert await told(site) == ["connection.deleted"]


async def test_a_foreign_token_deletes_nothing(site: Site, fleet: Client) -> None:
    stranger = (await site.client("Strangers")).as_(fleet.token)

    assert (await stranger.ask("DELETE", CURRENT)).status_code == 403
    assert (await current(fleet))["status"] == "connected"
