"""`milepost restored`: go on with a database that was put back to an older state."""

from __future__ import annotations

import json as jsonlib

import psycopg

from milepost import clock
from milepost.cli import running
from milepost.cli.database import database, require_migrated
from milepost.config import Settings
from milepost.errors import SetupError
from milepost.store import restoration


def restored(*, dry_run: bool = False, json: bool = False) -> int:
    """Tell Milepost that its database was restored from a backup, before anything runs on it again.

    Cursors of clients end with a clear error that says from when to read again; numbers of events that
    were told and lost are not given to others; the next syncs fetch what is missing. Run it once after
    each restoration, while the API and the workers are stopped: docs/how-to/restore.md.

    Args:
        dry_run: Print what the backup holds and change nothing.
        json: Print `{"reachesTo", "connections", "applications", "dryRun"}`.
    """
    return running.run(_restored(running.settings(), dry_run=dry_run, json=json))


async def _restored(settings: Settings, *, dry_run: bool, json: bool) -> int:
    async with database(settings) as url:
        await require_migrated(url)
        session = await psycopg.AsyncConnection.connect(
            url, autocommit=True, application_name="milepost-restored"
        )
        async with session, session.transaction():
            if not dry_run and (running_ones := await restoration.processes(session)):
                raise SetupError(
                    f"The API or workers have {running_ones} sessions open on this database: stop them first."
                )
            look = restoration.look if dry_run else restoration.declare
            held = await look(session)
    reaches_to = clock.iso(held.reaches_to)
    if json:
        print(jsonlib.dumps({
            "reachesTo": reaches_to, "connections": held.connections, "applications": held.applications,
            "dryRun": dry_run,
        }))  # fmt: skip
        return 0
    print(
        f"The backup reaches to {reaches_to}: {held.connections} connections, {held.applications} applications."
    )
    if not dry_run:
        print(
            "Readers are told to read again from then; connections sync as soon as a worker runs."
        )
    return 0
