"""`make soak`: the long form of every promise, and the page that shows what it found.

Reads which tests stand behind which promise off docs/why/promises.md, runs them with larger numbers, and prints a
table of promise and figure. Seeded: MILEPOST_TEST_SEED. With `--write` the table becomes docs/reference/soak.md.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
PROMISES = ROOT / "docs/why/promises.md"
PAGE = ROOT / "docs/reference/soak.md"
# How much longer than in `make test` each is: requests, killed instants, readings a page (the fewer, the more
# commits to be killed at), walks, days of twenty trucks, minutes a file.
LONG = {
    "MILEPOST_TEST_REQUESTS": "20000",
    "MILEPOST_TEST_INSTANTS": "200",
    "MILEPOST_TEST_PAGE_READINGS": "100",
    "MILEPOST_TEST_WALKS": "100",
    "MILEPOST_TEST_DAYS": "60",
    "MILEPOST_TEST_FILE_MEGABYTES": "500",
    "MILEPOST_TEST_FLEETS": "10",
    "MILEPOST_TEST_SEED": "7",
}
ALSO = {"The contract, at random": ["tests/api/test_property.py"]}


def promises(page: str) -> dict[str, list[str]]:
    """Return the tests behind each promise, by its heading."""
    found: dict[str, list[str]] = {}
    for part in page.split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        found[heading.strip()] = re.findall(r"`(tests/\S+::\w+)`", text)
    return found


def run(tests: list[str], report: Path) -> int:
    command = [
        sys.executable, "-m", "pytest", "-o", "timeout=3000", "-p", "no:randomly",
        f"--junitxml={report}", *tests,
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, env={**LONG, **os.environ}, check=False).returncode


def outcomes(report: Path) -> dict[str, list[tuple[bool, list[str]]]]:
    """Return by test whether it passed, and the figures that it told; one entry for each parameter."""
    found: dict[str, list[tuple[bool, list[str]]]] = defaultdict(list)
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').partition('[')[0]}"
        figures = [p.get("value", "") for p in case.iter("property") if p.get("name") == "figure"]
        bad = any(case.find(each) is not None for each in ("failure", "error", "skipped"))
        found[name].append((not bad, figures))
    return found


def table(
    wanted: dict[str, list[str]], found: dict[str, list[tuple[bool, list[str]]]]
) -> list[str]:
    rows = ["| promise | tests passed | figures |", "| --- | --- | --- |"]
    for promise, tests in wanted.items():
        runs = [
            each
            for test in tests
            for name, all_of in found.items()
            if name == test or name.startswith(f"{test}::")
            for each in all_of
        ]
        figures = dict.fromkeys(figure for _, told in runs for figure in told)
        passed = sum(good for good, _ in runs)
        rows.append(f"| {promise} | {passed} of {len(runs)} | {'; '.join(figures)} |")
    return rows


def main(arguments: list[str]) -> int:
    wanted = {**promises(PROMISES.read_text()), **ALSO}
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="milepost-soak-") as folder:
        report = Path(folder) / "report.xml"
        tests = [*dict.fromkeys(test for tests in wanted.values() for test in tests)]
        failed = run(tests, report)
        rows = table(wanted, outcomes(report))
    minutes = (time.monotonic() - started) / 60
    sys.stdout.write("\n".join(rows) + "\n")
    if "--write" in arguments:
        setting = ", ".join(
            f"`{name}={os.environ.get(name, value)}`" for name, value in LONG.items()
        )
        head = (
            "# The long run\n\nWhat `make soak ARGS=--write` found the last time: the long form of the tests behind "
            f"[what Milepost promises](../why/promises.md).\n\n{datetime.now(UTC):%Y-%m-%d}, {minutes:.0f} minutes on "
            f"{os.cpu_count()} cores, Python {platform.python_version()}; {setting}.\n\n"
        )
        PAGE.write_text(head + "\n".join(rows) + "\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
