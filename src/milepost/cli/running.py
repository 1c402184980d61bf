"""What every verb that runs for long shares: its settings, its log, its signals."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from milepost import config, log


def settings() -> config.Settings:
    """Read the settings of this process and set up its log."""
    found = config.read(os.environ)
    log.configure(found.log_format, found.log_level)
    for variable in config.unknown(os.environ):
        # A misspelt setting must not be ignored in silence, nor a newer one stop an older Milepost.
        print(f"There is no setting {variable}; it is ignored.", file=sys.stderr)
    return found


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run a verb to its exit status. Ctrl-C and SIGTERM cancel it, so that it stops in order.

    A second Ctrl-C ends the process at once; its children then end by themselves.
    """

    async def watched() -> int:
        task = asyncio.ensure_future(work)
        told: list[int] = []

        def stop(number: int) -> None:
            told.append(number)
            if len(told) > 1 and number == signal.SIGINT:
                os._exit(128 + number)
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        try:
            return await task
        except asyncio.CancelledError:
            return 128 + told[0] if told else 1

    return asyncio.run(watched())
