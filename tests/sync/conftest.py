"""A database with one application and one connected fleet in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from milepost import clock, ids
from milepost.models.connection import Account, Company, Options
from milepost.store import applications, connections
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.vault import ConnectionKey, Vault, new_installation_key, new_token


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    found = Database(database_url, Vault([new_installation_key()]))
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def application_id(database: Database) -> UUID:
    made = await applications.create(database, "Tests")
    return ids.read("application", made.application_id)


@pytest.fixture
async def connection(database: Database, application_id: UUID) -> ConnectionRow:
    return await connect(database, application_id)


async def connect(
    database: Database, application_id: UUID, provider: str = "samsara"
) -> ConnectionRow:
    """Write a connected fleet without asking its provider."""
    token = new_token("con_tkn_")
    values = {
        "id": ids.new(),
        "application_id": application_id,
        "provider": provider,
        "sync_mode": "manual",
        "source_id": "1",
        "company": Company(),
        "account": Account(),
        "options": Options(),
        "filters": None,
        "external_id": None,
        "tags": [],
        "token_digest": database.pepper.digest(token),
        "sealed_token": database.vault.seal(token.encode()),
        "sealed_key": database.vault.seal(ConnectionKey.new().bytes),
        "sealed_credentials": database.vault.seal(b'{"apiKey":"key"}'),
        "at": clock.now(),
        "next_sync_at": None,
    }
    async with database.transaction() as session:
        return await connections.insert(session, values)
