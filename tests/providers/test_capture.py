"""A fixture that is captured from an account holds nothing of it, and is kept by the law of fixtures."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.test_laws import stage

from milepost.kit import registry
from milepost.kit.laws.reading import replay
from milepost.kit.laws.redacting import Redactor
from milepost.kit.laws.stage import shown
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving

KEY = "samsara_api_zq7SecretWord"


async def captured(
    code: str, stream: str, login: dict[str, str], folder: Path, sandbox: Sandbox
) -> Any:
    file, out = folder / "login.json", folder / "fixture.json"
    file.write_text(json.dumps(login))
    async with serving(sandbox) as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "milepost.cli", "provider", "fixture", code, stream,
            "--account", str(file), "--out", str(out),
            env={**os.environ, "MILEPOST_PROVIDER_URLS": json.dumps({code: f"{url}/{code}"})},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()
    return json.loads(out.read_text())


def personal(sandbox: Sandbox) -> set[str]:
    world = sandbox.world
    found: set[str | None] = {KEY, "zq7SecretWord"}
    for driver in world.drivers:
        found |= {driver.name, driver.username, driver.phone, driver.license_number, driver.id}
    for vehicle in world.vehicles:
        found |= {vehicle.name, vehicle.vin, vehicle.plate, vehicle.gateway_serial, vehicle.id}
    return {each for each in found if each}


@pytest.mark.parametrize(
    ("code", "stream", "login"),
    [
        ("samsara", "vehicles", {"apiKey": KEY}),
        ("samsara", "drivers", {"apiKey": KEY}),
        ("motive", "drivers", {"apiKey": KEY}),
        ("tt-eld", "trackings", {"apiKey": KEY, "providerToken": KEY, "usdot": "7654321"}),
    ],
)
async def test_what_is_captured_holds_nothing_of_the_account_and_maps_to_what_it_expects(
    tmp_path: Path, code: str, stream: str, login: dict[str, str]
) -> None:
    sandbox = Sandbox(Settings(vehicles=3, limits=False), registry.load().simulators())

    fixture = await captured(code, stream, login, tmp_path, sandbox)

    text = json.dumps(fixture, ensure_ascii=False)
    assert {each for each in personal(sandbox) if each in text} == set()
    assert "7654321" not in text
    assert fixture["expected"]
    pages = await replay(stage(code), fixture)
    assert shown(pages) == fixture["expected"]
    sources = [each.get("sourceId") for each in fixture["expected"] if "sourceId" in each]
    assert len(sources) == len(set(sources))


@given(st.text(max_size=30), st.binary(min_size=1, max_size=16))
def test_a_text_becomes_another_of_its_form_and_always_the_same(text: str, salt: bytes) -> None:
    redactor = Redactor(salt)

    once, twice = redactor.body({"name": text}), redactor.body([{"name": text}])

    assert [once] == twice
    assert len(once["name"]) == len(text)
    assert [c.isdigit() for c in once["name"] if c.isascii()] == [
        c.isdigit() if c.isascii() else False for c in text
    ][: len(once["name"])]
