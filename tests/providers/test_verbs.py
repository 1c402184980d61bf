"""`milepost provider`: the card and the laws of one provider, and the folder that a new one begins as."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from milepost.kit.laws import book


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
