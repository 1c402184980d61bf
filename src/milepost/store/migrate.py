"""Brings a database to the present schema: ours and the job queue's, under one lock."""

from __future__ import annotations

import importlib.resources

import psycopg
from procrastinate import App, PsycopgConnector

from milepost.errors import SetupError

# A number of ours for pg_advisory_lock: only one process migrates at a time.
_LOCK = 7_306_531
_OLDEST_SERVER = 150000


def known() -> list[str]:
    """List the names of our migrations, oldest first."""
    folder = importlib.resources.files("milepost.store").joinpath("migrations")
    return sorted(file.name[:-4] for file in folder.iterdir() if file.name.endswith(".sql"))


async def migrate(url: str) -> list[str]:
    """Apply what is missing, each migration in a transaction of its own; return the names applied."""
    applied: list[str] = []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as session:
        if session.info.server_version < _OLDEST_SERVER:
            raise SetupError(
                f"Milepost needs PostgreSQL 15 or newer; this server is {session.info.server_version // 10000}."
            )
        await session.execute("select pg_advisory_lock(%s)", (_LOCK,))
        await session.execute(
            "create table if not exists migration (name text primary key, at timestamptz not null default now())"
        )
        rows = await (await session.execute("select name from migration")).fetchall()
        done = {row[0] for row in rows}
        if "queue" not in done:
            await _install_queue(url)
            await session.execute("insert into migration (name) values ('queue')")
            applied.append("queue")
        for name in known():
            if name in done:
                continue
            file = importlib.resources.files("milepost.store").joinpath("migrations", f"{name}.sql")
            async with session.transaction():
                # Another session's open transaction must make a migration fail, not stop the world.
                await session.execute("set local lock_timeout = '4s'")
                await session.execute(file.read_bytes())
                await session.execute("insert into migration (name) values (%s)", (name,))
            applied.append(name)
    return applied


async def pending(url: str) -> list[str]:
    """List the migrations that the database lacks."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as session:
        there = await (await session.execute("select to_regclass('migration')")).fetchone()
        if there is None or there[0] is None:
            return ["queue", *known()]
        rows = await (await session.execute("select name from migration")).fetchall()
        done = {row[0] for row in rows}
        return [name for name in ["queue", *known()] if name not in done]


async def _install_queue(url: str) -> None:
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=1))
    async with app.open_async():
        if not await app.job_manager.check_connection_async():
            await app.schema_manager.apply_schema_async()
