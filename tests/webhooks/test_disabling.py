"""Endpoints that take nothing for days are disabled, and only those."""

from __future__ import annotations

from typing import Any

import pytest
from tests.webhooks.conftest import Receiver, Sender

from milepost import ids
from milepost.webhooks.endpoints import EndpointChange, Replay
from milepost.webhooks.line import Answered, Line


async def test_an_endpoint_that_takes_nothing_for_days_is_disabled(
    sender: Sender, receiver: Receiver
) -> None:
    await sender.endpoint(receiver.url)
    receiver.order(status=500)
    await sender.tell(await sender.connect())
    async with sender.delivering(scale=0.001):
        await sender.until("select 1 from webhook_endpoint where failing_since is not null")
        await sender.rows(
            "update webhook_endpoint set failing_since = now() - interval '6 days' returning id"
        )
        await sender.until("select 1 from webhook_endpoint where status = 'disabled'")
        ((detail,),) = await sender.until(
            "select detail from event where type = 'webhook_endpoint.disabled'"
        )

    assert detail["reason"] == "It has taken nothing for 5 days."


async def test_what_was_taken_in_between_counts_for_an_endpoint_that_failed_for_days(
    sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, asked = Line.post, []

    async def once(self: Line, url: str, headers: Any, body: bytes) -> Answered:
        """Take the first of a batch, and refuse the next."""
        asked.append(url)
        receiver.order(status=200 if len(asked) == 1 else 503)
        return await post(self, url, headers, body)

    monkeypatch.setattr(Line, "post", once)
    await sender.endpoint(receiver.url)
    await sender.rows(
        "update webhook_endpoint set failing_since = now() - interval '6 days' returning id"
    )
    await sender.tell(await sender.connect(), 2)
    async with sender.delivering(scale=1000):
        await sender.until("select 1 from webhook_attempt having count(*) = 2")
        ((status, failing),) = await sender.rows(
            "select status, failing_since > now() - interval '1 hour' from webhook_endpoint"
        )

    assert (status, failing) == ("enabled", True)


async def test_how_long_another_url_failed_is_not_the_new_ones_doing(
    sender: Sender, receiver: Receiver
) -> None:
    made = await sender.endpoint(receiver.url)
    endpoint_id = ids.read("webhook_endpoint", made.id)
    await sender.rows(
        "update webhook_endpoint set failing_since = now() - interval '6 days' returning id"
    )

    for url, since in ((receiver.url, False), (f"{receiver.url}/new", True)):
        await sender.endpoints.update(sender.application_id, endpoint_id, EndpointChange(url=url))
        ((fresh,),) = await sender.rows("select failing_since is null from webhook_endpoint")
        assert fresh is since


async def test_a_replay_that_waits_is_hurried_by_asking_again_and_by_enabling_again(
    sender: Sender, receiver: Receiver
) -> None:
    made = await sender.endpoint(receiver.url)
    endpoint_id = ids.read("webhook_endpoint", made.id)
    fleet = await sender.connect()
    await sender.tell(fleet, 1)
    late = "update webhook_replay set due_at = now() + interval '1 day' returning event_id"
    async with sender.delivering():
        await receiver.until(1)

        async def postponed() -> None:
            receiver.order(status=503)
            await sender.endpoints.replay(
                sender.application_id, endpoint_id, Replay(connection_id=fleet.id)
            )
            await sender.until(
                "select 1 from webhook_replay where failures > 0 and courier is null"
            )
            await sender.rows(late)
            receiver.order()

        await postponed()
        again = await sender.endpoints.replay(
            sender.application_id, endpoint_id, Replay(connection_id=fleet.id)
        )
        assert again == 1
        await sender.until("select 1 where not exists (select from webhook_replay)")

        await postponed()
        for status in ("disabled", "enabled"):
            await sender.endpoints.update(
                sender.application_id, endpoint_id, EndpointChange(status=status)
            )
        await sender.until("select 1 where not exists (select from webhook_replay)")
