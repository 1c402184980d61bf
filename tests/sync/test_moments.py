"""Cancelling, retrying, archiving and deleting at any moment, also while a worker is dead: all of it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.sync.ward import Ward

from milepost.errors import Conflict, Unprocessable
from milepost.store import connections
from milepost.store.connections import ConnectionRow
from milepost.sync.connections import Change, Reception
from milepost.sync.deletion import delete_due
from milepost.sync.fence import is_free

# `make soak` asks for more.
WALKS = int(os.environ.get("MILEPOST_TEST_WALKS", "12"))
STEPS = 7
SEED = int(os.environ.get("MILEPOST_TEST_SEED", "7"))
COMPARED = ("position", "stat", "document", "orphaned")


class Fleet:
    """One fleet, whose user and whose workers do as chance has it."""

    def __init__(self, ward: Ward, login: str, chance: random.Random) -> None:
        self._ward, self._login, self._chance = ward, login, chance
        self._house = ward.house
        self._reception = Reception(
            ward.house.database, ward.house.registry, ward.house.desk,
            link_base="http://127.0.0.1", cadence=timedelta(hours=2), deletion_grace=timedelta(0),
        )  # fmt: skip
        self.did: Counter[str] = Counter()

    async def row(self) -> ConnectionRow:
        async with self._house.database.session() as session:
            row = await connections.get(session, self._ward.fleets[self._login][0].id)
        assert row is not None
        return row

    async def syncs(self) -> list[Any]:
        return await self._house.rows(
            "select id, status from sync where connection_id = %s order by requested_at, id",
            (await self.row()).id,
        )

    async def is_let_go(self) -> None:
        """Wait until the database has noticed that the worker's session is no more."""
        async with asyncio.timeout(30), self._house.database.session() as session:
            while not await is_free(session, (await self.row()).id):  # noqa: ASYNC110  Only looking shows it.
                await asyncio.sleep(0.01)

    async def step(self) -> None:
        """Do something, before, while or after a worker is killed; what is refused changes nothing."""
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "cancel": self.cancel, "retry": self.retry, "request": self.request,
            "archive": self.archive, "connect": self.connect, "delete": self.delete,
        }  # fmt: skip
        name = self._chance.choices([*acts], [4, 8, 4, 2, 4, 1])[0]
        life = asyncio.create_task(self._ward.order(after=self._chance.uniform(0.05, 0.4)))
        await asyncio.sleep(self._chance.uniform(0, 0.3))
        with contextlib.suppress(Conflict, Unprocessable):
            await acts[name]()
            self.did[name] += 1
        await life

    async def cancel(self) -> None:
        sync_id, _ = (await self.syncs())[-1]
        row = await self.row()
        async with self._house.database.transaction() as session:
            await self._house.desk.cancel(session, row, sync_id)

    async def retry(self) -> None:
        sync_id, _ = (await self.syncs())[-1]
        row = await self.row()
        async with self._house.database.transaction() as session:
            await self._house.desk.retry(session, row, sync_id)

    async def request(self) -> None:
        await self._house.request(await self.row(), days=0.5)

    async def archive(self) -> None:
        await self._reception.update((await self.row()).id, Change(status="archived"))

    async def connect(self) -> None:
        await self._reception.update((await self.row()).id, Change(status="connected"))

    async def delete(self) -> None:
        await self._reception.request_deletion((await self.row()).id)

    async def end(self, control: dict[str, list[Any]]) -> None:
        """See that every sync has ended, and that the fleet is whole, or gone, once it is asked for."""
        assert {status for _, status in await self.syncs()} <= {"completed", "failed"}
        if (await self.row()).status == "pending_deletion":
            assert await delete_due(self._house.database, self._house.registry) == 1
            assert (await self.row()).deleted_at is not None
            for table in ("position", "stat", "document", "raw", "slice", "sync"):
                assert not await self._house.count(
                    f"{table} where connection_id = %s", (await self.row()).id
                )
            return
        await self.connect()
        await self.request()
        assert (await self._ward.order())["status"] == 0
        assert (await self.syncs())[-1][1] == "completed"
        contents = await self._ward.contents(self._login)
        assert {name: contents[name] for name in COMPARED} == {
            name: control[name] for name in COMPARED
        }


@pytest.mark.parametrize("lane", range(2))
async def test_whatever_is_asked_at_whatever_moment_every_sync_ends_and_the_fleet_can_be_whole(
    ward: Ward, lane: int, record_property: Callable[[str, object], None]
) -> None:
    control = await undisturbed(ward)
    did: Counter[str] = Counter()
    for walk in range(lane, WALKS, 2):
        chance = random.Random(f"{SEED} {walk}")
        fleet = Fleet(ward, await ward.admit(), chance)
        for _ in range(STEPS):
            await fleet.step()
        assert (await ward.order())["status"] == 0
        await fleet.end(control)
        did += fleet.did

    figure = ", ".join(f"{name} {times}" for name, times in sorted(did.items()))
    record_property("figure", f"walks, lane {lane + 1}: {figure}")


@pytest.mark.parametrize("act", ["cancel", "archive", "delete"])
async def test_what_is_asked_while_the_worker_is_dead_needs_none(ward: Ward, act: str) -> None:
    fleet = Fleet(ward, await ward.admit(), random.Random(SEED))
    assert (await ward.order(at=9))["status"] < 0
    await fleet.is_let_go()

    await {"cancel": fleet.cancel, "archive": fleet.archive, "delete": fleet.delete}[act]()

    assert [status for _, status in await fleet.syncs()] == ["failed"]


async def undisturbed(ward: Ward) -> dict[str, list[Any]]:
    login = await ward.admit()
    assert (await ward.order())["status"] == 0
    return await ward.contents(login)
