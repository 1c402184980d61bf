"""Syncs over HTTP. The sentences quoted are those of the contract's page on requesting a sync."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from milepost import clock

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

NOW = datetime(2026, 3, 10, 18, tzinfo=UTC)


async def request(client: Client, **body: Any) -> dict[str, Any]:
    answer = await client.post("/syncs", body)
    assert answer.status_code == 201, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


async def test_a_sync_is_seen_from_request_to_completion(site: Site, synced: Client) -> None:
    """The status of the sync: requested, in_progress, completed, failed."""
    asked = await request(synced, days=0.25)

    assert asked["status"] == "requested"
    assert (asked["attempts"], asked["issues"], asked["progress"]) == (1, [], 0)
    assert asked["id"].startswith("sync_")
    assert not {"completedAt", "failureReason"} & set(asked)
    assert (await synced.get(f"/syncs/{asked['id']}/streams")).json() == {"results": []}

    await site.work()
    done = (await synced.get(f"/syncs/{asked['id']}")).json()
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert done["completedAt"] >= done["requestedAt"] == asked["requestedAt"]
    assert done["startFrom"] == asked["startFrom"]
    streams = (await synced.get(f"/syncs/{asked['id']}/streams")).json()["results"]
    assert {each["status"] for each in streams} == {"completed"}
    assert all(each["title"] and each["progress"] == 100 for each in streams)


@pytest.mark.parametrize("days", [0, 5, 5.0, 0.5, 36_500 / 100])
async def test_days_become_a_date_counted_from_now(site: Site, fleet: Client, days: float) -> None:
    """How many days of history to sync from now. Will be converted to a date and used in place of startFrom."""
    await site.work()

    asked = await request(fleet, days=days)

    gap = clock.parse(asked["requestedAt"]) - clock.parse(asked["startFrom"])
    assert abs(gap - timedelta(days=days)) <= timedelta(milliseconds=1)


async def test_days_take_the_place_of_start_from(site: Site, fleet: Client) -> None:
    """Can also provide days instead of startFrom and it will be converted to a date and used in place of startFrom."""
    await site.work()

    asked = await request(fleet, days=1, startFrom="2026-01-01T00:00:00Z")

    gap = clock.parse(asked["requestedAt"]) - clock.parse(asked["startFrom"])
    assert abs(gap - timedelta(days=1)) <= timedelta(milliseconds=1)


async def test_start_from_takes_any_offset(site: Site, fleet: Client) -> None:
    """When to start syncing from."""
    await site.work()

    asked = await request(fleet, startFrom="2026-01-06T03:24:53.000+05:30")

    assert asked["startFrom"] == "2026-01-05T21:54:53.000Z"


async def test_without_either_a_sync_starts_where_the_last_one_was_requested(
    site: Site, synced: Client
) -> None:
    """If startFrom is not provided, it will either sync from the last time a sync was requested or now."""
    last = (await synced.get("/syncs")).json()["results"][0]

    asked = await request(synced)

    assert asked["startFrom"] == last["requestedAt"]


async def test_a_manual_connection_syncs_when_asked(site: Site, client: Client) -> None:
    """You can set syncMode = manual and invoke this endpoint when you want to sync data."""
    made = await client.connect(syncMode="manual")
    fleet = client.as_(made["token"])
    await site.work()

    asked = await request(fleet, days=0)
    await site.work()

    assert (await fleet.get(f"/syncs/{asked['id']}")).json()["status"] == "completed"


@pytest.mark.parametrize("spelling", ["provision_credentials", {"type": "provision_credentials"}])
async def test_a_provider_request_that_is_not_offered_is_refused_in_either_spelling(
    site: Site, fleet: Client, spelling: Any
) -> None:
    """Request additional information from the provider for this sync."""
    await site.work()

    answer = await fleet.post("/syncs", {"providerRequests": [spelling]})

    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable_entity")
    assert "offers" in answer.json()["message"]


async def test_an_empty_list_of_provider_requests_is_fine(site: Site, fleet: Client) -> None:
    await site.work()

    await request(fleet, providerRequests=[])


async def test_a_second_request_while_one_works_is_a_conflict_that_names_it(fleet: Client) -> None:
    active = (await fleet.get("/syncs")).json()["results"][0]["id"]

    answer = await fleet.post("/syncs", {"days": 7})

    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"
    assert answer.json()["message"] == "Sync already in progress"
    assert answer.json()["detail"] == f"Existing sync in progress: {active}"


async def test_of_requests_at_the_same_instant_exactly_one_wins(site: Site, fleet: Client) -> None:
    await site.work()

    answers = await asyncio.gather(*(fleet.post("/syncs", {"days": 0}) for _ in range(12)))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 11]
    assert len(await fleet.every("/syncs")) == 2


@pytest.mark.parametrize("status", ["archived", "disconnected"])
async def test_a_connection_that_is_not_connected_is_not_synced(fleet: Client, status: str) -> None:
    await fleet.patch({"status": status})

    answer = await fleet.post("/syncs", {"days": 7})

    assert (answer.status_code, answer.json()["code"]) == (422, "connection_disconnected")


async def test_syncs_are_listed_newest_first_by_status_and_page(site: Site, fleet: Client) -> None:
    await site.work()
    for _ in range(4):
        await request(fleet, days=0)
        await site.work()
    last = await request(fleet, days=0)
    whole = await fleet.every("/syncs")

    assert len(whole) == 6
    assert whole[0]["id"] == last["id"]
    assert [each["id"] for each in whole] == sorted((e["id"] for e in whole), reverse=True)
    for limit in (1, 2, 5, 6, 7):
        assert await fleet.every("/syncs", limit=limit) == whole
    assert await fleet.every("/syncs", status="completed", limit=2) == whole[1:]
    assert await fleet.every("/syncs", status="failed") == []


async def test_a_cancelled_sync_fails_with_a_reason_and_can_be_retried(
    site: Site, fleet: Client
) -> None:
    sync = (await fleet.get("/syncs")).json()["results"][0]["id"]

    cancelled = await fleet.post(f"/syncs/{sync}/cancel")
    await site.work()
    failed = (await fleet.get(f"/syncs/{sync}")).json()
    again = await fleet.post(f"/syncs/{sync}/retry")
    requested = (await fleet.get(f"/syncs/{sync}")).json()
    await site.work()
    done = (await fleet.get(f"/syncs/{sync}")).json()

    assert (cancelled.status_code, cancelled.json()["id"]) == (200, sync)
    assert cancelled.json()["message"] == "Sync cancellation requested"
    assert (failed["status"], failed["failureReason"]) == ("failed", "The sync was cancelled.")
    assert again.json() == {"id": sync, "message": "Sync retry requested"}
    assert (requested["status"], requested["attempts"]) == ("requested", 2)
    assert not {"completedAt", "failureReason"} & set(requested)
    assert done["status"] == "completed"


async def test_what_has_ended_cannot_be_cancelled_nor_what_succeeded_retried(
    synced: Client,
) -> None:
    sync = (await synced.get("/syncs")).json()["results"][0]["id"]

    for verb in ("cancel", "retry"):
        answer = await synced.post(f"/syncs/{sync}/{verb}")

        assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable_entity")


async def test_a_retry_while_another_sync_works_is_a_conflict(site: Site, fleet: Client) -> None:
    first = (await fleet.get("/syncs")).json()["results"][0]["id"]
    await fleet.post(f"/syncs/{first}/cancel")
    await site.work()
    second = await request(fleet, days=0)

    answer = await fleet.post(f"/syncs/{first}/retry")

    assert answer.status_code == 409
    assert second["id"] in answer.json()["detail"]


async def test_a_forbidden_stream_is_an_issue_of_a_completed_sync(
    site: Site, client: Client
) -> None:
    """You can see the issues for a given sync by providing issues to the expand parameter."""
    await site.fault(kind="scope_revoked", path="*/fleet/drivers")
    fleet = client.as_((await client.connect())["token"])
    await site.work()

    (by_id,) = await fleet.every("/syncs")
    (whole,) = await fleet.every("/syncs", expand="issues")
    (listed,) = await fleet.every("/issues")
    streams = (await fleet.get(f"/syncs/{by_id['id']}/streams")).json()["results"]

    assert by_id["status"] == "completed"
    assert by_id["issues"] == [listed["id"]]
    assert whole["issues"] == [listed]
    assert (await fleet.get(f"/syncs/{by_id['id']}", expand="issues")).json() == whole
    assert listed["error"]["code"] == "permission_missing"
    assert "Drivers" in listed["error"]["message"]
    assert listed["status"] == "ongoing"
    assert listed["firstReportedAt"] <= listed["lastReportedAt"]
    assert "refused" in {each["status"] for each in streams}
