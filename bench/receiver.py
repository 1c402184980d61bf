"""A receiver that takes everything at once: `python -m bench.receiver PORT FILE` writes a line an event, `id seconds`.

With `stall` as a third argument it takes every connection and answers none.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb"\r\nwebhook-id: *(\S+)", re.IGNORECASE)
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


async def serve(port: int, file: Path, *, stall: bool) -> None:
    """Take webhooks until killed."""
    out = file.open("a", buffering=1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length, name = _LENGTH.search(head), _ID.search(head)
                assert length is not None
                await reader.readexactly(int(length[1]))
                if name is not None:
                    out.write(f"{name[1].decode()} {time.time():.6f}\n")
                if not stall:
                    writer.write(_TAKEN)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), stall="stall" in sys.argv[3:]))
