"""A connection whose provider is installed no longer: it is told so, and stands in nobody's way."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from tests.sync.house import House, connect

from milepost.errors import Unprocessable
from milepost.store import connections
from milepost.sync.schedule import request_due
from milepost.sync.watch import take_over_orphans


async def forsake(house: House, connection_id: UUID) -> None:
    async with house.database.session() as session:
        await session.execute(
            "update connection set provider = 'gone' where id = %s", [connection_id]
        )


async def test_it_is_passed_over_by_the_cadence_and_others_are_asked_for(
    house: House, application_id: UUID
) -> None:
    other = await connect(house.database, application_id)
    await forsake(house, other.id)
    async with house.database.session() as session:
        await session.execute(
            "update connection set sync_mode = 'automatic', next_sync_at = now() - interval '1 minute'"
        )

    looks = [await request_due(house.database, house.desk, timedelta(hours=2)) for _ in range(2)]

    assert looks == [2, 0]
    assert await house.rows("select connection_id from sync") == [(house.connection.id,)]


async def test_an_error_about_one_connection_keeps_no_other_from_its_sync(
    house: House, application_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await connect(house.database, application_id)
    ask = house.desk.request

    async def stumble(session: object, row: connections.ConnectionRow, **asked: object) -> object:
        if row.id == other.id:
            await session.execute("select 1 / 0")  # type: ignore[attr-defined]
        return await ask(session, row, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(house.desk, "request", stumble)
    async with house.database.session() as session:
        await session.execute(
            "update connection set sync_mode = 'automatic', next_sync_at = now() - interval '1 minute'"
        )

    assert await request_due(house.database, house.desk, timedelta(hours=2)) == 2
    assert await house.rows("select connection_id from sync") == [(house.connection.id,)]


async def test_its_sync_fails_and_says_why_and_other_orphans_are_taken_over(
    house: House, application_id: UUID
) -> None:
    other = await connect(house.database, application_id)
    theirs, ours = await house.request(other, days=1), await house.request(days=0)
    await forsake(house, other.id)
    async with house.database.session() as session:
        await session.execute("delete from procrastinate_jobs")
        await session.execute("update sync set resume_at = now() - interval '1 hour'")

    taken = await take_over_orphans(
        house.database, house.registry, house.queue, house.runner, grace_seconds=0
    )
    await house.hurry()
    await house.work()

    assert taken == 2
    assert (await house.state(ours)).status == "completed"
    failed = await house.state(theirs)
    assert (failed.status, failed.failure_reason) == (
        "failed",
        "The provider gone is not installed here.",
    )


async def test_its_sync_can_be_cancelled_and_none_can_be_asked_for(house: House) -> None:
    sync = await house.request(days=1)
    await forsake(house, house.connection.id)

    async with house.database.transaction() as session:
        row = await connections.get(session, house.connection.id)
        assert row is not None
        await house.desk.cancel(session, row, sync.id)
        with pytest.raises(Unprocessable, match="The provider gone is not installed here"):
            await house.desk.request(session, row, reason="request", days=1)

    assert (await house.state(sync)).status == "failed"
