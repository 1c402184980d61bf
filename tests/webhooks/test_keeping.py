"""How long events and deliveries are kept: a deleted connection takes its own along, and what is past goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.webhooks.conftest import Receiver, Sender

from milepost import clock, ids
from milepost.kit import registry
from milepost.models.event import EndpointDisabled
from milepost.sync.deletion import delete_due
from milepost.sync.expiry import expire
from milepost.sync.retention import Retention
from milepost.webhooks import emit
from milepost.webhooks.endpoints import EndpointChange, Replay

TABLES = ("event", "webhook_lane", "webhook_replay", "webhook_attempt", "webhook_dead_letter")
WEEK = timedelta(days=7)


async def left(sender: Sender, connection_id: UUID) -> dict[str, int]:
    """Count the rows of a connection in the tables of events and webhooks."""
    counts: dict[str, int] = {}
    for table in TABLES:
        query = f"select count(*) from {table} where connection_id = %s"
        ((counts[table],),) = await sender.rows(query, connection_id)
    return counts


async def lived(sender: Sender, receiver: Receiver) -> tuple[UUID, UUID, UUID]:
    """Let two connections' events be refused for good, and ask for one of them again; return them and the endpoint."""
    made = await sender.endpoint(receiver.url)
    endpoint_id = ids.read("webhook_endpoint", made.id)
    one, other = await sender.connect(), await sender.connect()
    receiver.order(status=503)
    async with sender.delivering(scale=0.000001):
        for fleet in (one, other):
            await sender.tell(fleet, 2)
        await sender.until("select 1 from webhook_dead_letter having count(*) = 4")
        await sender.written()
    await sender.endpoints.replay(sender.application_id, endpoint_id, Replay(dead_letters=True))
    return one.id, other.id, endpoint_id


async def test_a_deleted_connection_takes_its_events_and_deliveries_along(
    sender: Sender, receiver: Receiver
) -> None:
    one, other, _ = await lived(sender, receiver)
    before = await left(sender, other)
    assert all(count > 0 for count in before.values()), before
    receiver.order()
    await sender.rows(
        "update connection set status = 'pending_deletion', deletes_at = now() where id = %s returning id",
        one,
    )
    await sender.rows(
        "update webhook_replay set due_at = now() + interval '1 day' returning event_id"
    )

    async with sender.delivering():
        assert await delete_due(sender.database, registry.load(), batch=3) == 1
        await sender.until(
            "select 1 from webhook_attempt where connection_id = %s and status = 200", one
        )
        await sender.written()

    # What is left is that it was deleted, and that this was told.
    assert await left(sender, one) == {
        "event": 1, "webhook_lane": 1, "webhook_replay": 0, "webhook_attempt": 1,
        "webhook_dead_letter": 0,
    }  # fmt: skip
    assert await sender.rows("select type from event where connection_id = %s", one) == [
        ("connection.deleted",)
    ]
    assert await left(sender, other) == before


async def drop(sender: Sender, **days: float) -> None:
    """Enforce a retention, as a worker does that stands by while another one numbers events."""
    assert await expire(sender.database, registry.load(), Retention(days))


async def age(sender: Sender, *tables: str) -> None:
    for table in tables:
        query = f"update {table} set at = at - interval '10 days' returning connection_id"
        await sender.rows(query)


async def test_attempts_and_dead_letters_go_when_their_time_is_over(
    sender: Sender, receiver: Receiver
) -> None:
    one, _, endpoint_id = await lived(sender, receiver)
    await age(sender, "webhook_attempt", "webhook_dead_letter")
    before = await left(sender, one)

    async with sender.delivering():  # The sequencer is at work meanwhile.
        await drop(sender, deliveries=11)
        listed = await sender.endpoints.dead_letters(
            sender.application_id, endpoint_id, after=None, limit=10
        )
        assert len(listed) == 4
        await sender.endpoints.update(
            sender.application_id, endpoint_id, EndpointChange(status="disabled")
        )
        await drop(sender, deliveries=7)

    after = await left(sender, one)
    assert (after["webhook_dead_letter"], after["event"]) == (0, before["event"])
    old: list[Any] = await sender.rows(
        "select 1 from webhook_attempt where at < %s", clock.now() - WEEK
    )
    assert old == []


async def test_events_of_applications_and_of_deleted_connections_go_by_their_age_too(
    sender: Sender,
) -> None:
    fleet, gone = await sender.connect(), await sender.connect()
    for each in (fleet, gone):
        await sender.tell(each)
    async with sender.database.transaction() as session:
        told = EndpointDisabled(id="whe_x", url="http://x", reason="x")
        await emit.about_application(
            session, sender.application_id, "webhook_endpoint.disabled", clock.now(), told
        )
    await sender.rows(
        "update connection set status = 'deleted', deleted_at = now() where id = %s returning id",
        gone.id,
    )
    await age(sender, "event")

    await drop(sender, events=7)
    assert await sender.rows("select count(*) from event") == [(3,)]  # They have no numbers yet.
    async with sender.delivering():
        await sender.until("select 1 from event having count(number) = 3")
        await drop(sender, events=11)
        assert await sender.rows("select count(*) from event") == [(3,)]
        await sender.rows("delete from expiry returning connection_id")  # As if a day had passed.
        await drop(sender, events=7)

    assert await sender.rows("select count(*) from event") == [(0,)]


async def test_what_an_endpoint_has_still_to_be_told_of_is_kept_however_old(
    sender: Sender, receiver: Receiver
) -> None:
    await sender.endpoint(receiver.url)
    fleet = await sender.connect()
    await sender.tell(fleet, 3)
    receiver.order(status=503, headers="retry-after: 600\r\n")
    async with sender.delivering():
        await sender.until("select 1 from webhook_lane where failures = 1 and courier is null")
    await age(sender, "event")

    await drop(sender, events=7)
    assert await sender.rows("select count(*) from event") == [(3,)]
    receiver.order()
    await sender.rows("update webhook_lane set due_at = now() returning endpoint_id")
    async with sender.delivering():
        await receiver.until(3)
        await sender.written()
    await sender.rows("delete from expiry returning connection_id")  # As if a day had passed.
    await drop(sender, events=7)

    assert await sender.rows("select count(*) from event") == [(0,)]
