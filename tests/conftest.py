"""The database that tests stand on: a real PostgreSQL, and in it a fresh, migrated database for each test."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from milepost.store.migrate import migrate

# One server for the whole run: the first process of the run starts it, all of them find it here.
_SERVER, _RUN = "MILEPOST_TEST_DATABASE_URL", "MILEPOST_TEST_RUN"
_TEMPLATE_LOCK = 7_306_532
_server: subprocess.Popen[bytes] | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _server  # noqa: PLW0603  pytest offers a conftest no other place to keep it.
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    os.environ[_RUN] = secrets.token_hex(4)
    if _SERVER not in os.environ:
        folder = Path(tempfile.gettempdir()) / f"milepost-test-{os.environ[_RUN]}"
        os.environ[_SERVER] = f"postgresql://postgres@/postgres?host={quote(str(folder / 'run'))}"
        # It is not waited for here: pure tests begin at once, and it is up before they end.
        server = Path(__file__).parent / "server.py"
        _server = subprocess.Popen(
            [sys.executable, str(server), str(folder)], stdin=subprocess.PIPE
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _RUN not in os.environ:
        return
    if _server is None:
        with psycopg.connect(os.environ[_SERVER], autocommit=True) as session:
            _drop(session, _template())
        return
    assert _server.stdin is not None
    _server.stdin.close()
    assert _server.wait(60) == 0, "the tests' PostgreSQL did not end well"
    del os.environ[_SERVER]


@pytest.fixture(scope="session")
def server_url() -> str:
    """The address of the server's own database, once it answers."""
    url = os.environ[_SERVER]
    for _ in range(600):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if _server is not None and _server.poll() is not None:
                break
            time.sleep(0.05)  # Nothing tells that a server of another process is up.
        else:
            return url
    raise RuntimeError("the tests' PostgreSQL does not answer")


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a migrated database that the tests' own are copies of."""
    with psycopg.connect(server_url, autocommit=True) as session:
        session.execute("select pg_advisory_lock(%s)", (_TEMPLATE_LOCK,))
        made = session.execute(
            "select 1 from pg_database where datname = %s", (_template(),)
        ).fetchone()
        if made is None:
            draft = f"{_template()}_draft"
            session.execute(sql.SQL("create database {}").format(sql.Identifier(draft)))
            asyncio.run(migrate(_at(server_url, draft)))
            names = map(sql.Identifier, (draft, _template()))
            session.execute(sql.SQL("alter database {} rename to {}").format(*names))
    return _template()


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The address of a fresh, migrated database for one test."""
    name = f"milepost_test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as session:
        names = map(sql.Identifier, (name, template))
        session.execute(sql.SQL("create database {} template {}").format(*names))
        try:
            yield _at(server_url, name)
        finally:
            _drop(session, name)


def _template() -> str:
    return f"milepost_template_{os.environ[_RUN]}"


def _drop(session: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    session.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _at(server_url: str, database: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{database}"))
