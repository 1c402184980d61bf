"""Who may see what: keys name applications, tokens connections, and nothing about a foreign one leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from milepost.vault import new_token

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

READS = [
    "/vehicles", "/drivers", "/groups", "/vehicles/locations", "/connections/current", "/syncs",
    "/syncs/sync_01GV12VR4DJP70GD1ZBK0SDWFH", "/vehicles/not-even-an-id", "/vehicles?limit=0",
]  # fmt: skip


BAD_KEYS = [None, "", "Bearer", "Bearer ", "Basic c2s6", "sk_prod_x", "Bearer pk_prod_x", "Bearer sk_prod_nobody",
     "Bearer sk_prod_x y", "Bearer sk_" + "x" * 10_000, "Bearer sk_prod_\xff"]  # fmt: skip
BAD_TOKENS = [None, "", "con_tkn_", "tkn_x", "con_tkn_a b", "con_tkn_\xe9"]


async def test_a_missing_malformed_or_unknown_key_is_a_401(fleet: Client) -> None:
    """Bearer authentication header of the form Bearer <token>."""
    for key in BAD_KEYS:
        headers = {b"Connection-Token": fleet.token.encode()}
        if key is not None:
            headers[b"Authorization"] = key.encode("latin-1")
        for path in [*READS, "/connections", "/issues"]:
            answer = await fleet.http.get(f"/tsp/v1{path}", headers=headers)

            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), key
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_publishable_key_reads_nothing(fleet: Client) -> None:
    answer = await fleet.ask(
        "GET", "/vehicles", headers={"Authorization": f"Bearer {fleet.keys.publishable_key}"}
    )

    assert answer.status_code == 401


async def test_a_missing_or_malformed_token_is_a_401(client: Client) -> None:
    for token in BAD_TOKENS:
        headers = {b"Authorization": f"Bearer {client.keys.secret_key}".encode()}
        if token is not None:
            headers[b"Connection-Token"] = token.encode("latin-1")
        for path in READS:
            answer = await client.http.get(f"/tsp/v1{path}", headers=headers)

            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), token


async def test_a_foreign_token_is_answered_as_one_that_never_was_to_the_byte(
    site: Site, fleet: Client
) -> None:
    stranger = await site.client("Strangers")
    foreign, unknown = stranger.as_(fleet.token), stranger.as_(new_token("con_tkn_"))

    for path in READS:
        answers = [await each.get(path) for each in (foreign, unknown)]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].content == answers[1].content
        assert answers[0].headers == answers[1].headers
        assert answers[0].json()["code"] == "forbidden"
    for method, path in (("POST", "/syncs"), ("PATCH", "/connections/current")):
        answers = [await each.ask(method, path, json={}) for each in (foreign, unknown)]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert answers[0].content == answers[1].content


async def test_the_own_token_is_let_in(fleet: Client) -> None:
    """The token returned when a user authenticated their account. This authorizes access to a specific account."""
    assert (await fleet.get("/connections/current")).status_code == 200


async def test_a_bad_key_is_told_before_anything_about_the_request(fleet: Client) -> None:
    answer = await fleet.http.post(
        "/tsp/v1/syncs", content=b"not JSON", headers={"Authorization": "Bearer sk_prod_nobody"}
    )

    assert answer.status_code == 401


async def test_one_fleet_does_not_see_the_records_of_another(site: Site, synced: Client) -> None:
    other = synced.as_((await synced.connect())["token"])
    vehicle = (await synced.get("/vehicles")).json()["results"][0]["id"]
    sync = (await synced.get("/syncs")).json()["results"][0]["id"]

    assert (await other.get("/vehicles")).json() == {"results": []}
    for path in (f"/vehicles/{vehicle}", f"/vehicles/{vehicle}/locations", f"/syncs/{sync}",
                 f"/syncs/{sync}/streams"):  # fmt: skip
        assert (await synced.get(path)).status_code == 200
        assert (await other.get(path)).status_code == 404
    for path in (f"/syncs/{sync}/retry", f"/syncs/{sync}/cancel"):
        assert (await other.post(path)).status_code == 404


async def test_one_application_does_not_see_the_connections_and_issues_of_another(
    site: Site, fleet: Client
) -> None:
    stranger = await site.client("Strangers")
    connection = (await fleet.get("/connections/current")).json()["id"]
    await site.run(
        "insert into issue select id, id, 'data_delayed', 'x', 'x', 'ongoing', now(), now() from connection"
    )
    issue = (await fleet.get("/issues")).json()["results"][0]["id"]

    assert (await stranger.get("/connections")).json() == {"results": []}
    assert (await stranger.get("/issues")).json() == {"results": []}
    assert (await stranger.get("/issues", connectionId=connection)).json() == {"results": []}
    assert (await stranger.post(f"/issues/{issue}/resolve")).status_code == 404
    assert (await fleet.get("/issues")).json()["results"][0]["status"] == "ongoing"


async def test_neither_keys_nor_tokens_nor_credentials_are_stored_in_clear(
    site: Site, client: Client
) -> None:
    made = await client.connect(credentials={"apiKey": "samsara_api_very_secret"})
    await site.work()
    tables = [
        row[0]
        for row in await site.rows("select tablename from pg_tables where schemaname = 'public'")
    ]
    secrets = [client.keys.secret_key, client.keys.publishable_key, made["token"], "very_secret"]

    for table in tables:
        rows = await site.rows(f"select t::text from {table} t")
        stored = "\n".join(row[0] for row in rows)
        assert not [secret for secret in secrets if secret in stored], table
        assert not [secret for secret in secrets if secret.encode().hex() in stored], table
