"""Thousands of requests out of our own description: no 5xx, no status or answer that it does not describe."""

from __future__ import annotations

import asyncio
import collections
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from tests.api.schemas import OURS
from tests.api.served import served

from milepost.kit import registry
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store import applications
from milepost.store.pool import Database
from milepost.vault import Vault, new_installation_key

# `make soak` asks for 20,000.
REQUESTS = int(os.environ.get("MILEPOST_TEST_REQUESTS", "2000"))
# How a message is framed is judged by the HTTP server before there is a request that could be answered as described.
FRAMING = {
    "transfer-encoding",
    "content-length",
    "connection",
    "expect",
    "te",
    "trailer",
    "upgrade",
}
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


class Served(NamedTuple):
    url: str
    headers: dict[str, str]


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An API in a process of its own without limits, with one fleet connected to a simulated provider."""
    key = new_installation_key()
    database = Database(database_url, Vault([key]), pool_size=1)
    await database.open()
    made = await applications.create(database, "Tests")
    await database.close()
    sandbox = Sandbox(Settings(vehicles=2, limits=False), registry.load().simulators())
    unlimited = {f"MILEPOST_RATE_{of}": "0" for of in ("CONNECTION", "APPLICATION", "ADDRESS")}
    async with serving(sandbox) as url:
        addresses = f'{{"samsara": "{url}/samsara", "sandbox": "{url}/samsara"}}'
        async with served(
            database_url, key, tmp_path, MILEPOST_PROVIDER_URLS=addresses, **unlimited
        ) as port:
            base = f"http://127.0.0.1:{port}/tsp/v1"
            headers = {
                "Authorization": f"Bearer {made.secret_key}",
                "X-Application-Id": made.application_id,
            }
            token = await asyncio.to_thread(_connect, base, headers)
            yield Served(base, {**headers, "Connection-Token": token})


def _connect(base: str, headers: dict[str, str]) -> str:
    answer = requests.post(
        f"{base}/connections",
        json={"provider": "samsara", "credentials": {"apiKey": "samsara_api_x"}},
        headers=headers,
        timeout=20,
    )
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_no_request_is_answered_otherwise_than_described(
    api: Served, mode: GenerationMode
) -> None:
    answers = await asyncio.to_thread(_ask_everything, api, mode, REQUESTS // 2)

    assert answers.total() >= REQUESTS // 2 * 0.9, answers
    # What is asked well is answered, and what is asked badly is refused.
    assert answers[200 if mode is GenerationMode.POSITIVE else 400] > REQUESTS // 10, answers


def _ask_everything(api: Served, mode: GenerationMode, count: int) -> collections.Counter[int]:
    described = list(schemathesis.openapi.from_dict(OURS).get_all_operations())
    operations = [found.ok() for found in described if isinstance(found, Ok)]
    assert len(operations) == len(described)
    session = requests.Session()
    answers: collections.Counter[int] = collections.Counter()
    session.hooks["response"].append(lambda got, **_: answers.update([got.status_code]))
    if mode is GenerationMode.NEGATIVE:  # What takes nothing can be asked nothing wrong.
        described = list(schemathesis.openapi.from_dict(OURS).get_all_operations())
    operations = [each for each in operations if each.path_parameters or each.query or each.body]
    for operation in operations:

        @given(operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=max(1, count // len(operations)),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Case[Any]) -> None:
            for name in [each for each in case.headers or () if each.lower() in FRAMING]:
                del case.headers[name]
            case.call_and_validate(
                base_url=api.url, session=session, headers=api.headers, checks=CHECKS, timeout=20
            )

        ask()
    return answers
