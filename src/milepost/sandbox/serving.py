"""Serves an ASGI application inside this process, on a loopback port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server


@contextlib.asynccontextmanager
async def serving(app: Any, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve `app` until the block is left; give its base URL, as http://127.0.0.1:40123.

    The application shares the event loop; its lifespan is not run.
    """
    with socket.socket() as held:
        # granian lets several servers share a port. This socket, bound but not listening, keeps the
        # kernel from giving the port to another process that asks for a free one.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
        port = held.getsockname()[1]
        server = Server(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            websockets=False,
            log_enabled=False,
        )
        task = asyncio.create_task(server.serve())
        try:
            await _wait_for_answer(task, host, port)
            yield f"http://{host}:{port}"
        finally:
            server.stop()  # type: ignore[no-untyped-call]
            await task


async def _wait_for_answer(task: asyncio.Task[None], host: str, port: int) -> None:
    while not task.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.002)  # The server tells nobody when it begins to listen.
            continue
        writer.close()
        await writer.wait_closed()
        return
    await task  # It ended before it served: raise what went wrong.
    raise RuntimeError("the server ended before it served")
