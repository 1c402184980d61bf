"""Somebody says that an issue is settled; of a loss that was too large to believe, that it is one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from milepost.kit.registry import Registry
from milepost.models.issue import Issue
from milepost.store import issues, merge_documents
from milepost.store.pool import Session
from milepost.sync.telling import LOSS, Teller
from milepost.webhooks import emit


async def resolve(
    session: Session,
    teller: Teller,
    registry: Registry,
    issue_id: UUID,
    at: datetime,
    *,
    guided: Callable[[Issue], Issue] = lambda issue: issue,
) -> Issue | None:
    """Resolve an issue under the connection's stamp `at`, and tell of it; None when it is not ongoing.

    `guided` adds to the issue where one reads on, where that is known. What two listings missed and a third was awaited for is removed at once.
    """
    connection = teller.connection
    subject = await issues.subject(session, connection.id, issue_id)
    resolved = await issues.resolve(session, connection.id, issue_id, at)
    if resolved is None:
        return None
    resolved = guided(resolved)
    if subject and subject.endswith(LOSS) and connection.provider in registry:
        lost = subject.removesuffix(LOSS)
        for spec in registry.manifest(connection.provider).streams:
            if spec.name == lost:
                gone = await merge_documents.let_go(session, connection.id, spec.model, at)
                await teller.changes(session, spec.model, gone, at)
    await emit.about(session, connection, teller.basic, "issue.resolved", at, issue=resolved)
    return resolved
