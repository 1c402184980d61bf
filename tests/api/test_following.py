"""Readers who keep up while a sync writes: each sees every record, and who follows cursors none twice."""

from __future__ import annotations

import asyncio
import os
import random
from datetime import timedelta
from typing import Any

import pytest
from tests.api.conftest import Client, Site
from tests.api.records import Book, duty

from milepost import clock

LISTINGS = ("/trips", "/hos/logs", "/safety/events", "/vehicles", "/drivers", "/hos/daily-logs")


# The fleets whose syncs are followed, each at another pace; `make soak` asks for more.
FLEETS = int(os.environ.get("MILEPOST_TEST_FLEETS", "1"))
_WAITING = (
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)
_DAWN = "2020-01-01T00:00:00.000Z"


class Reader:
    """Keeps a copy of a listing; each of its rounds reads what changed since the one before."""

    def __init__(self, client: Client, path: str, seed: int) -> None:
        self.client, self.path = client, path
        self.copy: dict[str, dict[str, Any]] = {}
        self.seen: list[tuple[str, str]] = []
        self._chance = random.Random(f"{path}{seed}")
        self.rounds = 0

    async def read(self, since: str) -> None:
        query: dict[str, Any] = {"modifiedAfter": since, "limit": self._chance.randrange(1, 60)}
        while True:
            answer = await self.client.get(self.path, **query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            for each in page["results"]:
                self.copy[each["id"]] = each
                self.seen.append((each["id"], each["metadata"]["modifiedAt"]))
            if "next" not in page:
                self.rounds += 1
                return
            query["cursor"] = page["next"]
            await asyncio.sleep(self._chance.choice((0, 0, 0.01, 0.05)))

    async def follow_cursors(self, done: asyncio.Event) -> None:
        """Go on behind the newest that was seen, whose whole transaction was seen with it."""
        while True:
            last = done.is_set()
            newest = max((at for _, at in self.seen), default=_DAWN)
            beyond = clock.parse(newest) + timedelta(milliseconds=1)
            await self.read(clock.iso(beyond))
            if last:
                return
            await asyncio.sleep(0.01)

    async def follow_the_recipe(self, done: asyncio.Event) -> None:
        """Ask for what was modified since the last time that reading began."""
        since = _DAWN
        while True:
            last, began = done.is_set(), clock.iso(clock.now())
            await self.read(since)
            since = began
            if last:
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(FLEETS))
async def test_who_follows_a_sync_sees_every_record_and_with_cursors_none_twice(
    site: Site, client: Client, seed: int
) -> None:
    made = await client.connect(backfill={"days": 6})
    fleet, done = client.as_(made["token"]), asyncio.Event()
    cursors = [Reader(fleet, path, seed) for path in LISTINGS]
    recipes = [Reader(fleet, path, seed) for path in LISTINGS]

    async def work() -> None:
        try:
            await site.work()
        finally:
            done.set()

    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        group.create_task(work())
        for reader in cursors:
            group.create_task(reader.follow_cursors(done))
        for reader in recipes:
            group.create_task(reader.follow_the_recipe(done))

    for reader in (*cursors, *recipes):
        stored = {each["id"]: each for each in await fleet.every(reader.path)}
        assert stored, reader.path
        assert reader.copy == stored
        assert reader.rounds > 1
    for reader in cursors:
        assert len(reader.seen) == len(set(reader.seen)), reader.path


@pytest.mark.parametrize("query", [{}, {"modifiedAfter": "2020-01-01T00:00:00Z"}])
async def test_what_is_being_written_when_a_reader_begins_is_in_this_reading_or_in_the_next(
    site: Site, book: Book, query: dict[str, str]
) -> None:
    """A stamp is older than its commit; a reader who began in between must not pass it by."""
    record = duty(book, 1)
    async with site.database.transaction() as session:
        stamp = await book.write(session, "hos_log", [record])
        await asyncio.sleep(0.005)  # The reader begins in a later millisecond than the stamp's.
        began = clock.iso(clock.now())
        reading = asyncio.create_task(book.client.every("/hos/logs", **query))
        await until_somebody_waits(site)
    first = await asyncio.wait_for(reading, 10)
    second = await book.client.every("/hos/logs", modifiedAfter=began)

    assert clock.iso(stamp) < began
    assert [each["id"] for each in [*first, *second]] == [record.id]


async def until_somebody_waits(site: Site) -> None:
    """Wait until a session waits for the writer's lock."""
    async with asyncio.timeout(10):
        while True:
            if await site.rows(_WAITING):
                return
            await asyncio.sleep(0.01)
