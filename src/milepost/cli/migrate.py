"""`milepost migrate`: bring the database to the schema of this version."""

from __future__ import annotations

import json as jsonlib

from milepost.cli import running
from milepost.cli.database import database
from milepost.store import migrate as schema


def migrate(*, json: bool = False) -> int:
    """Apply the migrations that the database lacks, and print their names.

    Run it before starting a new version of `milepost api` and `milepost worker`; `milepost up` does it
    by itself.

    Args:
        json: Print `{"applied": […]}`.
    """
    return running.run(_migrate(json=json))


async def _migrate(*, json: bool) -> int:
    async with database(running.settings()) as url:
        applied = await schema.migrate(url)
    if json:
        print(jsonlib.dumps({"applied": applied}))
    elif applied:
        print("\n".join(f"applied {name}" for name in applied))
    else:
        print("The database is up to date.")
    return 0
