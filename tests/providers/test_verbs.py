"""`milepost provider`: the card and the laws of one provider, and the folder that a new one begins as."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from milepost.kit.laws import book
from milepost.kit.loopback import Loopback, Said


def milepost(*words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "160"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-m", "milepost.cli", "provider", *words],
        capture_output=True, text=True, check=False, env=environment, timeout=150,
    )  # fmt: skip


def installed(folder: Path, package: str) -> None:
    """Announce a package as an installer does: by its metadata beside it on the path."""
    about = folder / f"{package}-0.1.0.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n"
    )
    about.joinpath("entry_points.txt").write_text(f"[milepost.providers]\n{package} = {package}\n")


def test_the_card_names_every_law_and_what_came_of_it() -> None:
    ran = milepost("check", "files", "--json")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(ran.stdout)
    assert found["code"] == "files"
    assert {each["law"]: each["sentence"] for each in found["laws"]} == book.SENTENCES
    assert {each["outcome"] for each in found["laws"]} <= {"kept", "beside"}


def test_a_provider_that_is_scaffolded_anywhere_is_found_and_keeps_every_law(
    tmp_path: Path,
) -> None:
    made = milepost("new", "acme-eld", "--name", "Acme ELD", "--folder", str(tmp_path))
    assert made.returncode == 0, made.stdout + made.stderr
    assert 'acme_eld = "acme_eld"' in (tmp_path / "pyproject.toml").read_text()
    installed(tmp_path, "acme_eld")

    card = milepost("check", "acme-eld", path=tmp_path)
    told = milepost("check", "acme-eld", "--json", path=tmp_path)

    assert card.returncode == 0, card.stdout + card.stderr
    assert "Acme ELD (acme-eld), sandbox" in card.stdout
    assert "13 laws kept, 0 broken, 1 with nothing to be tried on." in card.stdout
    outcomes = {each["law"]: each["outcome"] for each in json.loads(told.stdout)["laws"]}
    assert [law for law, outcome in outcomes.items() if outcome != "kept"] == ["document"]


def test_a_law_that_is_broken_is_named_and_fails_the_check(tmp_path: Path) -> None:
    assert milepost("new", "acme-eld", "--folder", str(tmp_path)).returncode == 0
    installed(tmp_path, "acme_eld")
    mapping = tmp_path / "acme_eld" / "mapping.py"
    mapping.write_text(mapping.read_text().replace("vin=upper(raw.vin)", "vin='1'"))

    ran = milepost("check", "acme-eld", path=tmp_path)

    assert ran.returncode == 1
    assert (
        "Every fixture maps to its expected output. fixture vehicles does not become" in ran.stdout
    )
    assert "broken" in ran.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("check", "nobody"), "There is no provider nobody here"),
        (("new", "Acme"), "small letters"),
        (("new", "samsara"), "There is a provider samsara already."),
        (("new", "class"), "a word of Python"),
        (("check", "files", "--document", "nowhere.json"), "cannot be read as JSON"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], says: str) -> None:
    ran = milepost(*words)

    assert ran.returncode == 2
    assert says in ran.stderr


async def test_an_account_is_read_and_what_rests_on_it_is_written_into_the_manifest(
    tmp_path: Path,
) -> None:
    made = milepost("new", "acme-eld", "--folder", str(tmp_path))
    assert made.returncode == 0
    installed(tmp_path, "acme_eld")
    manifest = tmp_path / "acme_eld" / "manifest.toml"
    credentials = tmp_path / "login.json"
    credentials.write_text('{"apiKey": "zq7SecretWord"}')
    answer = b'{"data": [{"id": 1, "name": "Personal", "active": true}], "page": 1, "pages": 1}'

    async def check(said: Said, *more: str) -> tuple[int, str]:
        async with Loopback(lambda _: said).serving() as server:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "milepost.cli", "provider", "check", "acme-eld",
                "--account", str(credentials), *more,
                env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "160",
                     "MILEPOST_PROVIDER_URLS": json.dumps({"acme-eld": server.base_url})},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            told, _ = await asyncio.wait_for(process.communicate(), 60)
            return process.returncode or 0, told.decode()

    status, told = await check(Said(answer), "--write")
    assert status == 0, told
    assert "✓ vehicles 1 records" in told
    assert not {"zq7SecretWord", "Personal"} & set(told.split())
    (model,) = [
        line for line in manifest.read_text().splitlines() if line.startswith("Vehicle = [")
    ]
    assert re.fullmatch(
        r'Vehicle = \[\{ on = "document" \}, \{ on = "account", date = "[0-9-]{10}", records = 1 \}\]',
        model,
    )
    again, _ = await check(Said(answer), "--write")
    assert again == 0
    assert manifest.read_text().count('on = "account"') == 1

    strange = answer.replace(b'"active"', b'"colour": "red", "active"')
    status, told = await check(Said(strange), "--json")
    assert status == 1
    assert json.loads(told)["streams"][0]["unknown"] == ["colour"]
    assert json.loads(told)["evidence"] == {}
    status, told = await check(Said(b"{}", 401))
    assert status == 1
    assert "no longer accepts the credentials" in told
