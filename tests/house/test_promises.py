"""Every promise stands on tests that there are, and every point that must hold is promised."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.soak import PROMISES, outcomes, promises, table

ROOT = Path(__file__).parents[2]
POINTS = 16


def names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_each_promise_has_tests_and_each_of_them_is_there() -> None:
    found = promises(PROMISES.read_text())

    numbers = [re.match(r"(\d+)\. ", heading) for heading in found]
    assert [int(n[1]) for n in numbers if n] == list(range(1, POINTS + 1))
    for heading, tests in found.items():
        assert tests, heading
        for test in tests:
            path, _, name = test.partition("::")
            assert name in names(ROOT / path), test


def test_a_promise_counts_what_passed_of_its_tests(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.a.test_b" name="test_c[1]">'
        '<properties><property name="figure" value="5 MB"/></properties></testcase>'
        '<testcase classname="tests.a.test_b" name="test_c[2]"><failure/></testcase>'
        "</testsuite></testsuites>"
    )

    assert table({"It holds": ["tests/a/test_b.py::test_c"]}, outcomes(report))[-1] == (
        "| It holds | 1 of 2 | 5 MB |"
    )
