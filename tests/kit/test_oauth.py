"""Codes and refresh tokens at a token endpoint, against a real HTTP server on loopback."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
import pytest

from milepost import clock
from milepost.errors import Changed, LoginLost, MilepostError, TryAgain
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.access import RENEWALS, Access, OAuthApp
from milepost.kit.contract import OAuthForm
from milepost.kit.limits import Budget
from milepost.kit.login import Credentials, Pocket
from milepost.kit.loopback import Asked, Loopback, Said
from milepost.kit.oauth import OAuth

APP = OAuthApp(client_id="our app", client_secret="s3cret:ü", redirect_uri="https://us.example/cb")


def granted(**fields: Any) -> Said:
    return Said(msgspec.json.encode({"access_token": "a1", "token_type": "Bearer", **fields}))


@asynccontextmanager
async def oauth_of(
    credentials: Credentials,
    answer: Callable[[Asked], Said],
    client: str = "basic",
    app: OAuthApp | None = APP,
) -> AsyncIterator[tuple[OAuth, Pocket, Loopback]]:
    form = OAuthForm(
        authorize_url="https://a.example/oauth/authorize",
        token_url="https://a.example/oauth/token",
        client=client,  # type: ignore[arg-type]
    )
    manifest = msgspec.structs.replace(registry.load().manifest("samsara"), oauth=form)
    async with Loopback(answer).serving() as server:
        pocket = Pocket(credentials)
        access = Access(
            manifest=manifest,
            wallet=pocket,
            identity=Identity(UUID(int=1)),
            base_url=f"{server.base_url}/acme",
            budget=Budget({RENEWALS: 0}),
            app=app,
        )
        yield OAuth(access), pocket, server


@pytest.mark.parametrize("client", ["basic", "body"])
async def test_a_code_is_traded_for_tokens_that_are_kept_in_its_place(client: str) -> None:
    answer = granted(refresh_token="r1", expires_in=7200)
    async with oauth_of({"code": "c 1"}, lambda _: answer, client) as (oauth, pocket, server):
        assert await oauth.headers() == {"authorization": "Bearer a1"}
        assert await oauth.headers() == {"authorization": "Bearer a1"}
        kept = await pocket.credentials()

    (asked,) = server.asked
    form = {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}
    assert (asked.method, asked.path) == ("POST", "/acme/oauth/token")
    assert form["grant_type"] == "authorization_code"
    assert (form["code"], form["redirect_uri"]) == ("c 1", APP.redirect_uri)
    if client == "basic":
        pair = base64.b64decode(asked.headers["authorization"].removeprefix("Basic "))
        assert pair == b"our+app:s3cret%3A%C3%BC"
    else:
        assert (form["client_id"], form["client_secret"]) == (APP.client_id, APP.client_secret)
    assert kept.keys() == {"access_token", "refresh_token", "renews_at", "expires_at"}
    left = clock.parse(kept["expires_at"]) - clock.parse(kept["renews_at"])
    assert left == timedelta(minutes=5)


async def test_a_refresh_token_that_an_answer_leaves_out_goes_on_being_used() -> None:
    async with oauth_of({"refresh_token": "r0"}, lambda _: granted()) as (oauth, pocket, _):
        await oauth.headers()
        assert (await pocket.credentials())["refresh_token"] == "r0"


@pytest.mark.parametrize(
    ("said", "seconds"), [("7200", 7200), ("soon", 3600), (1e300, 3600), (None, 3600)]
)
async def test_a_grant_is_kept_however_its_lifetime_is_written(said: object, seconds: int) -> None:
    answer = granted(refresh_token="r1", expires_in=said)
    async with oauth_of({"refresh_token": "r0"}, lambda _: answer) as (oauth, pocket, _):
        before = clock.now()
        await oauth.headers()
        kept = await pocket.credentials()

    assert kept["refresh_token"] == "r1"
    lives = clock.parse(kept["expires_at"]) - before
    assert timedelta(seconds=seconds - 1) < lives < timedelta(seconds=seconds + 60)


async def test_a_refused_access_token_is_renewed_unless_somebody_did() -> None:
    numbers = iter(range(1, 9))
    async with oauth_of(
        {"refresh_token": "r0"},
        lambda _: granted(access_token=f"a{next(numbers)}", refresh_token="r", expires_in=60),
    ) as (oauth, _, server):
        first = await oauth.headers()
        assert await oauth.renewed(first)
        assert await oauth.renewed(first)  # By another who was refused as well.
        assert await oauth.headers() == {"authorization": "Bearer a2"}
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error":"invalid_grant"}', LoginLost),
        (401, b'{"error":"invalid_grant"}', LoginLost),
        (401, b'{"error":"invalid_client"}', TryAgain),
        (400, b'{"error":"invalid_client"}', TryAgain),
        (401, b"nope", TryAgain),
        (400, b'{"error":"unsupported_grant_type"}', Changed),
        (400, b"[]", Changed),
        (503, b"", TryAgain),
        (200, b"<html>", TryAgain),
        (200, b'{"access_token":"a\\nb"}', Changed),
    ],
)
async def test_each_refusal_says_what_to_do_and_shows_no_secret(
    status: int, body: bytes, error: type[MilepostError]
) -> None:
    async with oauth_of({"refresh_token": "r-s3cret"}, lambda _: Said(body, status)) as (
        oauth,
        pocket,
        _,
    ):
        with pytest.raises(error) as caught:
            await oauth.headers()
        assert await pocket.credentials() == {"refresh_token": "r-s3cret"}
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(APP)


async def test_without_an_app_or_a_token_to_renew_with_nothing_is_asked() -> None:
    async with oauth_of({"code": "c"}, lambda _: granted(), app=None) as (oauth, _, server):
        with pytest.raises(TryAgain, match="MILEPOST_OAUTH_APPS"):
            await oauth.headers()
        assert not server.asked
    async with oauth_of({"access_token": "a"}, lambda _: granted()) as (oauth, _, server):
        with pytest.raises(LoginLost):
            await oauth.headers()
        assert not server.asked
