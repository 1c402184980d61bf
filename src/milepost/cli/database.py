"""The database of a verb: the one that is set, else the embedded one of the data folder."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import psycopg

from milepost.config import Settings
from milepost.errors import SetupError
from milepost.store import embedded
from milepost.store.migrate import pending

_CONNECT_SECONDS = 10


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """Yield the address of a database that answers; the embedded one is started or joined meanwhile."""
    if settings.database_url is None:
        async with embedded.serve(settings.data_dir / "postgres") as url:
            yield url
        return
    await _try(settings.database_url)
    yield settings.database_url


async def require_migrated(url: str) -> None:
    """Raise SetupError when the database lacks a migration."""
    if missing := await pending(url):
        raise SetupError(f"The database lacks {', '.join(missing)}: run `milepost migrate` first.")


async def _try(url: str) -> None:
    try:
        session = await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_SECONDS)
        await session.close()
    except psycopg.Error as error:
        raise SetupError(
            f"The database of MILEPOST_DATABASE_URL does not answer: {str(error).strip()}"
        ) from None
