"""`milepost app create`: an application and its keys."""

from __future__ import annotations

import json as jsonlib

from milepost.cli import running
from milepost.cli.database import database
from milepost.config import Settings, keys_for
from milepost.store import applications
from milepost.store.migrate import migrate
from milepost.store.pool import Database
from milepost.vault import Vault


def create(name: str, /, *, json: bool = False) -> int:
    """Create an application and print its keys; they are shown this once only.

    Args:
        name: What the application is called.
        json: Print `{"applicationId", "secretKey", "publishableKey"}`.
    """
    return running.run(_create(running.settings(), name, json=json))


async def _create(settings: Settings, name: str, *, json: bool) -> int:
    async with database(settings) as url:
        await migrate(url)
        made = await new_application(url, keys_for(settings), name)
    if json:
        print(jsonlib.dumps(made))
        return 0
    print(f"Application  {made['applicationId']}  {name}")
    print(f"Secret key   {made['secretKey']}")
    print(f"Publishable  {made['publishableKey']}")
    print("Keep the secret key safe: Milepost keeps only a hash of it and cannot show it again.")
    return 0


async def new_application(url: str, keys: list[str], name: str) -> dict[str, str]:
    """Create an application; return `applicationId`, `secretKey` and `publishableKey`."""
    place = Database(url, Vault(keys), pool_size=1)
    await place.open()
    try:
        made = await applications.create(place, name)
    finally:
        await place.close()
    return {
        "applicationId": made.application_id,
        "secretKey": made.secret_key,
        "publishableKey": made.publishable_key,
    }
