"""`milepost link token`: a public token for a connection, as Link hands one out at its end."""

from __future__ import annotations

import json as jsonlib
from uuid import UUID

from milepost import ids
from milepost.cli import running
from milepost.cli.database import database, require_migrated
from milepost.config import Settings, keys_for
from milepost.errors import SetupError
from milepost.store import public_tokens
from milepost.store.pool import Database
from milepost.vault import Vault


def token(
    *,
    connection: str,
    application: str,
    json: bool = False,
) -> int:
    """Print a public token for a connection: `POST /public-token/exchange` takes it, once and soon.

    Args:
        connection: The connection, `conn_…`.
        application: The application that it belongs to, `app_…`.
        json: Print `{"publicToken"}`.
    """
    connection_id = _read("connection", connection)
    application_id = _read("application", application)
    return running.run(_mint(running.settings(), application_id, connection_id, json=json))


async def _mint(
    settings: Settings, application_id: UUID, connection_id: UUID, *, json: bool
) -> int:
    async with database(settings) as url:
        await require_migrated(url)
        place = Database(url, Vault(keys_for(settings)), pool_size=1)
        await place.open()
        try:
            made = await public_tokens.mint(place, application_id, connection_id)
        finally:
            await place.close()
    if made is None:
        raise SetupError("There is no such connection of this application.")
    print(jsonlib.dumps({"publicToken": made}) if json else made)
    return 0


def _read(model: str, text: str) -> UUID:
    try:
        return ids.read(model, text)
    except ValueError as error:
        raise SetupError(f"--{model} {error}.") from None
