"""Writes records straight into a fleet's store, as the merge of a page does, and makes the models that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from milepost import clock, ids
from milepost.api.documents import connection_key
from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.models.driver import Driver
from milepost.models.fault import FaultCodeEvent
from milepost.models.hos import HOSDailyLog, HOSLog, HOSStatusDurations
from milepost.models.safety import SafetyEvent
from milepost.models.trip import Trip
from milepost.models.vehicle import Vehicle
from milepost.store import archive, connections, merge_documents
from milepost.store.pool import Database, Session
from milepost.store.visibility import rule_of

if TYPE_CHECKING:
    from tests.api.conftest import Client


DAWN = datetime(2026, 1, 5, 6, tzinfo=UTC)


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
        async with self.database.transaction() as session:
            return await self.write(session, model, records)

    async def write(self, session: Session, model: str, records: Sequence[Any]) -> datetime:
        """Merge them in the caller's transaction."""
        connection_id = self.identity.connection_id
        cuts = [
            Cut(
                body=msgspec.json.encode({"record": each.id}),
                schema=f"test.{model}",
                records=[each],
            )
            for each in records
        ]
        row = await connections.get(session, connection_id)
        assert row is not None
        stamp = await connections.stamp(session, connection_id)
        raw_cuts = archive.number(cuts, stamp)
        await merge_documents.merge(
            session, model, raw_cuts, self.identity, stamp, rule=rule_of(row.filters, model)
        )
        key = connection_key(self.database.vault, row)
        await archive.keep(session, connection_id, key, raw_cuts, stamp)
        return stamp

    async def withdraw(self, model: str, public_id: str) -> datetime:
        """Bury a record, as the end of a window that no longer names it does."""
        async with self.database.transaction() as session:
            connection_id = self.identity.connection_id
            stamp = await connections.stamp(session, connection_id)
            gone = [ids.read(model, public_id)]
            await merge_documents.withdraw(session, connection_id, model, gone, stamp)
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


def at(hours: float) -> str:
    return clock.iso(DAWN + timedelta(hours=hours))


def duty(book: Book, number: int, **more: Any) -> HOSLog:
    """Duty status number n of the day: it starts n hours after dawn."""
    told: dict[str, Any] = {
        "id": book.id("hos_log", str(number)),
        "source_id": str(number),
        "provider": "samsara",
        "status": "driving",
        "driver": book.id("driver", "1"),
        "started_at": at(number),
        "remarks": [],
        **more,
    }
    return HOSLog(**told)


def trip(book: Book, number: int, **more: Any) -> Trip:
    """Trip number n of the day: it starts n hours after dawn, and lasts half an hour."""
    told: dict[str, Any] = {
        "id": book.id("trip", str(number)),
        "source_id": str(number),
        "provider": "samsara",
        "vehicle": book.id("vehicle", "1"),
        "started_at": at(number),
        "ended_at": at(number + 0.5),
        "duration": 1_800_000,
        **more,
    }
    return Trip(**told)


def day(book: Book, number: int, **more: Any) -> HOSDailyLog:
    told: dict[str, Any] = {
        "id": book.id("hos_daily_log", str(number)),
        "source_id": str(number),
        "provider": "samsara",
        "driver": book.id("driver", "1"),
        "date": f"2026-01-{5 + number:02}",
        "status_durations": HOSStatusDurations(driving=1000),
        **more,
    }
    return HOSDailyLog(**told)


def incident(book: Book, number: int, **more: Any) -> SafetyEvent:
    """Safety event number n of the day: it starts n hours after dawn."""
    told: dict[str, Any] = {
        "id": book.id("safety_event", str(number)),
        "source_id": str(number),
        "provider": "samsara",
        "type": "harsh_brake",
        "vehicle": book.id("vehicle", "1"),
        "started_at": at(number),
        **more,
    }
    return SafetyEvent(**told)


def fault(book: Book, number: int, **more: Any) -> FaultCodeEvent:
    """Fault number n of the day: it is seen n hours after dawn, and its code is n."""
    told: dict[str, Any] = {
        "id": book.id("fault_code_event", str(number)),
        "provider": "samsara",
        "vehicle": book.id("vehicle", "1"),
        "protocol": "obdii",
        "code": str(number),
        "status": "open",
        "observed_at": at(number),
        **more,
    }
    return FaultCodeEvent(**told)
