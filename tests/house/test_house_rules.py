"""The rules of CONTRIBUTING.md that a machine can check and that no linter does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/milepost"
FOLDERS = ("src", "tests", "docs", "bench", ".ci")
MODULES = [
    *sorted(SOURCE.rglob("*.py")),
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "bench").rglob("*.py")),
]
NAMES_THAT_SAY_NOTHING = re.compile(r"(utils?|helpers?|managers?|services?|common|base|misc)\.py")
# Spelt with brackets, so that they do not find themselves.
UNFINISHED = re.compile(
    r"\bTO[D]O\b|\bFIX[M]E\b|\bX{3}\b|raise NotImplemented[E]rror|mark\.(?:sk[i]p|xf[a]il)"
)
ELSEWHERE = re.compile(
    r"py[p]i\.org|python[h]osted|[n]pmjs\.org|de[b]ian\.org|(?<![\w.])/(?:wo[r]k|home|Us[e]rs|ro[o]t)/"
)


def texts() -> Iterator[Path]:
    """Every text file of the project, but not what tools have put beside them."""
    yield from (file for file in ROOT.iterdir() if file.is_file() and file.name != ".git")
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and not {"__pycache__", "node_modules"} & set(file.parts):
                yield file


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def here(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_no_module_is_longer_than_400_lines() -> None:
    long = {here(module): module.read_text().count("\n") for module in MODULES}

    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    lengths = {
        f"{here(module)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for module in MODULES
        for function in functions(module)
    }

    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}


def test_every_module_has_a_name_that_says_something() -> None:
    assert [here(file) for file in MODULES if NAMES_THAT_SAY_NOTHING.fullmatch(file.name)] == []


def test_every_module_opens_with_a_sentence() -> None:
    silent = [
        here(module)
        for module in SOURCE.rglob("*.py")
        if module.read_text().strip()
        and not (ast.get_docstring(ast.parse(module.read_text())) or "").strip()
    ]

    assert silent == []


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(UNFINISHED, id="unfinished"),
        pytest.param(ELSEWHERE, id="registries and machine paths"),
    ],
)
def test_nothing_unfinished_and_nothing_of_one_machine_is_left(pattern: re.Pattern[str]) -> None:
    found = [
        f"{here(file)}:{number}: {line.strip()[:100]}"
        for file in texts()
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


def test_every_room_is_named_in_the_architecture() -> None:
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {file.parent.name for file in SOURCE.glob("*/*.py")} | {
        module.stem for module in SOURCE.glob("*.py") if module.stem != "__init__"
    }

    assert {room for room in rooms if not re.search(rf"\b{room}\b", architecture)} == set()


def test_every_error_is_drawn_in_the_tree_of_errors() -> None:
    module = ast.parse((SOURCE / "errors.py").read_text())
    drawn = ast.get_docstring(module) or ""
    errors = {
        node.name
        for node in module.body
        if isinstance(node, ast.ClassDef)
        and not any(isinstance(b, ast.Attribute) for b in node.bases)
    }

    assert {name for name in errors if not re.search(rf"\b{name}\b", drawn)} == set()


def test_no_decision_record_is_longer_than_60_lines() -> None:
    records = (ROOT / "docs/decisions").glob("*.md")

    assert [here(each) for each in records if each.read_text().count("\n") > 60] == []
