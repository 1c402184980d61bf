"""Child processes of a measurement: Python modules started with an environment of their own, and ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

_STOP_LIMIT_SECONDS = 20.0


class Process:
    """A running child; its output is in its log file."""

    def __init__(self, process: asyncio.subprocess.Process, log_file: Path) -> None:
        self._process = process
        self._log_file = log_file

    @property
    def pid(self) -> int:
        return self._process.pid

    def peak_megabytes(self) -> float:
        """Return the most memory that it ever held resident, in units of 10^6 bytes."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None, "Linux says so of every process"
        return int(found[1]) * 1024 / 1e6

    def processor_seconds(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def require(self) -> None:
        """Raise RuntimeError with its last words when it has ended."""
        if self._process.returncode is not None:
            raise RuntimeError(f"A process ended:\n{self._log_file.read_text()[-2000:]}")

    async def stop(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_LIMIT_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # What it may have left behind, too.
        await self._process.wait()


@contextlib.asynccontextmanager
async def running(
    module: Sequence[str], environ: Mapping[str, str], log_file: Path
) -> AsyncIterator[Process]:
    """Run `python -m <module> …` for as long as the block lasts."""
    libc = ctypes.CDLL(None)

    def end_with_parent() -> None:
        libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    with log_file.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *module,
            env=dict(environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    child = Process(process, log_file)
    try:
        yield child
    finally:
        await child.stop()
