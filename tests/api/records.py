"""Writes records straight into a fleet's store, as the merge of a page does, and makes the models that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from milepost import ids
from milepost.api.documents import connection_key
from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.models.driver import Driver
from milepost.models.vehicle import Vehicle
from milepost.store import archive, connections, merge_documents
from milepost.store.pool import Database

if TYPE_CHECKING:
    from tests.api.conftest import Client


class Book:
    """The store of one fleet, and the client that reads it."""

    def __init__(self, database: Database, client: Client, connection_id: UUID) -> None:
        self.database = database
        self.client = client
        self.identity = Identity(connection_id)

    def id(self, model: str, source_id: str) -> str:
        return self.identity.of(model, source_id)

    async def keep(self, model: str, records: Sequence[Any]) -> datetime:
        """Merge records as one page, each with raw data that names its id; return the stamp."""
        connection_id = self.identity.connection_id
        cuts = [
            Cut(
                body=msgspec.json.encode({"record": each.id}),
                schema=f"test.{model}",
                records=[each],
            )
            for each in records
        ]
        async with self.database.transaction() as session:
            row = await connections.get(session, connection_id)
            assert row is not None
            stamp = await connections.stamp(session, connection_id)
            raw_cuts = archive.number(cuts, stamp)
            await merge_documents.merge(session, model, raw_cuts, self.identity, stamp)
            key = connection_key(self.database.vault, row)
            await archive.keep(session, connection_id, key, raw_cuts, stamp)
        return stamp

    async def withdraw(self, model: str, public_id: str) -> datetime:
        """Bury a record, as the end of a window that no longer names it does."""
        async with self.database.transaction() as session:
            stamp = await connections.stamp(session, self.identity.connection_id)
            await session.execute(
                "update document set deleted_at = %s, modified_at = %s"
                " where connection_id = %s and model = %s and id = %s",
                (stamp, stamp, self.identity.connection_id, model, ids.read(model, public_id)),
            )
        return stamp

    async def vehicles(self, *source_ids: str, **changes: Any) -> list[str]:
        """Keep vehicles; return their ids."""
        made = [
            Vehicle(
                **{
                    "id": self.id("vehicle", each),
                    "source_id": each,
                    "provider": "samsara",
                    "status": "active",
                    "name": f"Truck {each}",
                    **changes,
                }
            )
            for each in source_ids
        ]
        await self.keep("vehicle", made)
        return [each.id for each in made]

    async def drivers(self, *source_ids: str, **changes: Any) -> list[str]:
        """Keep drivers; return their ids."""
        made = [
            Driver(
                **{
                    "id": self.id("driver", each),
                    "source_id": each,
                    "provider": "samsara",
                    "status": "active",
                    **changes,
                }
            )
            for each in source_ids
        ]
        await self.keep("driver", made)
        return [each.id for each in made]


def shown_ids(records: Sequence[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]
