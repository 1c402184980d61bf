"""Connecting by consent, and linking a connection again: same account, same token, nothing lost."""

from __future__ import annotations

import pytest
from tests.api.conftest import Client, Site

STATE = (
    "select c.id, c.status, c.source_id, c.token_digest, c.sealed_key,"
    " (select count(*) from position p where p.connection_id = c.id),"
    " (select jsonb_agg(to_jsonb(held) order by held.stream) from coverage held where held.connection_id = c.id)"
    " from connection c"
)
# What a change of login leaves as it is, and what it does not.
KEPT = slice(2, None)


@pytest.mark.parametrize("form", ["code", "refresh_token"])
async def test_a_fleet_connects_by_consent_and_keeps_on_being_renewed(
    site: Site, client: Client, form: str
) -> None:
    made = await client.connect(credentials={form: "once"}, backfill={"days": 0})
    grants = site.sandbox.grants["samsara"]
    await site.fault(kind="token_expired", path="/samsara/me", count=1)
    await site.fault(kind="token_expired", path="/samsara/tags", count=1)

    again = client.as_(made["token"])
    assert (await again.post("/passthrough", {"method": "GET", "path": "/me"})).json()[
        "statusCode"
    ] == 200
    await site.work()

    (sync,) = await again.every("/syncs")
    assert sync["status"] == "completed"
    assert grants.renewals == 2
    assert "once" not in str(await site.rows("select to_jsonb(c) from connection c"))


@pytest.mark.parametrize("form", ["code", "refresh_token"])
async def test_a_code_or_token_makes_one_connection_and_a_failure_in_between_costs_nothing(
    site: Site, client: Client, form: str
) -> None:
    wish = {"provider": "samsara", "credentials": {form: "once"}}
    await site.fault(kind="broken", path="/samsara/me", count=3)

    failed = await client.post("/connections", wish)
    made = await client.post("/connections", wish)
    again = await client.post("/connections", wish)

    assert [each.status_code for each in (failed, made, again)] == [502, 201, 422]
    assert "only once" in again.json()["message"]
    assert len(await site.rows("select from connection")) == 1


async def test_without_the_operators_app_a_consent_is_refused_with_the_setting_named(
    site: Site, client: Client
) -> None:
    site.registry._apps.clear()

    answer = await client.post(
        "/connections", {"provider": "samsara", "credentials": {"code": "once"}}
    )

    assert answer.status_code == 400
    assert "MILEPOST_OAUTH_APPS" in answer.text


@pytest.mark.parametrize("credentials", [{"apiKey": "newer"}, {"refresh_token": "once"}])
async def test_linking_again_keeps_token_history_and_coverage(
    site: Site, synced: Client, credentials: dict[str, str]
) -> None:
    await synced.patch({"status": "disconnected"})
    (before,) = await site.rows(STATE)

    answer = await synced.patch({"credentials": credentials})

    assert (answer.status_code, answer.json()["status"]) == (200, "connected")
    (after,) = await site.rows(STATE)
    assert after[KEPT] == before[KEPT]
    assert before[5] > 0
    ((told,),) = await site.rows("select type from event order by at desc, id desc limit 1")
    assert told == "connection.reconnected"
    assert (await synced.post("/syncs", {"days": 0})).status_code == 201


@pytest.mark.parametrize("status", ["connected", "disconnected"])
@pytest.mark.parametrize(
    "change",
    [
        {"credentials": {"apiKey": "theirs"}},
        {"credentials": {"code": "theirs"}},
        {"status": "connected"},
    ],
)
async def test_linking_to_another_account_of_the_provider_is_refused_and_changes_nothing(
    site: Site, synced: Client, change: dict[str, object], status: str
) -> None:
    if status == "connected" and "credentials" not in change:
        return  # Nothing is linked then.
    await synced.patch({"status": status})
    before = await site.rows("select to_jsonb(c) from connection c")
    events = await site.rows("select count(*) from event")
    await site.fault(kind="other_account")

    answer = await synced.patch(change)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_credentials")
    assert "another account" in answer.json()["message"]
    assert await site.rows("select to_jsonb(c) from connection c") == before
    assert await site.rows("select count(*) from event") == events


async def test_credentials_of_no_form_or_with_another_status_are_named(fleet: Client) -> None:
    for change, path in (
        ({"credentials": {"nothing": "x"}}, "{requestBody}.credentials"),
        ({"credentials": {"apiKey": "x"}, "status": "archived"}, "{requestBody}.status"),
    ):
        answer = await fleet.patch(change)
        assert answer.status_code == 400
        assert path in answer.text
