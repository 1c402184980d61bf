"""After the database was put back to an older state: nothing that was told since then is told differently."""

from __future__ import annotations

from datetime import datetime

import msgspec

from milepost.store.pool import Session, fetch_one
from milepost.store.queries import queries

SQL = queries("restoration")

# An application would have to have this many events between a backup and its loss for a number to be given
# twice: 200 a second for 57 days.
NUMBERS_LEFT_OUT = 1_000_000_000


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What the backup held: its newest change, and of how many connections and applications."""

    reaches_to: datetime
    connections: int
    applications: int


async def processes(session: Session) -> int:
    """Count the sessions of ours that are open on this database."""
    row = await fetch_one(session, SQL["others"])
    assert row is not None
    return int(row[0])


async def look(session: Session) -> Restored:
    """Say what the database holds."""
    row = await fetch_one(session, SQL["backup"])
    assert row is not None
    return Restored(reaches_to=row[0], connections=row[1], applications=row[2])


async def declare(session: Session) -> Restored:
    """Part what is from before the restoration from what comes after it; in the caller's transaction.

    Cursors end. Stamps go on from now, so that what is fetched again is later than whatever readers saw.
    Numbers of events go on far beyond those that were given and lost. Connections are due for a sync.
    """
    held = await look(session)
    row = await fetch_one(session, SQL["end_epoch"], {"reaches_to": held.reaches_to})
    assert row is not None
    await session.execute(SQL["move_stamps"].encode(), {"at": row[0]})
    await session.execute(SQL["leave_out_numbers"].encode(), {"step": NUMBERS_LEFT_OUT})
    return held
