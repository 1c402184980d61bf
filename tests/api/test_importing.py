"""Whoever moves here keeps connections, tokens and ids, and the page that says so is true."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from milepost import ids
from milepost.ids import Identity
from milepost.store.pool import Database
from milepost.sync.importing import Importer, ImportRefused, read_line
from milepost.vault import Vault, new_installation_key, new_token

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

PAGE = (Path(__file__).parents[2] / "docs/how-to/move-here.md").read_text()
EXAMPLE = re.findall(r"```jsonl\n(.*?)```", PAGE, re.DOTALL)[0]


def moved(**changes: Any) -> dict[str, Any]:
    return {
        "type": "connection",
        "id": ids.show("connection", ids.new()),
        "token": new_token("con_tkn_"),
        "provider": "samsara",
        "credentials": {"apiKey": "samsara_api_x"},
        "syncMode": "manual",
        **changes,
    }


def record(connection: dict[str, Any], model: str, source_id: str) -> dict[str, Any]:
    id_ = ids.show(model, ids.new())
    return {
        "type": "record", "connection": connection["id"], "model": model, "sourceId": source_id, "id": id_,
    }  # fmt: skip


async def bring(site: Site, client: Client, *lines: dict[str, Any]) -> dict[str, int]:
    application_id = ids.read("application", client.keys.application_id)
    importer = Importer(site.database, site.registry, application_id, timedelta(hours=2))
    read = [(n, read_line(n, json.dumps(line).encode())) for n, line in enumerate(lines, 1)]
    async with site.database.transaction() as session:
        await importer.take(session, read)
    counted = importer.counted
    return {
        "connections": counted.connections_added,
        "ids": counted.ids_added,
        "unchanged": counted.connections_unchanged + counted.ids_unchanged,
    }


async def test_what_is_imported_is_synced_and_read_under_the_ids_that_it_had(
    site: Site, client: Client
) -> None:
    world = site.sandbox.world
    connection = moved(tags=["north"], externalId="7", company={"name": "A fleet"})
    vehicle = record(connection, "vehicle", world.vehicles[0].id)
    driver = record(connection, "driver", world.drivers[0].id)
    lines = [connection, vehicle, driver]

    assert await bring(site, client, *lines) == {"connections": 1, "ids": 2, "unchanged": 0}
    assert await bring(site, client, *lines) == {"connections": 0, "ids": 0, "unchanged": 3}

    fleet = client.as_(connection["token"])
    shown = (await fleet.get("/connections/current")).json()
    assert (shown["id"], shown["token"]) == (connection["id"], connection["token"])
    assert (shown["tags"], shown["externalId"], shown["status"]) == (["north"], "7", "connected")
    assert (await fleet.post("/syncs", {"days": 1})).status_code == 201
    await site.work()

    found = (await fleet.get(f"/vehicles/{vehicle['id']}")).json()
    assert found["sourceId"] == world.vehicles[0].id
    identity = Identity(ids.read("connection", connection["id"]))
    listed = {each["sourceId"]: each["id"] for each in await fleet.every("/vehicles")}
    assert listed == {
        each.id: vehicle["id"]
        if each.id == vehicle["sourceId"]
        else identity.of("vehicle", each.id)
        for each in world.vehicles
    }
    drivers = {each["sourceId"]: each["id"] for each in await fleet.every("/drivers")}
    assert drivers[driver["sourceId"]] == driver["id"]
    # What refers to them does so by the same ids, in bulk, in documents, and asked at once.
    places = (await fleet.get(f"/vehicles/{vehicle['id']}/locations")).json()["results"]
    assert places
    assert {each["vehicle"] for each in places} == {vehicle["id"]}
    stats = (await fleet.get(f"/vehicles/{vehicle['id']}/stats/historical")).json()["results"]
    assert {each["vehicle"] for each in stats} == {vehicle["id"]}
    for path in ("/trips", "/vehicles/locations"):
        assert {each["vehicle"] for each in await fleet.every(path)} <= set(listed.values())
    assert await site.rows("select count(*) from document where id = %s",
                           identity.uuid("vehicle", vehicle["sourceId"])) == [(0,)]  # fmt: skip


async def test_a_connection_without_credentials_waits_to_be_linked_again(
    site: Site, client: Client
) -> None:
    connection = moved(credentials=None, syncMode="automatic")
    await bring(site, client, {k: v for k, v in connection.items() if v is not None})

    fleet = client.as_(connection["token"])
    assert (await fleet.get("/connections/current")).json()["status"] == "disconnected"
    assert (await fleet.post("/syncs", {})).status_code == 422
    assert await site.rows("select next_sync_at from connection") == [(None,)]


async def test_what_contradicts_what_is_there_is_refused_with_its_line(
    site: Site, client: Client
) -> None:
    connection = moved()
    vehicle = record(connection, "vehicle", "1")
    await bring(site, client, connection, vehicle)
    stranger = await site.client("Strangers")
    for who, wrong, why in [
        (client, moved(id=connection["id"]), "is another connection here"),
        (client, moved(token=connection["token"]), "that of another connection"),
        (stranger, connection, "is another connection here"),
        (client, moved(provider="nobody"), "not installed"),
        (client, moved(token="tkn"), "con_tkn_"),
        (client, moved(id="conn_1"), "must be an id like"),
        (client, moved(applicationId=ids.show("application", ids.new())), "no application"),
        (client, record(connection, "vehicle", "1"), "already"),
        (client, {**vehicle, "sourceId": "2"}, "already"),
        (client, record(moved(), "vehicle", "1"), "no connection"),
        (client, {**vehicle, "id": driver_id()}, "must be an id like"),
    ]:
        with pytest.raises(ImportRefused, match=f"Line 2: .*{why}"):
            await bring(site, who, moved(), wrong)
    assert await site.rows("select count(*) from connection") == [(1,)]


def driver_id() -> str:
    return ids.show("driver", ids.new())


async def test_ids_are_not_taken_for_what_was_synced_under_others(
    site: Site, synced: Client
) -> None:
    connection = (await synced.get("/connections/current")).json()
    vehicle = (await synced.get("/vehicles")).json()["results"][0]

    with pytest.raises(ImportRefused, match="before the first sync"):
        await bring(site, synced, record(connection, "vehicle", vehicle["sourceId"]))
    same = {**record(connection, "vehicle", vehicle["sourceId"]), "id": vehicle["id"]}
    assert await bring(site, synced, same) == {"connections": 0, "ids": 1, "unchanged": 0}


@pytest.mark.parametrize(
    "text",
    [b"{", b"[]", b"null", b'{"type": "fleet"}', b'{"type": "connection"}', b"\xff", b"[" * 100_000,
     b'{"type": "record", "connection": "c", "model": "vehicle_location", "sourceId": "1", "id": "v"}',
     b'{"type": "record", "connection": "c", "model": "vehicle", "sourceId": "\\u0000", "id": "v"}',
     b'{"type": "record", "connection": "c", "model": "vehicle", "sourceId": 1, "id": "v"}'],
)  # fmt: skip
def test_a_line_that_is_none_is_refused_with_its_number(text: bytes) -> None:
    with pytest.raises(ImportRefused, match="Line 7: "):
        read_line(7, text)


async def test_the_example_of_the_page_is_imported_by_the_command(
    database_url: str, tmp_path: Path
) -> None:
    key = new_installation_key()
    database = Database(database_url, Vault([key]), pool_size=1)
    await database.open()
    file, application_id = tmp_path / "moved.jsonl", ids.show("application", ids.new())
    environ = {name: v for name, v in os.environ.items() if not name.startswith("MILEPOST_")}
    environ |= {"MILEPOST_DATABASE_URL": database_url, "MILEPOST_SECRET_KEYS": key}
    async with database.session() as session:
        await session.execute(
            "insert into application (id, name) values (%s, 'x')",
            (ids.read("application", application_id),),
        )

    async def run(text: str, *options: str) -> tuple[int, str, str]:
        file.write_text(text)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "milepost.cli", "import", str(file), "--json",
            "--application", application_id, *options, env=environ,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def there() -> Any:
        async with database.session() as session:
            cursor = await session.execute(
                "select (select count(*) from connection), (select count(*) from imported_id)"
            )
            return await cursor.fetchone()

    added = {"connectionsAdded": 2, "connectionsUnchanged": 0, "idsAdded": 2, "idsUnchanged": 0}
    status, out, err = await run(EXAMPLE, "--dry-run")
    assert (status, json.loads(out)) == (0, {**added, "dryRun": True}), err
    assert await there() == (0, 0)

    status, _, err = await run(EXAMPLE + "\n{}\n")
    assert (status, await there()) == (1, (0, 0))
    assert "Line 6: " in err

    status, out, err = await run(EXAMPLE)
    assert (status, json.loads(out)) == (0, {**added, "dryRun": False}), err
    status, out, err = await run(EXAMPLE)
    assert json.loads(out)["idsUnchanged"] == 2
    assert await there() == (2, 2)
    await database.close()
