"""What happens to a connection whose provider no longer accepts its credentials."""

from __future__ import annotations

import msgspec

from milepost import ids
from milepost.store import connections
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Session
from milepost.store.queries import queries
from milepost.sync.telling import Teller
from milepost.webhooks import emit

SQL = queries("finish")


async def disconnect(
    session: Session, connection: ConnectionRow, teller: Teller, *, link_url: str
) -> None:
    """Mark the connection as disconnected and tell of it, in the caller's transaction.

    Its token, history and coverage stay: whoever links it again goes on where it stopped.
    """
    at = await connections.stamp(session, connection.id)
    cursor = await session.execute(SQL["disconnect"].encode(), {"id": connection.id, "at": at})
    if cursor.rowcount:
        now = msgspec.structs.replace(connection, status="disconnected", updated_at=at)
        shown = now.published(teller.basic.provider.name, link_url, None)
        await emit.about_connection(session, now, "connection.disconnected", shown, at)


def link_url(public_url: str, connection: ConnectionRow) -> str:
    """Where the fleet's user links the connection again."""
    return f"{public_url.rstrip('/')}/link/connection/{ids.show('connection', connection.id)}"
