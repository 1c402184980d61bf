"""The folder that a new provider begins as: it works for one listing, with a simulator, a fixture and a ledger."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from string import Template

from milepost.kit.registry import BUILT_IN

_PROJECT = """[project]
name = "milepost-$code"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["milepost"]

[project.entry-points."$group"]
$module = "$module"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["$module"]
"""


def built_in() -> Path:
    """Where the built-in providers are."""
    return Path(str(importlib.resources.files(BUILT_IN)))


def write(place: Path, code: str, name: str) -> list[Path]:
    """Write the folder of a provider and return its files.

    One that is not beside the built-in ones is a package of its own: it gets a `pyproject.toml` with the entry
    point by which it is found, unless there is one.
    """
    inside = place.parent.resolve() == built_in().resolve()
    package = f"{BUILT_IN}.{place.name}" if inside else place.name
    words = {
        "code": code,
        "name": name,
        "package": package,
        "module": place.name,
        "group": BUILT_IN,
    }
    written = []
    for template in importlib.resources.files("milepost.cli").joinpath("scaffold_files").iterdir():
        *folders, stem, ending, _ = (
            template.name.rsplit(".", 3)
            if template.name.startswith("fixtures.")
            else ["", *template.name.rsplit(".", 2)]
        )
        file = place.joinpath(*filter(None, folders), f"{stem}.{ending}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(template.read_text()).substitute(words))
        written.append(file)
    project = place.parent / "pyproject.toml"
    if not inside and not project.exists():
        project.write_text(Template(_PROJECT).substitute(words))
        written.append(project)
    return sorted(written)
