"""The proof: workers are killed, the receiver fails, stalls, dies and forgets, and every event arrives, in order."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections import defaultdict
from pathlib import Path

import psycopg
from tests.webhooks.conftest import Receiver, Sender, within
from tests.webhooks.test_delivery import verify

from milepost import ids

SCRIPT = Path(__file__).with_name("courier_process.py")


async def start(sender: Sender, installation_key: str, log: Path) -> asyncio.subprocess.Process:
    """Start a process that numbers and delivers."""
    environment = {
        **os.environ, "DATABASE_URL": sender.database.url, "SECRET_KEY": installation_key,
    }  # fmt: skip
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), env=environment, stdout=out, stderr=out
        )


async def test_every_event_arrives_signed_and_in_order_whatever_dies(
    sender: Sender, receiver: Receiver, installation_key: str, tmp_path: Path
) -> None:
    log_file = tmp_path / "workers.log"
    endpoint = await sender.endpoint(receiver.url)
    fleets = [await sender.connect() for _ in range(4)]
    receiver.order(forget=0.1, stall=0.02, seconds=3, repeat=True)
    chance = random.Random(7)
    workers = [await start(sender, installation_key, log_file) for _ in range(2)]
    try:
        for turn in range(5):
            for _ in range(10):
                for fleet in fleets:
                    await sender.tell(fleet)
            await receiver.until(turn * 20)
            if turn in (1, 3):
                await receiver.kill()
                await receiver.start()
            victim = chance.randrange(2)
            workers[victim].send_signal(signal.SIGKILL)
            await workers[victim].wait()
            workers[victim] = await start(sender, installation_key, log_file)
        receiver.order(repeat=True)
        tokens = [await sender.tell_of_itself(fleet) for fleet in fleets]
        await receiver.until(204, seconds=60)
        await sender.written()
    finally:
        for worker in workers:
            worker.kill()
            async with within(30, "a worker to end"):
                await worker.wait()

    assert endpoint.secret
    for each in receiver.seen:
        verify(each, endpoint.secret)
    rows = await sender.rows("select number, id, connection_id from event order by number")
    assert [row[0] for row in rows] == list(range(1, 205))
    arrived: dict[str, list[str]] = defaultdict(list)
    for event in receiver.events():
        arrived[event["detail"]["connection"]["id"]].append(event["id"])
    for fleet in fleets:
        told = [ids.show("event", row[1]) for row in rows if row[2] == fleet.id]
        first_seen = list(dict.fromkeys(arrived[ids.show("connection", fleet.id)]))
        assert first_seen == told
    assert await sender.rows("select 1 from webhook_dead_letter") == []
    # Tokens were sent, and the receiver has sent back all that it got; yet no line of the logs and no row of the
    # database holds a secret.
    sent = receiver.file.read_text()
    logged = log_file.read_text(errors="replace")
    for token in tokens:
        assert token in sent
    for secret in (endpoint.secret.removeprefix("whsec_"), *tokens, installation_key):
        assert secret not in logged
        assert await holding(sender, secret) == []
    assert await sender.rows("select 1 from webhook_attempt where answer like '%%[hidden]%%'")


async def holding(sender: Sender, text: str) -> list[str]:
    """List the tables with a row that holds the text."""
    tables = await sender.rows(
        "select relname from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"
    )
    found: list[str] = []
    for (table,) in tables:
        query = f'select 1 from "{table}" t where t::text like %s limit 1'
        if await sender.rows(query, f"%{text}%"):
            found.append(table)
    return found


async def test_an_answer_that_repeats_a_secret_is_kept_without_it(
    sender: Sender, receiver: Receiver
) -> None:
    endpoint = await sender.endpoint(receiver.url)
    assert endpoint.secret
    bare = endpoint.secret.removeprefix("whsec_")
    receiver.order(echo=f"I know {endpoint.secret}, {bare}, con_tkn_abcdef and Bearer xyz")
    await sender.tell(await sender.connect())

    async with sender.delivering():
        ((answer,),) = await sender.until("select answer from webhook_attempt")

    assert answer == "I know [hidden], [hidden], [hidden] and Bearer [hidden]"


async def test_another_worker_takes_over_as_the_sequencer(
    sender: Sender, installation_key: str, tmp_path: Path
) -> None:
    workers = [await start(sender, installation_key, tmp_path / "log") for _ in range(2)]
    fleet = await sender.connect()
    try:
        # Whichever of the two it is that numbers: each dies once, and it goes on.
        for count in (1, 2, 3):
            await sender.tell(fleet)
            await sender.until(f"select 1 from event having count(number) = {count}")
            if count < 3:
                workers[count - 1].kill()
                await workers[count - 1].wait()
                workers.append(await start(sender, installation_key, tmp_path / "log"))
        holders = await sender.rows(
            "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
            " where d.datname = current_database() and locktype = 'advisory' and granted"
            " and objid = 7306533"
        )
        assert holders == [(1,)]
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()


async def test_writers_of_different_connections_do_not_wait_for_each_other(sender: Sender) -> None:
    one, other = await sender.connect(), await sender.connect()
    session = await psycopg.AsyncConnection.connect(sender.database.url)
    async with session:
        await session.execute("select 1 from connection where id = %s for no key update", (one.id,))
        # One is in the middle of its merge, and its events have places already.
        await session.execute(
            "insert into event (connection_id, id, application_id, type, at, detail)"
            " values (%s, gen_random_uuid(), %s, 'sync.started', now(), '{}')",
            (one.id, sender.application_id),
        )
        async with sender.delivering():
            await sender.tell(other, 3)
            await sender.until("select 1 from event having count(number) = 3")
            await session.commit()
            await sender.until("select 1 from event having count(number) = 4")

    rows = await sender.rows("select number, connection_id from event order by number")
    assert [row[1] for row in rows] == [other.id] * 3 + [one.id]
    assert json.dumps([row[0] for row in rows]) == "[1, 2, 3, 4]"
