"""A process that numbers and delivers, to be killed: told by its environment what to work on."""

from __future__ import annotations

import asyncio
import os

from milepost.kit.addresses import allowed
from milepost.store.pool import Database
from milepost.vault import Vault
from milepost.webhooks import run as webhooks


async def main() -> None:
    database = Database(os.environ["DATABASE_URL"], Vault([os.environ["SECRET_KEY"]]))
    await database.open()
    await webhooks.run(database, allowed(["127.0.0.1"]), retry_scale=0.002)


if __name__ == "__main__":
    asyncio.run(main())
