"""Connections to the database: the pool that serves requests, and single sessions for runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from milepost.errors import SetupError
from milepost.store.queries import queries
from milepost.vault import Pepper, Unreadable, Vault

Session = psycopg.AsyncConnection[TupleRow]
"""One conversation with the database, in autocommit: every transaction is written out as such."""

# A request that waits longer than this for the database is refused rather than piled up.
_POOL_TIMEOUT_SECONDS = 10.0


class Database:
    """The database of one process: its pool, the vault that opens what is sealed in it, the pepper."""

    def __init__(self, url: str, vault: Vault, *, pool_size: int = 8) -> None:
        self.url = url
        self.vault = vault
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=pool_size,
            timeout=_POOL_TIMEOUT_SECONDS,
            open=False,
            kwargs={"autocommit": True, "application_name": "milepost"},
            check=AsyncConnectionPool.check_connection,
        )
        self._pepper: Pepper | None = None

    async def open(self) -> None:
        """Open the pool and read the installation's row; raise SetupError when the keys do not fit."""
        await self._pool.open(wait=True)
        async with self.session() as session:
            await session.execute(
                "insert into installation (epoch, sealed_pepper) values (gen_random_uuid(), %s)"
                " on conflict do nothing",
                (self.vault.seal(Pepper.new()),),
            )
            row = await fetch_one(session, "select sealed_pepper, epoch from installation")
            ended = await fetch_all(session, queries("restoration")["read_again"])
        assert row is not None
        try:
            self._pepper = Pepper(self.vault.open(row[0]))
        except Unreadable:
            raise SetupError(
                "The secret keys do not fit this database: what is sealed in it was sealed with others. "
                "Set MILEPOST_SECRET_KEYS to the keys that it was set up with, or put the file "
                "secret.keys back beside the data."
            ) from None
        self.epoch: str = row[1].hex[:8]
        # Epochs that a restoration ended, with the instant from which their readers read again.
        self.ended: dict[str, datetime] = {epoch.hex[:8]: instant for epoch, instant in ended}

    async def close(self) -> None:
        await self._pool.close()

    @property
    def pepper(self) -> Pepper:
        assert self._pepper is not None, "the database is not open"
        return self._pepper

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Lend a session of the pool."""
        async with self._pool.connection() as session:
            yield session

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Lend a session with a transaction open on it, committed at the end."""
        async with self._pool.connection() as session, session.transaction():
            yield session

    async def dedicated(self, **settings: str) -> Session:
        """Open a session of its own, with the given server settings; the caller closes it."""
        session: Session = await psycopg.AsyncConnection.connect(
            self.url, autocommit=True, application_name="milepost"
        )
        for name, value in settings.items():
            await session.execute("select set_config(%s, %s, false)", (name, value))
        return session


async def fetch_one(
    session: Session, query: str, values: Sequence[Any] | dict[str, Any] = ()
) -> TupleRow | None:
    """Run a query that gives one row or none."""
    cursor = await session.execute(query.encode(), values)
    return await cursor.fetchone()


async def fetch_all(
    session: Session, query: str, values: Sequence[Any] | dict[str, Any] = ()
) -> list[TupleRow]:
    """Run a query that gives a list of rows."""
    cursor = await session.execute(query.encode(), values)
    return await cursor.fetchall()
