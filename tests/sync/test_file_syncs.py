"""Syncs that wait for files: given up, asked for again, and left alone by what the provider answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.sync.house import House
from tests.sync.test_files import HEADERS, exports, merge, once, receive, receiver, row

from milepost import clock
from milepost.providers import files as provider
from milepost.sync.receiving import Given

__all__ = ["exports"]

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
ELD = (Path(provider.__file__).parent / "fixtures" / "eld.csv").read_text()


async def exported(house: House, day: str) -> bytes:
    """The fixture as one of the fleet's drivers has it, on a day like 0309."""
    [(vin, number)] = await house.rows(
        "select body->>'vin', body->>'name' from document"
        " where model = 'vehicle' and body->>'vin' is not null limit 1"
    )
    [(user, first, last)] = await house.rows(
        "select body->>'username', body->>'firstName', body->>'lastName' from document"
        " where model = 'driver' and body->>'username' is not null limit 1"
    )
    text = ELD.replace("010626", f"{day}26").replace("010526", f"{day}26")
    text = text.replace("1XKYD49X8GJ472906", vin).replace("104,", f"{number},")
    text = text.replace(",ada,", f",{user},").replace("Lovelace,Ada", f"{last},{first}")
    return text.encode()


async def test_what_a_file_told_is_not_withdrawn_by_a_provider_that_never_knew_it(
    house: House,
) -> None:
    mine = "document where model = 'hos_log' and from_file and deleted_at is null"
    with clock.held_at(NOON):
        await house.sync(days=2)
        data = await exported(house, "0309")
        sync = await house.sync(days=0, asked_for=["historical_files"])
        await receiver(house).receive(house.connection, once(data), Given(name="eld.csv"))
        assert await merge(house) == 1
        assert (await house.state(sync)).status == "completed"
        logs = await house.count(mine)
    assert logs == 3

    for hours, asked in ((2, {}), (4, {"days": 3, "refetch": True})):
        with clock.held_at(NOON + timedelta(hours=hours)):
            given: dict[str, Any] = asked
            assert (await house.sync(**given)).status == "completed"
        assert await house.count(mine) == logs


async def test_a_sync_that_is_cancelled_while_a_file_is_merged_waits_for_files_when_retried(
    exports: House,
) -> None:
    file = await receive(exports, HEADERS + b"".join(row(n) for n in range(30_000)))
    merging = asyncio.create_task(merge(exports))
    async with asyncio.timeout(60):
        while not await exports.count("slice where stream = 'files.positions' and pages > 2"):  # noqa: ASYNC110  The database tells nobody.
            await asyncio.sleep(0.01)
    assert file.sync_id is not None
    async with exports.database.transaction() as session:
        await exports.desk.cancel(session, exports.connection, file.sync_id)
    assert await merging == 0

    async with exports.database.transaction() as session:
        sync = await exports.desk.retry(session, exports.connection, file.sync_id)
    await exports.work()

    now = await exports.state(sync)
    assert (now.status, now.waiting, now.stalls) == ("in_progress", True, 0)
    assert await exports.count("procrastinate_jobs where status in ('todo', 'doing')") == 0


async def asked_and_sent(house: House) -> tuple[UUID, bytes]:
    """Ask for files and send one, with the sync still to be worked on."""
    await house.sync(days=0)
    [(name,)] = await house.rows(
        "select body->>'name' from document where model = 'vehicle' order by id limit 1"
    )
    data = f"vehicle,time,lat,lon\n{name},2020-02-01T00:00:00Z,41,-87\n".encode()
    await house.request(days=0, asked_for=["historical_files"])
    file = await receiver(house).receive(house.connection, once(data), Given(name="a.csv"))
    assert file.request_id is not None
    return file.request_id, data


async def again(house: House, data: bytes) -> str:
    """Ask for files again and send the same one; return what became of the sync."""
    sync = await house.sync(days=0, asked_for=["historical_files"])
    await receiver(house).receive(house.connection, once(data), Given(name="a.csv"))
    await merge(house)
    return (await house.state(sync)).status


async def test_a_file_whose_request_was_cancelled_before_its_turn_can_be_sent_again(
    house: House,
) -> None:
    request, data = await asked_and_sent(house)
    async with house.database.transaction() as session:
        await house.desk.cancel_request(session, house.connection, request)
    await house.work()
    assert await merge(house) == 0
    assert await house.rows("select status from file") == [("cancelled",)]
    assert await house.count("file_part") == 0

    assert await again(house, data) == "completed"
    assert await house.count("position where located_at < '2021-01-01'") == 1


async def test_a_file_that_is_merged_already_answers_who_asks_for_it_again(house: House) -> None:
    _, data = await asked_and_sent(house)
    await house.work()
    assert await merge(house) == 1

    assert await again(house, data) == "completed"
    assert await house.count("position where located_at < '2021-01-01'") == 1
