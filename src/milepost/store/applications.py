"""Applications: who uses this installation, and the keys that they come with."""

from __future__ import annotations

from uuid import UUID

import msgspec

from milepost import ids
from milepost.store.pool import Database, Session, fetch_one
from milepost.store.queries import queries
from milepost.vault import new_token

SQL = queries("applications")


class NewApplication(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An application with its keys in clear: the only time that they are seen."""

    application_id: str
    secret_key: str
    publishable_key: str


async def create(database: Database, name: str) -> NewApplication:
    """Make an application with one secret and one publishable key; only their digests are stored."""
    application_id = ids.new()
    keys = {"secret": new_token("sk_prod_"), "publishable": new_token("pk_prod_")}
    async with database.transaction() as session:
        await session.execute(SQL["insert"].encode(), {"id": application_id, "name": name})
        for kind, key in keys.items():
            values = {
                "digest": database.pepper.digest(key),
                "application_id": application_id,
                "kind": kind,
                "hint": key[-4:],
            }
            await session.execute(SQL["add_key"].encode(), values)
    return NewApplication(
        application_id=ids.show("application", application_id),
        secret_key=keys["secret"],
        publishable_key=keys["publishable"],
    )


async def exists(session: Session, application_id: UUID) -> bool:
    return await fetch_one(session, SQL["exists"], {"id": application_id}) is not None


async def events_off(session: Session, application_id: UUID) -> frozenset[str]:
    """List the types of events that are not told to the application."""
    row = await fetch_one(session, SQL["events_off"], {"id": application_id})
    return frozenset(row[0]) if row else frozenset()


async def by_secret_key(session: Session, digest: bytes) -> UUID | None:
    """Say whose the secret key with this digest is."""
    row = await fetch_one(session, SQL["by_secret_key"], {"digest": digest})
    return row[0] if row else None
