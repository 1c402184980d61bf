"""Issues, over all connections of an application."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec import UNSET

from milepost import ids
from milepost.api.documents import missing
from milepost.api.guides import with_guides
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import (
    CURSOR,
    LIMIT,
    choice,
    expand,
    identifier,
    identifier_filter,
    instant,
)
from milepost.models.issue import ISSUE_CODES, SUCCESSORS, Issue
from milepost.store import connections, issue_list, issues
from milepost.store.issue_list import IssueColumns, IssueSearch
from milepost.store.pool import Session
from milepost.sync import resolving
from milepost.sync.telling import Teller

EXPAND = expand("connection")
ISSUE_ID = identifier("issueId", "issue", "The issue")
CONNECTION_ID = identifier_filter("connectionId", "connection", "Only issues of this connection")
ERROR_CODE = choice("errorCode", ISSUE_CODES, "Only issues with this code; older names work too")
STATUS = choice("status", ["ongoing", "resolved"], "Only issues of this status")
REPORTED_AFTER = instant("lastReportedAfter", "Only issues last observed at or after this time")
REPORTED_BEFORE = instant("lastReportedBefore", "Only issues last observed at or before this time")


async def list_issues(call: Call) -> Page:
    values, application_id = call.values, call.caller.application_id
    bookmarks = call.bookmarks()
    place = bookmarks.read(values[CURSOR])
    code = values[ERROR_CODE]
    search = IssueSearch(
        connection_id=values[CONNECTION_ID],
        code=SUCCESSORS.get(code, code),
        status=values[STATUS],
        reported_after=values[REPORTED_AFTER],
        reported_before=values[REPORTED_BEFORE],
    )
    rows = await issue_list.page(
        call.session,
        application_id,
        search,
        before=UUID(bytes=place[0]) if place else None,
        limit=values[LIMIT] + 1,
    )
    page, last = cut(rows, values[LIMIT])
    shown = [issues.published(row) for row in page]
    if "connection" in values[EXPAND]:
        shown = await _expanded(call, call.session, page)
    shown = with_guides(shown, call.house.public_url)
    return Page(shown, bookmarks.write(last[0].bytes) if last else UNSET)


async def resolve_issue(call: Call) -> Issue:
    """Resolve an issue until it is observed again; resolving it twice changes nothing."""
    application_id, issue_id = call.caller.application_id, call.values[ISSUE_ID]
    async with call.house.database.transaction() as session:
        found = await issue_list.find(session, application_id, issue_id)
        if found is None:
            raise missing("issue", issue_id)
        connection_id = found[-1]
        at = await connections.stamp(session, connection_id)
        row = await connections.get(session, connection_id)
        assert row is not None
        teller = Teller(row, call.house.reception.provider_name(row.provider))
        resolved = await resolving.resolve(
            session,
            teller,
            call.house.registry,
            issue_id,
            at,
            guided=lambda issue: with_guides([issue], call.house.public_url)[0],
        )
        if resolved is None:
            return with_guides([issues.published(found)], call.house.public_url)[0]
    return resolved


async def _expanded(call: Call, session: Session, rows: Sequence[IssueColumns]) -> list[Issue]:
    named = {row[-1] for row in rows}
    known = await connections.by_ids(session, call.caller.application_id, list(named))
    shown = {
        ids.show("connection", each.id): call.house.reception.shown(each) for each in known.values()
    }
    return [
        msgspec.structs.replace(issue, connection=shown[str(issue.connection)])
        for issue in map(issues.published, rows)
    ]


OPERATIONS = [
    Operation(
        id="listIssues",
        method="GET",
        path="/issues",
        tag="Issues",
        summary="List Issues",
        description="What may leave data incomplete without failing a sync, newest first.",
        answer=list[Issue],
        handler=list_issues,
        needs="application",
        reads=True,
        parameters=[
            LIMIT,
            CURSOR,
            REPORTED_AFTER,
            REPORTED_BEFORE,
            EXPAND,
            CONNECTION_ID,
            ERROR_CODE,
            STATUS,
        ],
    ),
    Operation(
        id="resolveIssue",
        method="POST",
        path="/issues/{issueId}/resolve",
        tag="Issues",
        summary="Resolve Issue",
        description="Marks an issue as resolved until it is observed again.",
        answer=Issue,
        handler=resolve_issue,
        needs="application",
        parameters=[ISSUE_ID],
        refusals=[404, 422],
    ),
]
