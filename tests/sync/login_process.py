"""A process that asks the provider on behalf of a connection, many times at once; started by tests."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from uuid import UUID

from milepost.errors import MilepostError
from milepost.kit import registry
from milepost.kit.contract import Connector
from milepost.store import connections
from milepost.store.pool import Database
from milepost.sync.lines import Lines
from milepost.vault import Vault


async def main(connection_id: UUID, times: int) -> None:
    database = Database(os.environ["DATABASE_URL"], Vault([os.environ["INSTALLATION_KEY"]]))
    await database.open()
    apps = {"samsara": {"client_id": "ours", "client_secret": "quiet"}}
    providers = registry.load({"samsara": os.environ["SAMSARA_URL"]}, {"samsara": 0}, apps)
    async with database.session() as session:
        connection = await connections.get(session, connection_id)
    assert connection is not None
    lines = Lines(database, providers)
    print("ready", flush=True)  # noqa: T201  Read by the test.
    await asyncio.to_thread(sys.stdin.readline)
    came = await asyncio.gather(*[ask(await lines.open(connection)) for _ in range(times)])
    print(dict(Counter(came)), flush=True)  # noqa: T201  Read by the test.
    await database.close()


async def ask(connector: Connector) -> str:
    try:
        await connector.account()
    except MilepostError as error:
        return type(error).__name__
    finally:
        await connector.aclose()
    return "ok"


asyncio.run(main(UUID(sys.argv[1]), int(sys.argv[2])))
