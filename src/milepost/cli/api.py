"""`milepost api`: answer HTTP requests."""

from __future__ import annotations

import asyncio
import os

from milepost.cli import running, tree
from milepost.cli.database import database, require_migrated
from milepost.cli.ports import PortIfGiven, require_free
from milepost.config import Settings


def api(*, host: str | None = None, port: PortIfGiven = None) -> int:
    """Serve the API, until Ctrl-C or SIGTERM.

    Args:
        host: Address to listen on [MILEPOST_API_HOST].
        port: Port to listen on [MILEPOST_API_PORT].
    """
    settings = running.settings()
    host, port = host or settings.api_host, settings.api_port if port is None else port
    require_free(host, port)
    if settings.database_url is None:
        # The server under it takes the process over, so the embedded database lives in this one.
        return running.run(_with_database(settings, host, port))
    asyncio.run(require_migrated(settings.database_url))
    _serve(settings, host, port)
    return 0


async def _with_database(settings: Settings, host: str, port: int) -> int:
    async with database(settings) as url:
        await require_migrated(url)
        environ = {**os.environ, "MILEPOST_DATABASE_URL": url}
        child = tree.Child("API", ["api", "--host", host, "--port", str(port)], environ)
        async with tree.running([child], restart=True):
            await asyncio.Event().wait()
    return 0


def _serve(settings: Settings, host: str, port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    # The API's processes read their settings from the environment that they inherit.
    os.environ["MILEPOST_API_HOST"], os.environ["MILEPOST_API_PORT"] = host, str(port)
    Granian(
        "milepost.api.app:from_environment",
        factory=True,
        interface=Interfaces.ASGI,
        address=host,
        port=port,
        workers=settings.api_workers,
        # Without this the death of one worker ends the whole server.
        respawn_failed_workers=True,
        respawn_interval=0.5,
        # Without this one event stream that stays open holds up the stop for ever.
        workers_kill_timeout=settings.api_stop_seconds,
        log_level=LogLevels.warning,
    ).serve()
