"""What providers sign their webhooks with, and the hints that they give: that there is something to fetch."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from milepost.store import connections
from milepost.store.pool import Session, fetch_one
from milepost.store.queries import queries

SQL = queries("provider_webhooks")

# However often a provider hints, syncs for that begin a minute apart.
APART = timedelta(minutes=1)


async def keep(session: Session, connection_id: UUID, sealed_secret: bytes, at: datetime) -> None:
    """Keep the secret of a connection's provider webhook, in the place of an older one."""
    values = {"connection_id": connection_id, "sealed_secret": sealed_secret, "at": at}
    await session.execute(SQL["keep"].encode(), values)


async def forget(session: Session, connection_id: UUID) -> bool:
    cursor = await session.execute(SQL["forget"].encode(), {"connection_id": connection_id})
    return cursor.rowcount > 0


async def secret(session: Session, connection_id: UUID) -> tuple[bytes, str] | None:
    """Return the sealed secret and the provider's code; None where nothing may be hinted."""
    row = await fetch_one(session, SQL["secret"], {"connection_id": connection_id})
    return (row[0], row[1]) if row else None


async def hint(session: Session, connection_id: UUID) -> None:
    """Note that there is something new, and let the next sync come soon; in the caller's transaction."""
    at = await connections.stamp(session, connection_id)
    values = {"connection_id": connection_id, "at": at, "apart": APART}
    await session.execute(SQL["hint"].encode(), values)
    await session.execute(SQL["bring_forward"].encode(), values)


async def ask_again(session: Session, connection_id: UUID, soon: datetime) -> None:
    """Let a hint that came while a sync was at work be followed by another sync."""
    values = {"connection_id": connection_id, "soon": soon}
    await session.execute(SQL["ask_again"].encode(), values)
