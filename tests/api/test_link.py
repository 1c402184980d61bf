"""Short links and public tokens."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from openapi_schema_validator import OAS31Validator
from tests.api.test_description import OURS, answer

from milepost import clock, ids
from milepost.store import public_tokens
from milepost.vault import new_token

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

WHOLE: dict[str, Any] = {
    "name": "Prairie Star",
    "provider": "samsara",
    "providerHints": ["geotab", "samsara"],
    "externalId": "customer-7",
    "tags": ["a", "b"],
    "redirectUrl": "https://app.example.com/done?x=1",
    "syncMode": "manual",
    "backfill": {"days": 30},
    "template": "ltp_01GV12VR4DJP70GD1ZBK0SDWFH",
}


async def test_a_short_link_is_as_the_contract_says_and_keeps_its_parameters(
    site: Site, client: Client
) -> None:
    made = await client.post("/link/short", WHOLE)

    assert made.status_code == 200
    assert "idempotent-replayed" not in made.headers
    link = made.json()
    assert re.fullmatch("slk_[0-9A-HJKMNP-TV-Z]{26}", link["id"])
    assert re.fullmatch("[a-hjkmnp-z2-9]{8}", link["code"])
    assert link["url"] == f"https://milepost.test/l/{link['code']}"
    valid = clock.parse(link["expiresAt"]) - clock.now()
    assert timedelta(days=364, hours=23) < valid <= timedelta(days=365)
    assert await site.rows("select body from short_link") == [(WHOLE,)]
    described = answer(OURS["paths"]["/link/short"]["post"])
    OAS31Validator({**described, "components": OURS["components"]}).validate(link)


async def test_identical_bodies_get_the_same_link(site: Site, client: Client) -> None:
    first = await client.post("/link/short", WHOLE)
    again = await client.post("/link/short", dict(reversed(WHOLE.items())))
    other = await client.post("/link/short", {**WHOLE, "name": "Other"})
    stranger = await (await site.client("Strangers")).post("/link/short", WHOLE)

    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len({each.json()["id"] for each in (first, other, stranger)}) == 3
    assert len({each.json()["code"] for each in (first, other, stranger)}) == 3
    for each in (other, stranger):
        assert "idempotent-replayed" not in each.headers


async def test_identical_bodies_at_the_same_time_make_one_link(client: Client) -> None:
    made = await asyncio.gather(*(client.post("/link/short", {"name": "x"}) for _ in range(6)))

    assert len({each.content for each in made}) == 1
    assert sum("idempotent-replayed" not in each.headers for each in made) == 1


async def test_a_link_without_a_body_is_a_link(client: Client) -> None:
    assert (await client.post("/link/short")).status_code == 200


async def test_a_deleted_link_is_gone_and_its_body_makes_a_new_one(
    site: Site, client: Client
) -> None:
    link = (await client.post("/link/short", WHOLE)).json()

    gone = await client.ask("DELETE", f"/link/short/{link['id']}")

    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    assert await site.rows("select * from short_link") == []
    assert (await client.ask("DELETE", f"/link/short/{link['id']}")).status_code == 404
    made = await client.post("/link/short", WHOLE)
    assert made.json()["id"] != link["id"]
    assert "idempotent-replayed" not in made.headers


async def test_a_link_is_deleted_by_its_id_and_by_its_owner_only(
    site: Site, client: Client
) -> None:
    link = (await client.post("/link/short", WHOLE)).json()
    stranger = await site.client("Strangers")

    assert (await stranger.ask("DELETE", f"/link/short/{link['id']}")).status_code == 404
    assert (await client.ask("DELETE", f"/link/short/{link['code']}")).status_code == 400
    assert len(await site.rows("select * from short_link")) == 1


async def test_an_expired_link_is_not_replayed(site: Site, client: Client) -> None:
    first = (await client.post("/link/short", WHOLE)).json()
    await site.run("update short_link set expires_at = now()")

    assert (await client.post("/link/short", WHOLE)).json()["id"] != first["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provider", "nobody"),
        ("providerHints", "samsara"),
        ("redirectUrl", "javascript:alert(1)"),
        ("redirectUrl", "JavaScript:alert(1)"),
        ("redirectUrl", "data:text/html,x"),
        ("redirectUrl", "/done"),
        ("redirectUrl", "https://"),
        ("redirectUrl", "https://x.example/\n"),
        ("syncMode", "sometimes"),
        ("template", "ltp_x"),
        ("tags", [""]),
        ("size", 1),
    ],
)
async def test_a_wrong_field_of_a_link_is_named(client: Client, field: str, value: Any) -> None:
    refused = await client.post("/link/short", {field: value})

    assert refused.status_code == 400
    (problem,) = refused.json()["detail"]
    assert problem["path"].startswith(f"{{requestBody}}.{field}")


async def test_an_app_may_be_returned_to(client: Client) -> None:
    assert (await client.post("/link/short", {"redirectUrl": "myapp://done"})).status_code == 200


async def mint(site: Site, client: Client, made: dict[str, Any]) -> str:
    token = await public_tokens.mint(
        site.database,
        ids.read("application", client.keys.application_id),
        ids.read("connection", made["id"]),
    )
    assert token is not None
    return token


async def exchange(client: Client, token: str) -> Any:
    return await client.post("/public-token/exchange", {"publicToken": token})


async def test_a_public_token_is_exchanged_once_for_the_whole_connection(
    site: Site, client: Client
) -> None:
    made = await client.connect()
    token = await mint(site, client, made)

    got = await exchange(client, token)
    again = await exchange(client, token)

    assert (got.status_code, got.json()) == (200, made)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert await site.rows("select * from public_token") == []


async def test_of_many_who_come_with_the_same_public_token_one_gets_the_connection(
    site: Site, client: Client
) -> None:
    token = await mint(site, client, await client.connect())

    got = await asyncio.gather(*(exchange(client, token) for _ in range(8)))

    assert sorted(each.status_code for each in got) == [200] + [404] * 7


async def test_a_foreign_expired_or_unknown_public_token_is_a_404_and_a_foreign_one_stays_good(
    site: Site, client: Client
) -> None:
    made = await client.connect()
    token, old = await mint(site, client, made), await mint(site, client, made)
    stranger = await site.client("Strangers")

    assert (await exchange(stranger, token)).status_code == 404
    assert (await exchange(client, token)).status_code == 200
    await site.run("update public_token set expires_at = now()")
    assert (await exchange(client, old)).status_code == 404
    assert (await exchange(client, new_token("pub_tkn_"))).status_code == 404
    foreign = ids.read("application", stranger.keys.application_id)
    assert (
        await public_tokens.mint(site.database, foreign, ids.read("connection", made["id"])) is None
    )


async def test_a_body_without_a_public_token_is_a_400(client: Client) -> None:
    bodies: list[dict[str, Any]] = [{}, {"publicToken": "x"}, {"publicToken": 1}, {"token": "x"}]
    for body in bodies:
        assert (await client.post("/public-token/exchange", body)).status_code == 400


async def test_public_tokens_are_stored_as_hashes_only(site: Site, client: Client) -> None:
    token = await mint(site, client, await client.connect())

    ((stored,),) = await site.rows("select t::text from public_token t")

    assert token not in stored
    assert token.encode().hex() not in stored
