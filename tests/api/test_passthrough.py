"""Passthrough over HTTP: the customer's call, the provider's answer, and no login in between."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from openapi_schema_validator import OAS31Validator
from tests.api.conftest import Client
from tests.api.test_description import OURS, answer

from milepost.api.app import build
from milepost.jobs import queue as jobs
from milepost.kit import registry
from milepost.kit.loopback import Asked, Loopback, Said
from milepost.store import applications
from milepost.store.pool import Database
from milepost.vault import Vault, new_installation_key

KEY = "samsara_api_very_secret"
ME = Said(b'{"data": {"id": "1", "name": "x"}}')


class Provider:
    """A provider whose answer a test sets; `asked` holds what it was asked, but for its account."""

    def __init__(self) -> None:
        self.says: Said | Callable[[Asked], Said] = Said(b'{"ok": true}')
        self.all: list[Asked] = []

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/base/me":
            return ME
        self.all.append(asked)
        return self.says if isinstance(self.says, Said) else self.says(asked)

    @property
    def asked(self) -> Asked:
        (only,) = self.all
        return only


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def fleet(database_url: str, provider: Provider) -> AsyncIterator[Client]:
    """A connected fleet whose provider is the test."""
    async with Loopback(provider).serving() as server:
        providers = registry.load({"samsara": f"{server.base_url}/base"}, pace={"samsara": 0})
        database = Database(database_url, Vault([new_installation_key()]))
        app = build(database, providers, jobs.app(database_url), "https://milepost.test")
        async with app.lifespan():
            transport = httpx2.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
            async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http:
                client = Client(http, await applications.create(database, "Tests"))
                made = await client.connect(credentials={"apiKey": KEY})
                yield client.as_(made["token"])


async def ask(fleet: Client, method: str = "GET", path: str = "/x", **more: Any) -> httpx2.Response:
    return await fleet.post("/passthrough", {"method": method, "path": path, **more})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_call_is_passed_on_with_the_connections_login(
    fleet: Client, provider: Provider, method: str
) -> None:
    headers = {"Authorization": "Bearer mine", "X-Trace": "7", "Host": "evil.example"}
    got = await ask(fleet, method, "/fleet/reports?x=a%20b&y=1", headers=headers, body='{"a": 1}')

    asked = provider.asked
    assert (asked.method, asked.target) == (method, "/base/fleet/reports?x=a%20b&y=1")
    assert asked.body == b'{"a": 1}'
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["host"].startswith("127.0.0.1:")
    assert asked.headers["x-trace"] == "7"
    assert got.status_code == 200
    shown = got.json()
    assert shown.pop("headers")["content-type"] == "application/json"
    assert shown == {
        "method": method,
        "path": "/fleet/reports?x=a%20b&y=1",
        "statusCode": 200,
        "response": {"ok": True},
    }


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 429, 500, 503])
async def test_an_error_of_the_provider_is_a_200_with_its_status_inside(
    fleet: Client, provider: Provider, status: int
) -> None:
    provider.says = Said(b'{"message": "no"}', status=status, headers={"location": "http://evil/"})

    for path in ("/passthrough", "/passthrough/raw"):
        provider.all.clear()
        got = await fleet.post(path, {"method": "POST", "path": "/x"})

        assert got.status_code == 200
        assert got.headers["content-type"] == "application/json"
        assert (got.json()["statusCode"], got.json()["response"]) == (status, {"message": "no"})
        assert len(provider.all) == 1
        schema = {**answer(OURS["paths"][path]["post"]), "components": OURS["components"]}
        OAS31Validator(schema).validate(got.json())


async def test_neither_the_login_nor_cookies_of_the_provider_are_shown(
    fleet: Client, provider: Provider
) -> None:
    provider.says = lambda asked: Said(
        b"{}",
        headers={
            "set-cookie": "session=1",
            "www-authenticate": "Bearer",
            "x-echo": asked.headers["authorization"],
            "x-request-id": "r1",
        },
    )

    got = await ask(fleet)

    assert got.json()["headers"] == {"content-type": "application/json", "x-request-id": "r1"}
    assert KEY not in got.text
    assert KEY not in str(got.headers)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a": 12345678901234567890.10}', '"response":{"a": 12345678901234567890.10}'),
        (b"[1, 2]", '"response":[1, 2]'),
        (b"plain text", '"response":"plain text"'),
        (b"", '"response":""'),
        (b"null", '"response":"null"'),
        (b"\xff\x00", '"response":"\ufffd\\u0000"'),
        (b"[" * 5000, '"response":"[[['),
    ],
)
async def test_json_stays_as_it_is_to_the_byte_and_anything_else_is_text(
    fleet: Client, provider: Provider, body: bytes, shown: str
) -> None:
    provider.says = Said(body, headers={"content-type": "application/x"})

    assert shown in (await ask(fleet)).text


async def test_a_packed_answer_is_unpacked_and_not_called_packed(
    fleet: Client, provider: Provider
) -> None:
    packed = gzip.compress(b'{"a": 1}')
    provider.says = Said(packed, headers={"content-encoding": "gzip"})

    got = (await ask(fleet)).json()

    assert got["response"] == {"a": 1}
    assert "content-encoding" not in got["headers"]


@pytest.mark.parametrize("type_", ["image/jpeg", "text/csv; charset=latin-1", "application/pdf"])
async def test_raw_answers_with_the_bytes_the_status_and_the_type_of_the_provider(
    fleet: Client, provider: Provider, type_: str
) -> None:
    photo = bytes(range(256)) * 40
    provider.says = Said(photo, status=203, headers={"content-type": type_, "set-cookie": "a=b"})

    got = await fleet.post("/passthrough/raw", {"method": "GET", "path": "/photo"})

    assert (got.status_code, got.content) == (203, photo)
    assert got.headers["content-type"] == type_
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in got.headers


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"path": "https://evil.example/x"}, "path"),
        ({"path": "//evil.example"}, "path"),
        ({"path": "/a/%2e%2e/x"}, "path"),
        ({"path": ""}, "path"),
        ({"method": "TRACE"}, "method"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers"),
        ({"headers": {"a": 1}}, "headers"),
        ({"body": {"a": 1}}, "body"),
        ({"url": "http://x"}, "url"),
    ],
)
async def test_a_wrong_call_names_what_is_wrong_and_is_not_passed_on(
    fleet: Client, provider: Provider, body: dict[str, Any], path: str
) -> None:
    for where in ("/passthrough", "/passthrough/raw"):
        got = await fleet.post(where, {"method": "GET", "path": "/x", **body})

        assert got.status_code == 400
        assert got.json()["detail"][0]["path"].startswith(f"{{requestBody}}.{path}")
    assert provider.all == []


async def test_a_provider_that_hangs_up_is_a_502(fleet: Client, provider: Provider) -> None:
    provider.says = Said(b"x" * 50, cut=True)

    for where in ("/passthrough", "/passthrough/raw"):
        got = await fleet.post(where, {"method": "GET", "path": "/x"})
        assert (got.status_code, got.json()["code"]) == (502, "bad_gateway")


async def test_bodies_are_bounded(fleet: Client, provider: Provider) -> None:
    assert (await ask(fleet, "POST", body="x" * 5_000_001)).status_code == 400
    assert (await ask(fleet, "POST", body="x" * 10_000_001)).status_code == 413
    assert provider.all == []
    provider.says = Said(b'"' + b"x" * 16 * 1024 * 1024 + b'"')
    got = await ask(fleet)
    assert (got.status_code, got.json()["code"]) == (502, "bad_gateway")
    raw = await fleet.post("/passthrough/raw", {"method": "GET", "path": "/x"})
    assert (raw.status_code, len(raw.content)) == (200, 16 * 1024 * 1024 + 2)


@pytest.mark.parametrize("status", ["archived", "disconnected"])
async def test_a_connection_that_is_not_connected_is_a_422(
    fleet: Client, provider: Provider, status: str
) -> None:
    await fleet.patch({"status": status})

    got = await ask(fleet)

    assert (got.status_code, got.json()["code"]) == (422, "connection_disconnected")
    assert provider.all == []
