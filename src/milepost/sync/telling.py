"""What events say of syncs and their connection: the shapes that a run shows again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from milepost import clock
from milepost.ids import Identity
from milepost.models.connection import BasicConnection
from milepost.models.event import EventType
from milepost.models.issue import IssueCode
from milepost.models.location import Address, Coordinates, Fix, LatestVehicleLocation
from milepost.models.meta import EntityMetadata
from milepost.store import issues
from milepost.store.connections import ConnectionRow
from milepost.store.merge_documents import Change
from milepost.store.pool import Session
from milepost.store.syncs import SyncRow
from milepost.webhooks import emit

# What is told of, and under which name its events show it.
_TOLD = {"vehicle": "vehicle", "driver": "driver", "safety_event": "safetyEvent"}

# Ends the subject of an issue about a stream that lost too much to believe.
LOSS = ":loss"


class Teller:
    """Tells of one connection's syncs and issues, each in the caller's transaction."""

    def __init__(self, connection: ConnectionRow, provider_name: str) -> None:
        self.connection = connection
        self.basic: BasicConnection = connection.basic(provider_name)

    async def sync(self, session: Session, type_: EventType, sync: SyncRow, at: datetime) -> None:
        """Tell what became of a sync."""
        found = await issues.of_syncs(session, sync.connection_id, [sync.id])
        shown = sync.published([issue.id for issue in found[sync.id]])
        await emit.about(session, self.connection, self.basic, type_, at, sync=shown)

    async def changes(
        self, session: Session, model: str, changes: Iterable[Change], stamp: datetime
    ) -> None:
        """Tell of entities that were added, modified or removed; hiding and showing are modifications."""
        if model in _TOLD:
            told: Iterable[tuple[EventType, dict[str, Any]]] = (
                (_event(model, change), {_TOLD[model]: _shown(model, change, stamp)})
                for change in changes
            )
            await emit.about_entities(session, self.connection, self.basic, told, stamp)

    async def issue(
        self,
        session: Session,
        sync: SyncRow | None,
        code: IssueCode,
        subject: str,
        message: str,
        at: datetime,
    ) -> None:
        """Report an issue, of the sync if one met it; tell of it when it is news."""
        issue, news = await issues.report(
            session,
            self.connection.id,
            code=code,
            subject=subject,
            message=message,
            at=at,
            sync_id=None if sync is None else sync.id,
        )
        if news:
            await emit.about(
                session, self.connection, self.basic, "issue.reported", at, issue=issue
            )

    async def moved(
        self, session: Session, identity: Identity, fixes: Mapping[str, Fix], at: datetime
    ) -> None:
        """Tell where vehicles are now, by their ids at the source."""
        told: Iterable[tuple[EventType, dict[str, LatestVehicleLocation]]] = (
            ("vehicle.location_updated", {"location": self._location(identity, vehicle, fix)})
            for vehicle, fix in fixes.items()
        )
        await emit.about_entities(session, self.connection, self.basic, told, at)

    def _location(self, identity: Identity, vehicle: str, fix: Fix) -> LatestVehicleLocation:
        return LatestVehicleLocation(
            provider=self.connection.provider,
            vehicle=identity.of("vehicle", vehicle),
            located_at=clock.iso(fix.located_at),
            location=Coordinates(latitude=fix.latitude, longitude=fix.longitude),
            driver=UNSET if fix.driver is None else identity.of("driver", fix.driver),
            address=UNSET if fix.address is None else Address(formatted=fix.address),
            heading=UNSET if fix.heading is None else fix.heading,
            speed=UNSET if fix.speed is None else fix.speed,
        )

    async def works_again(
        self, session: Session, code: IssueCode, subject: str, at: datetime
    ) -> None:
        """Resolve the issue about a subject that works again, if there is one."""
        issue = await issues.resolve_subject(
            session, self.connection.id, code=code, subject=subject, at=at
        )
        if issue is not None:
            await emit.about(
                session, self.connection, self.basic, "issue.resolved", at, issue=issue
            )


def _event(model: str, change: Change) -> EventType:
    # The contract knows no withdrawal of what happened; it is told as a change that has a `deletedAt`.
    kind = "modified" if model == "safety_event" and change.kind == "removed" else change.kind
    return f"{model}.{kind}"  # type: ignore[return-value]


def _shown(model: str, change: Change, stamp: datetime) -> dict[str, Any]:
    removed = change.kind == "removed"
    metadata = EntityMetadata(added_at=clock.iso(change.added_at), modified_at=clock.iso(stamp))
    if model != "safety_event":
        visibility = "deleted" if removed else change.hidden or "visible"
        metadata = msgspec.structs.replace(metadata, visibility=visibility)
    if removed:
        metadata = msgspec.structs.replace(metadata, deleted_at=clock.iso(stamp))
    body: dict[str, Any] = msgspec.json.decode(change.body)
    return {**body, "metadata": metadata}
