"""What every test has, also those inside provider folders: asyncio, the shared folder, no network but our own."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# No test is about time: a busy machine is slow, and that is no fault of what is tested.
hypothesis.settings.register_profile("milepost", deadline=None)
hypothesis.settings.load_profile("milepost")

SHARED = Path(__file__).parents[1] / "shared"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of vendors' specs, recorded answers and traces; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with specs, samples and traces is not there")
    return SHARED


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = str(address[0]) if isinstance(address, tuple) else "localhost"
        assert host in {"localhost", "::1"} or host.startswith("127."), (
            f"a test tried to reach {host}"
        )
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables and figures that tests have recorded, also those that ran in another process."""
    told = [
        pair
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for pair in getattr(report, "user_properties", [])
    ]
    for title, rows in [value for name, value in told if name == "table"]:
        terminalreporter.section(title)
        for row in rows:
            terminalreporter.write_line(row)
    if figures := sorted(value for name, value in told if name == "figure"):
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.write_line(figure)
