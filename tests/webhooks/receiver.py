"""A receiver in a process of its own, that fails, stalls, forgets and dies when it is told to; it writes down what it saw.

`python receiver.py PORT FILE`: each request becomes a line of FILE, written before it is answered. What it
does is told by FILE.orders, JSON that is read at each request: shares of requests that fail or stall, how often
an event is refused at most, of which connection all events are, and what is answered: also what was sent.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from zlib import crc32


async def serve(port: int, file: Path) -> None:
    out = file.open("a", buffering=1)
    orders = file.with_suffix(".orders")
    refused: Counter[str] = Counter()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
                    if name
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                order: dict[str, Any] = json.loads(orders.read_text()) if orders.exists() else {}
                seen = {"path": head.split(" ")[1], "headers": headers, "body": body.decode()}
                if order.get("refused_connection", "none") in seen["body"]:
                    await reply(writer, 500)
                    continue
                name = headers.get("webhook-id", "")
                if refused[name] < crc32(name.encode()) % (order.get("refuse", 0) + 1):
                    refused[name] += 1
                    await reply(writer, 500)
                    continue
                chance = random.random()
                if chance < order.get("forget", 0):
                    await reply(writer, 500)  # It has seen it and does not know it any more.
                    continue
                if chance < order.get("stall", 0):
                    await asyncio.sleep(order.get("seconds", 30))
                out.write(json.dumps(seen) + "\n")
                extra = order.get("headers", "")
                echo = order.get("echo") or (order.get("repeat") and f"{head}{seen['body']}")
                await reply(writer, order.get("status", 200), extra, echo)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


async def reply(
    writer: asyncio.StreamWriter, status: int, extra: str = "", echo: str | None = None
) -> None:
    body = (echo or ("thanks" if status == 200 else "no")).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
