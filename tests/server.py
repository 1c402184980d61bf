"""Runs the tests' PostgreSQL in its own process until standard input ends, and leaves nothing behind.

Standard input ends with the test run, also when that is killed.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from milepost.store import embedded

# The tests' data is not worth waiting for a disk.
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


async def serve(folder: Path) -> None:
    try:
        async with embedded.serve(folder, _FAST):
            await asyncio.to_thread(sys.stdin.buffer.read)
    finally:
        shutil.rmtree(folder)


asyncio.run(serve(Path(sys.argv[1])))
