"""Public tokens: each is exchanged once, soon, and by its own application for the connection behind it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from milepost import clock
from milepost.store.pool import Database, Session, fetch_one
from milepost.store.queries import queries
from milepost.vault import new_token

SQL = queries("public_tokens")

# Time enough to come back from the Link page; the reference names none.
LIFE = timedelta(minutes=30)


async def mint(database: Database, application_id: UUID, connection_id: UUID) -> str | None:
    """Make a token for a connection of the application; None where it has no such connection."""
    token = new_token("pub_tkn_")
    values = {
        "application_id": application_id,
        "connection_id": connection_id,
        "digest": database.pepper.digest(token),
        "expires_at": clock.now() + LIFE,
    }
    async with database.transaction() as session:
        await session.execute(SQL["drop_stale"].encode(), values)
        cursor = await session.execute(SQL["insert"].encode(), values)
    return token if cursor.rowcount else None


async def spend(session: Session, application_id: UUID, digest: bytes) -> UUID | None:
    """Spend the token with this digest; None where it is spent, too old, foreign, or never was."""
    row = await fetch_one(
        session, SQL["spend"], {"application_id": application_id, "digest": digest}
    )
    return row[0] if row and row[1] else None
