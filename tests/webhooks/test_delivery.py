"""Deliveries: signed, in order, tried again, given up, replayed; and what fails holds up nothing else."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from tests.webhooks.conftest import Receiver, Sender

from milepost import clock, ids
from milepost.errors import BadRequest
from milepost.store.deliveries import Claim
from milepost.webhooks import courier
from milepost.webhooks.delivery import Delivery
from milepost.webhooks.endpoints import EndpointChange, Replay
from milepost.webhooks.schedule import RETRIES, next_attempt


def verify(seen: dict[str, Any], secret: str) -> None:
    """Check a request with both libraries, each by the headers that are its own."""
    ours = {k: v for k, v in seen["headers"].items() if k.startswith("webhook-")}
    theirs = {k: v for k, v in seen["headers"].items() if k.startswith("svix-")}
    standardwebhooks.Webhook(secret).verify(seen["body"], ours)
    svix.webhooks.Webhook(secret).verify(seen["body"], theirs)
    assert json.loads(seen["body"])["id"] == ours["webhook-id"]


async def test_events_arrive_signed_and_in_order(sender: Sender, receiver: Receiver) -> None:
    endpoint = await sender.endpoint(receiver.url)
    fleets = [await sender.connect() for _ in range(3)]
    for fleet in fleets:
        await sender.tell(fleet, 30)

    async with sender.delivering():
        events = await receiver.until(90)
        await sender.written()

    assert endpoint.secret
    for each in receiver.seen:
        verify(each, endpoint.secret)
    log = await sender.rows("select number, id, connection_id from event order by number")
    assert [row[0] for row in log] == list(range(1, 91))
    for fleet in fleets:
        shown = ids.show("connection", fleet.id)
        arrived = [e["id"] for e in events if e["detail"]["connection"]["id"] == shown]
        assert arrived == [ids.show("event", row[1]) for row in log if row[2] == fleet.id]
    attempts = await sender.rows("select status, error, answer, replay from webhook_attempt")
    assert attempts == [(200, None, "thanks", False)] * 90
    assert await sender.rows("select 1 from webhook_lane where due_at is not null") == []


async def test_an_endpoint_is_sent_the_types_that_it_wants_and_others_get_theirs(
    sender: Sender, receiver: Receiver
) -> None:
    await sender.endpoint(receiver.url + "/none", "sync.completed")
    await sender.endpoint(receiver.url + "/issues", "issue.reported", "sync.failed")
    await sender.endpoint(receiver.url + "/all")
    await sender.tell(await sender.connect(), 5)

    async with sender.delivering():
        await receiver.requests(10)

    paths = [each["path"].rpartition("/")[2] for each in receiver.seen]
    assert sorted(paths) == ["all"] * 5 + ["issues"] * 5


async def test_a_failing_delivery_is_tried_again_and_holds_up_its_lane_only(
    sender: Sender, receiver: Receiver, tmp_path: Path
) -> None:
    dead = Receiver(tmp_path / "nobody")
    await sender.endpoint(dead.url)
    await sender.endpoint(receiver.url)
    fleets = [await sender.connect() for _ in range(20)]
    for fleet in fleets:
        await sender.tell(fleet, 3)

    async with sender.delivering(scale=0.000001):
        await receiver.until(60)
        found = await sender.until("select attempts, error from webhook_dead_letter")

    assert found[0][0] == len(RETRIES) + 1
    assert "connection" in found[0][1]
    tried = await sender.rows(
        "select event_id, count(*), bool_and(status is null) from webhook_attempt"
        " where error is not null group by 1"
    )
    assert max(row[1] for row in tried) == len(RETRIES) + 1
    assert all(row[2] for row in tried)


async def test_order_is_kept_while_a_receiver_fails(sender: Sender, receiver: Receiver) -> None:
    await sender.endpoint(receiver.url)
    fleet = await sender.connect()
    await sender.tell(fleet, 20)
    receiver.order(refuse=3)

    async with sender.delivering(scale=0.001):
        events = await receiver.until(20)

    log = await sender.rows("select id from event order by number")
    assert await sender.rows("select 1 from webhook_attempt where error is not null")
    first_seen = list(dict.fromkeys(event["id"] for event in events))
    assert first_seen == [ids.show("event", row[0]) for row in log]


async def test_a_connection_whose_events_are_refused_holds_up_no_other_at_the_same_endpoint(
    sender: Sender, receiver: Receiver
) -> None:
    await sender.endpoint(receiver.url)
    fleets = [await sender.connect() for _ in range(12)]
    refused = ids.show("connection", fleets[0].id)
    receiver.order(refused_connection=refused)
    for fleet in fleets:
        await sender.tell(fleet, 3)

    async with sender.delivering(scale=0.005):
        await receiver.until(33)
        await sender.until("select 1 from webhook_lane where failures > 1")
        assert refused not in {e["detail"]["connection"]["id"] for e in receiver.events()}
        receiver.order()
        events = await receiver.until(36)

    log = await sender.rows(
        "select id from event where connection_id = %s order by number", fleets[0].id
    )
    late = [e["id"] for e in events if e["detail"]["connection"]["id"] == refused]
    assert late == [ids.show("event", row[0]) for row in log]


async def test_a_stalled_receiver_delays_no_other(
    sender: Sender, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "slow").mkdir()
    slow = Receiver(tmp_path / "slow")
    await slow.start()
    slow.order(stall=1, seconds=60)
    await sender.endpoint(slow.url)
    await sender.endpoint(receiver.url)
    fleets = [await sender.connect() for _ in range(100)]
    for fleet in fleets:
        await sender.tell(fleet)
    try:
        async with sender.delivering(answer_seconds=60):
            await receiver.until(100, seconds=20)
    finally:
        await slow.kill()

    assert slow.seen == []


async def test_410_disables_an_endpoint_and_the_others_are_told(
    sender: Sender, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    gone = Receiver(tmp_path / "gone")
    await gone.start()
    gone.order(status=410)
    endpoint = await sender.endpoint(gone.url)
    await sender.endpoint(receiver.url, "webhook_endpoint.disabled")
    fleet = await sender.connect()
    await sender.tell(fleet, 2)
    endpoint_id = ids.read("webhook_endpoint", endpoint.id)
    try:
        async with sender.delivering(scale=0.0001):
            (told,) = await receiver.until(1)
            assert told["detail"] == {
                "id": endpoint.id, "url": gone.url, "reason": "It answered 410 Gone.",
            }  # fmt: skip
            shown = await sender.endpoints.get(sender.application_id, endpoint_id)
            assert (shown.status, shown.disabled_because) == ("disabled", "It answered 410 Gone.")
            gone.order()
            await sender.endpoints.update(
                sender.application_id, endpoint_id, EndpointChange(status="enabled")
            )
            # What has waited comes in order; it was asked for once, in vain.
            await gone.until(3)
    finally:
        await gone.kill()

    log = await sender.rows(
        "select id from event where connection_id = %s order by number", fleet.id
    )
    issues = [event["id"] for event in gone.events() if event["type"] == "issue.reported"]
    assert list(dict.fromkeys(issues)) == [ids.show("event", row[0]) for row in log]


async def test_retry_after_is_obeyed(sender: Sender, receiver: Receiver) -> None:
    await sender.endpoint(receiver.url)
    await sender.tell(await sender.connect())
    receiver.order(status=503, headers="retry-after: 3600\r\n")

    async with sender.delivering(scale=0.0001):
        ((due_at,),) = await sender.until(
            "select due_at from webhook_lane where failures = 1 and courier is null"
        )

    assert timedelta(minutes=59) < due_at - clock.now() <= timedelta(hours=1)


def test_retries_take_three_days() -> None:
    assert timedelta(days=2.9) < sum(RETRIES, timedelta()) < timedelta(days=3.1)
    now = clock.now()
    for failures in range(1, len(RETRIES) + 1):
        due = next_attempt(failures, now, None)
        assert due is not None
        assert 0.89 < (due - now) / RETRIES[failures - 1] < 1.11
    assert next_attempt(len(RETRIES) + 1, now, None) is None


async def test_redirects_are_not_followed(sender: Sender, receiver: Receiver) -> None:
    await sender.endpoint(receiver.url)
    await sender.tell(await sender.connect())
    receiver.order(status=302, headers=f"location: {receiver.url}/elsewhere\r\n")

    async with sender.delivering():
        ((status, error),) = await sender.until("select status, error from webhook_attempt")

    assert (status, error) == (302, "The answer was 302.")
    assert {each["path"] for each in receiver.seen} == {"/hooks"}


async def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one(
    sender: Sender, receiver: Receiver
) -> None:
    made = await sender.endpoint(receiver.url)
    endpoint_id = ids.read("webhook_endpoint", made.id)
    fleet = await sender.connect()
    rotated = await sender.endpoints.rotate(sender.application_id, endpoint_id)
    async with sender.delivering():
        await sender.tell(fleet)
        await receiver.until(1)
        again = await sender.endpoints.rotate(sender.application_id, endpoint_id, timedelta())
        await sender.tell(fleet)
        await receiver.until(2)

    assert made.secret
    assert rotated.secret
    assert again.secret
    assert rotated.old_secret_until is not None
    verify(receiver.seen[0], made.secret)
    verify(receiver.seen[0], rotated.secret)
    verify(receiver.seen[1], again.secret)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify(receiver.seen[1], rotated.secret)


async def test_replays_are_marked_and_come_by_event_time_and_connection(
    sender: Sender, receiver: Receiver
) -> None:
    made = await sender.endpoint(receiver.url)
    endpoint_id = ids.read("webhook_endpoint", made.id)
    one, other = await sender.connect(), await sender.connect()
    await sender.tell(one, 3)
    middle = clock.now()
    await sender.tell(other, 4)

    async def replay(count: int, **wish: Any) -> set[str]:
        before = len(receiver.events(replays=True))
        asked = await sender.endpoints.replay(sender.application_id, endpoint_id, Replay(**wish))
        assert asked == count
        await receiver.requests(len(receiver.events(replays=False)) + before + count)
        await sender.until("select 1 where not exists (select from webhook_replay)")
        return {event["id"] for event in receiver.events(replays=True)[before:]}

    async with sender.delivering():
        await receiver.until(7)
        # Not by their timestamps: several may be of one millisecond.
        rows = await sender.rows("select id from event order by number")
        told = [ids.show("event", row[0]) for row in rows]
        event_id = ids.read("event", told[1])
        assert await replay(1, event_ids=[event_id]) == {told[1]}
        assert await replay(3, connection_id=one.id) == set(told[:3])
        assert await replay(4, from_=middle) == set(told[3:])
        assert await replay(3, until=middle) == set(told[:3])
        with pytest.raises(BadRequest):
            await replay(0)

    assert {event["id"] for event in receiver.events(replays=False)} == set(told)
    assert len(receiver.events(replays=False)) == 7
    assert made.secret
    for each in receiver.seen:
        verify(each, made.secret)


async def test_a_dead_letter_that_is_replayed_and_taken_is_none_any_more(
    sender: Sender, receiver: Receiver
) -> None:
    made = await sender.endpoint(receiver.url)
    endpoint_id = ids.read("webhook_endpoint", made.id)
    await sender.tell(await sender.connect(), 2)
    receiver.order(forget=1)
    async with sender.delivering(scale=0.000001):
        await sender.until("select 1 from webhook_dead_letter having count(*) = 2")
        letters = await sender.endpoints.dead_letters(
            sender.application_id, endpoint_id, after=None, limit=10
        )
        assert [(each.number, each.type) for each in letters] == [
            (1, "issue.reported"), (2, "issue.reported"),
        ]  # fmt: skip
        receiver.order()
        await sender.endpoints.replay(sender.application_id, endpoint_id, Replay(dead_letters=True))
        await receiver.until(2)
        await sender.until("select 1 where not exists (select from webhook_dead_letter)")


async def test_a_new_choice_of_types_holds_from_then_on(sender: Sender, receiver: Receiver) -> None:
    made = await sender.endpoint(receiver.url, "sync.failed")
    endpoint_id = ids.read("webhook_endpoint", made.id)
    fleet = await sender.connect()
    async with sender.delivering():
        await sender.tell(fleet, 3)
        await sender.until("select 1 from event having count(number) = 3")
        await sender.endpoints.update(
            sender.application_id, endpoint_id, EndpointChange(types=["issue.reported"])
        )
        await sender.tell(fleet)
        await receiver.until(1)

    assert len(receiver.seen) == 1


async def test_a_delivery_that_ends_as_nobody_foresaw_is_not_begun_over_and_over(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    work = Delivery.work

    async def stumble(self: Delivery, claim: Claim) -> None:
        begun.append(claim)
        if len(begun) == 1:
            raise RuntimeError("nobody foresaw this")
        await work(self, claim)

    monkeypatch.setattr(Delivery, "work", stumble)
    monkeypatch.setattr(courier, "BROKEN_OFF_SECONDS", 0.5)
    await sender.endpoint(receiver.url)
    started = time.monotonic()
    await sender.tell(await sender.connect(), 1)

    async with sender.delivering():
        await receiver.until(1)
        assert time.monotonic() - started >= 0.5
        await sender.written()

    assert len(begun) == 2
