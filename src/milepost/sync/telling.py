"""What events say of syncs and their connection: the shapes that a run shows again and again."""

from __future__ import annotations

from datetime import datetime

from milepost.models.connection import BasicConnection
from milepost.models.event import EventType
from milepost.models.issue import IssueCode
from milepost.store import issues
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Session
from milepost.store.syncs import SyncRow
from milepost.webhooks import emit


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

    async def issue(
        self,
        session: Session,
        sync: SyncRow,
        code: IssueCode,
        subject: str,
        message: str,
        at: datetime,
    ) -> None:
        """Report an issue that the sync met; tell of it when it is news."""
        issue, news = await issues.report(
            session,
            sync.connection_id,
            code=code,
            subject=subject,
            message=message,
            at=at,
            sync_id=sync.id,
        )
        if news:
            await emit.about(
                session, self.connection, self.basic, "issue.reported", at, issue=issue
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
