"""A database that was put back to an older state: readers are told, nothing is told differently, the gap fills."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.api.conftest import Client, Site, installed

from milepost import clock
from milepost.store import restoration
from milepost.vault import Vault, new_installation_key
from milepost.webhooks.sequencer import number_once

COPY, LOST = "_backup", "_lost"


class Machine:
    """One database that is backed up and put back whole, and what runs on it in between."""

    def __init__(self, server_url: str, url: str) -> None:
        self.server_url, self.url = server_url, url
        self.name = urlsplit(url).path[1:]
        self.key = new_installation_key()

    @contextlib.asynccontextmanager
    async def runs(self) -> AsyncIterator[Site]:
        async with installed(self.url, Vault([self.key])) as site:
            yield site

    async def back_up(self) -> None:
        await self._do("create database {copy} template {name}")

    async def put_back(self) -> None:
        await self._do("alter database {name} rename to {lost}")
        await self._do("alter database {copy} rename to {name}")

    async def clean(self) -> None:
        for name in ("copy", "lost"):
            await self._do(f"drop database if exists {{{name}}} with (force)")

    async def restored(self, *arguments: str) -> tuple[int, str]:
        """Run the verb, as an operator does."""
        environment = {
            **os.environ, "MILEPOST_DATABASE_URL": self.url, "MILEPOST_SECRET_KEYS": self.key,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "milepost.cli", "restored", *arguments,
            env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, said.decode()

    async def _do(self, statement: str) -> None:
        named = {"name": self.name, "copy": self.name + COPY, "lost": self.name + LOST}
        names = {key: sql.Identifier(value) for key, value in named.items()}
        async with await psycopg.AsyncConnection.connect(
            self.server_url, autocommit=True
        ) as session:
            await session.execute(sql.SQL(statement).format(**names))


@pytest.fixture
async def machine(server_url: str, database_url: str) -> AsyncIterator[Machine]:
    made = Machine(server_url, database_url)
    yield made
    await made.clean()


async def numbers(site: Site, client: Client) -> dict[int, str]:
    """Number what happened, and read the log whole."""
    async with await psycopg.AsyncConnection.connect(site.database.url, autocommit=True) as session:
        await number_once(session)
    return {each["number"]: each["id"] for each in await client.every("/events")}


async def fetched(site: Site, fleet: Client, days: float) -> dict[str, str]:
    """Sync so many days, and read the trips that are there then: when each was modified."""
    asked = await fleet.post("/syncs", {"days": days})
    await site.work()
    assert (await fleet.get(f"/syncs/{asked.json()['id']}")).json()["status"] == "completed"
    trips = await fleet.every("/trips")
    return {each["id"]: each["metadata"]["modifiedAt"] for each in trips}


async def test_a_reader_who_is_ahead_of_a_restored_backup_is_told_from_when_to_read_again(
    machine: Machine,
) -> None:
    async with machine.runs() as site:
        client = await site.client()
        token = (await client.connect(backfill={"days": 2}))["token"]
        await site.work()
        first = client.as_(token)
        trips = await first.every("/trips")
        numbered = await numbers(site, client)
        ((reaches_to,),) = await site.rows("select last_stamp from connection")
    await machine.back_up()
    async with machine.runs() as site:
        ahead = Client(site.http, client.keys, token)
        lost_trips = await fetched(site, ahead, 4)
        lost_numbers = await numbers(site, ahead)
        cursors = {
            path: (await ahead.get(path, limit=1, **query)).json()["next"]
            for path, query in (
                ("/trips", {"modifiedAfter": "2026-01-01T00:00:00Z"}), ("/vehicles", {}), ("/events", {}),
            )
        }  # fmt: skip
    await machine.put_back()

    status, said = await machine.restored("--json")

    assert status == 0, said
    told = clock.iso(reaches_to)
    assert f'"reachesTo": "{told}"' in said
    assert len(lost_trips) > len(trips)
    assert len(lost_numbers) > len(numbered)
    async with machine.runs() as site:
        reader = Client(site.http, client.keys, token)
        assert await site.rows("select from connection where next_sync_at <= clock_timestamp()")
        for path, cursor in cursors.items():
            refused = await reader.get(path, cursor=cursor)
            assert refused.status_code == 400
            (problem,) = refused.json()["detail"]
            assert problem["path"] == "{requestQuery}.cursor"
            assert f"restored to its state of {told}; start the listing again" in problem["message"]
            assert (f"modifiedAfter={told}" in problem["message"]) is (path != "/events")
            assert ("afterNumber" in problem["message"]) is (path == "/events")
        assert await reader.every("/trips") == trips

        again = await fetched(site, reader, 4)
        since = {each["id"] for each in await reader.every("/trips", modifiedAfter=told)}

        # What was lost is there again, as newer than anything that a reader saw in the lost time.
        assert set(lost_trips) <= set(again)
        assert set(lost_trips) - {each["id"] for each in trips} <= since
        assert min(again[each] for each in since - {each["id"] for each in trips}) > max(
            lost_trips.values()
        )
        # The log goes on, and no number tells of two events.
        new_numbers = await numbers(site, reader)
        assert {n: id_ for n, id_ in new_numbers.items() if n in numbered} == numbered
        assert min(new_numbers.keys() - numbered.keys()) > restoration.NUMBERS_LEFT_OUT
        after = await reader.every("/events", afterNumber=max(lost_numbers))
        assert {each["number"] for each in after} == new_numbers.keys() - numbered.keys()


async def test_of_two_restorations_a_reader_is_told_the_one_that_held_less(
    machine: Machine,
) -> None:
    async with machine.runs() as site:
        client = await site.client()
        token = (await client.connect(backfill={"days": 0.5}))["token"]
        await site.work()
        cursor = (await client.as_(token).get("/vehicles", limit=1)).json()["next"]
        ((older,),) = await site.rows("select last_stamp from connection")
    assert (await machine.restored())[0] == 0
    assert (await machine.restored())[0] == 0
    async with machine.runs() as site:
        reader = Client(site.http, client.keys, token)
        refused = await reader.get("/vehicles", cursor=cursor)
        ((newer,),) = await site.rows("select max(reaches_to) from restoration")

    assert newer > older
    assert f"modifiedAfter={clock.iso(older)}" in refused.json()["detail"][0]["message"]


async def test_the_verb_refuses_while_others_work_and_tries_without_a_change(
    machine: Machine,
) -> None:
    async with machine.runs() as site:
        before = await site.rows("select epoch from installation")
        tried, says = await machine.restored("--dry-run")
        refused, why = await machine.restored()
        after = await site.rows("select epoch from installation")

    assert (tried, refused) == (0, 2)
    assert "The backup reaches to" in says
    assert "stop them first" in why
    assert before == after
