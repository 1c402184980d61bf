"""A database with one connected fleet in it, a sandbox that plays its provider, and a worker on call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from tests.sync import ward as wards
from tests.sync.house import House, connect

from milepost import ids
from milepost.kit import registry
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store import applications
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.vault import Vault, new_installation_key


@pytest.fixture
def installation_key() -> str:
    return new_installation_key()


@pytest.fixture
async def database(database_url: str, installation_key: str) -> AsyncIterator[Database]:
    found = Database(database_url, Vault([installation_key]))
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


@pytest.fixture
async def house(database: Database, application_id: UUID) -> AsyncIterator[House]:
    """A fleet of four trucks that drove the first hours of a quiet day, whose pages are small."""
    settings = Settings(vehicles=4, limits=False, page_readings=400)
    simulator = Sandbox(settings, registry.load().simulators())
    async with serving(simulator) as url:
        apps = {"samsara": {"client_id": "ours", "client_secret": "quiet"}}
        providers = registry.load({"samsara": f"{url}/samsara"}, {"samsara": 0}, apps)
        connection = await connect(database, application_id)
        made = House(database, connection, simulator, providers)
        async with made.queue.open_async():
            yield made


@pytest.fixture
async def ward(
    database: Database, application_id: UUID, installation_key: str
) -> AsyncIterator[wards.Ward]:
    """A provider with two small trucks, and a process that runs workers until they die."""
    async with wards.opened(database, application_id, installation_key) as found:
        yield found
