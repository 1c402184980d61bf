"""Child processes: started together, watched, restarted when they die, and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import structlog

from milepost.errors import MilepostError

log = structlog.get_logger()

# A child gets longer than the API's requests (10 s) and a sync's page to come to an end.
_STOP_LIMIT_SECONDS = 20.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 10.0
_HEALTHY_SECONDS = 10.0
_TAIL_LINES = 30


class ChildDied(MilepostError):
    """A process that this one needs has ended."""


class Child:
    """One `milepost` verb in a process of its own, which heads a process group of its own.

    With a log file its output goes there, else to where this process writes. When this process dies
    before it can stop its children, the kernel sends them a signal: a worker is killed, since its
    database ends at the same moment and it would wait half a minute for that to come back. What it was
    doing goes on from its last page, as after any death.
    """

    def __init__(
        self,
        name: str,
        verb: Sequence[str],
        environ: Mapping[str, str],
        log_file: Path | None = None,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._verb = verb[0]
        self._command = [sys.executable, "-m", "milepost.cli", *verb]
        self._environ = dict(environ)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        parent = os.getpid()
        orphaned = signal.SIGKILL if self._verb == "worker" else signal.SIGTERM
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None

        def end_with_parent() -> None:
            if libc is not None:
                libc.prctl(1, orphaned)  # PR_SET_PDEATHSIG
                if os.getppid() != parent:
                    os._exit(1)

        with contextlib.ExitStack() as opened:
            out = opened.enter_context(self.log_file.open("ab")) if self.log_file else None
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    async def wait(self) -> int:
        """Wait for its end, sweep away what it may have left behind, return its exit status."""
        assert self._process is not None
        status = await self._process.wait()
        self._signal(signal.SIGKILL)
        return status

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        if self._process is None:
            return
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_LIMIT_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                log.warning("a process did not stop when asked and is killed", process=self.name)
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def tail(self) -> str:
        """Return the last lines that it wrote to its log file."""
        if self.log_file is None or not self.log_file.exists():
            return ""
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    def _signal(self, number: int) -> None:
        # The group also holds what the child started and did not end, such as the API's own workers.
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


@contextlib.asynccontextmanager
async def running(children: Sequence[Child], *, restart: bool) -> AsyncIterator[None]:
    """Run the children for as long as the block lasts.

    With `restart`, one that dies is started again. Otherwise its death cancels the block and is raised
    as ChildDied.
    """
    keeping: list[asyncio.Task[None]] = []
    block = asyncio.current_task()
    assert block is not None

    def on_end(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            block.cancel()

    try:
        for child in children:
            await child.start()
            task = asyncio.create_task(_keep(child, restart=restart))
            task.add_done_callback(on_end)
            keeping.append(task)
        yield
    except asyncio.CancelledError:
        died = [task.exception() for task in keeping if task.done() and not task.cancelled()]
        if died and died[0] is not None:
            block.uncancel()
            raise died[0] from None
        raise
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in reversed(children)))


async def _keep(child: Child, *, restart: bool) -> None:
    clock = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE_SECONDS
    while True:
        began = clock()
        status = await child.wait()
        if not restart:
            raise ChildDied(f"The {child.name} ended with status {status}.")
        if clock() - began > _HEALTHY_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        log.warning("a process ended and is started again", process=child.name, exit_status=status)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        await child.start()
