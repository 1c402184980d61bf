"""The API as it is really served: granian, a socket, settings from the environment."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from tests.api.served import served

from milepost.store import applications
from milepost.store.pool import Database
from milepost.vault import Vault, new_installation_key

DEEP = b"[" * 100_000


@pytest.fixture
async def address(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[str, int, str]]:
    """Serve the API in a process of its own; give its host, port, and an application's secret key."""
    key = new_installation_key()
    database = Database(database_url, Vault([key]), pool_size=1)
    await database.open()
    made = await applications.create(database, "Tests")
    await database.close()
    async with served(database_url, key, tmp_path) as port:
        yield "127.0.0.1", port, made.secret_key


async def raw(host: str, port: int, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are and read the whole answer; return its status and body."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    await writer.drain()
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


async def test_bytes_that_no_client_would_send_never_make_it_fail(
    address: tuple[str, int, str],
) -> None:
    host, port, key = address
    common = f"Host: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n".encode()
    odd = [
        b"GET /tsp/v1/vehicles/%ff%fe HTTP/1.1\r\n" + common + b"Connection-Token: con_tkn_x\r\n\r\n",
        b"GET /tsp/v1/connections?cursor=%ff&tag=%00&limit=%C3%28 HTTP/1.1\r\n" + common + b"\r\n",
        b"GET /tsp/v1/connections?&&&=&==&tag HTTP/1.1\r\n" + common + b"\r\n",
        b"GET /tsp/v1/syncs HTTP/1.1\r\n" + common + b"Connection-Token: con_tkn_\xff\xfe\r\n\r\n",
        b"GET /tsp/v1/connections HTTP/1.1\r\n" + common + b"Accept-Encoding: ;;q=,,gzip;q=x\r\n\r\n",
        b"POST /tsp/v1/connections HTTP/1.1\r\n" + common + b"Content-Type: \xff;;;=\r\n"
        b"Content-Length: 2\r\n\r\n{}",
        b"POST /tsp/v1/connections HTTP/1.1\r\n" + common + b"Content-Type: application/json\r\n"
        + f"Content-Length: {len(DEEP)}\r\n\r\n".encode() + DEEP,
        b"POST /tsp/v1/connections HTTP/1.1\r\n" + common + b"Transfer-Encoding: chunked\r\n"
        b'Content-Type: application/json\r\n\r\n3\r\n{"a\r\n1\r\n\xff\r\n2\r\n":\r\n0\r\n\r\n',
    ]  # fmt: skip

    for request in odd:
        status, body = await raw(host, port, request)
        assert 200 <= status < 500, (request[:100], status, body)
        assert b"Traceback" not in body


async def test_it_answers_with_the_contracts_shapes_and_limits(
    address: tuple[str, int, str],
) -> None:
    host, port, key = address
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(
        base_url=f"http://{host}:{port}", headers=headers, trust_env=False
    ) as http:
        listed = await http.get("/tsp/v1/connections")
        wrong = await http.post("/tsp/v1/connections", json={"provider": 1})
        large = await http.post("/tsp/v1/connections", content=b"x" * 10_500_000)
        unready = await http.get("/readyz")
        described = await http.get("/openapi.json")

    assert (listed.status_code, listed.json()) == (200, {"results": []})
    assert wrong.status_code == 400
    assert {each["path"] for each in wrong.json()["detail"]} == {
        "{requestBody}.provider",
        "{requestBody}.credentials",
    }
    assert (large.status_code, large.json()["code"]) == (413, "payload_too_large")
    assert unready.status_code == 503
    assert json.loads(described.content)["servers"][0]["url"].endswith("/tsp/v1")


@pytest.fixture
def browser() -> str:
    """A headless browser; the page is looked at where one is installed."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed that could show the page")
    return found


async def test_the_page_to_read_the_api_shows_every_operation_in_a_browser(
    address: tuple[str, int, str], browser: str, tmp_path: Path
) -> None:
    host, port, _ = address
    base = f"http://{host}:{port}"
    process = await asyncio.create_subprocess_exec(
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=8000", "--dump-dom",
        f"{base}/docs", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(60):
        page, _ = await process.communicate()
    async with httpx2.AsyncClient(base_url=base, trust_env=False) as http:
        description = (await http.get("/openapi.json")).json()

    shown = page.decode()
    assert (
        shown.count("did not load") == 1
    )  # Where the script would say so, and nowhere on the page.
    operations = [each for verbs in description["paths"].values() for each in verbs.values()]
    assert [o["operationId"] for o in operations if f'id="{o["operationId"]}"' not in shown] == []
