"""Short links: what the Link page is to be opened with, found by a code of eight characters."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from milepost import clock, ids
from milepost.store.pool import Session, fetch_one
from milepost.store.queries import queries

SQL = queries("short_links")

LIFE = timedelta(days=365)
# Without what is mistaken for something else: i, l, o, 0, 1.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LENGTH = 8


class ShortLink(msgspec.Struct, frozen=True):
    id: UUID
    code: str
    expires_at: datetime


async def keep(
    session: Session, application_id: UUID, body: msgspec.Struct
) -> tuple[ShortLink, bool]:
    """Write a link; where one with the same body is there, return that, and True."""
    text = msgspec.json.encode(body, order="deterministic")
    now = clock.now()
    values = {
        "application_id": application_id,
        "digest": hashlib.blake2b(text, digest_size=32).digest(),
        "body": Jsonb(msgspec.json.decode(text)),
        "now": now,
        "expires_at": now + LIFE,
    }
    await session.execute(SQL["drop_stale"].encode(), values)
    while True:
        found = await fetch_one(session, SQL["by_digest"], values)
        if found is not None:
            return ShortLink(*found), True
        # Nothing is written where the code is taken, or where the same body came in the same instant.
        made = {"id": ids.new(), "code": "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))}
        written = await fetch_one(session, SQL["insert"], {**values, **made})
        if written is not None:
            return ShortLink(*written), False


async def delete(session: Session, application_id: UUID, link_id: UUID) -> bool:
    """Delete a link of the application; its code is free from then on."""
    values = {"application_id": application_id, "id": link_id}
    return await fetch_one(session, SQL["delete"], values) is not None
