"""Issues over HTTP: listed over all connections, narrowed, resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.api.conftest import PUBLIC_URL

from milepost.api import guides
from milepost.models.issue import ISSUE_CODES, RESOLUTIONS, SUCCESSORS

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site


@pytest.fixture
async def troubled(site: Site, client: Client) -> Client:
    """A client of two connections with four issues each."""
    for _ in range(2):
        await client.connect()
    await site.run(
        "insert into issue select c.id, gen_random_uuid(), v.code, 'x', 'Missing', v.status, at, at"
        " from connection c, (values"
        " ('permission_missing', 'ongoing', '2026-01-01T00:00:00Z'::timestamptz),"
        " ('retention_window_exceeded', 'ongoing', '2026-02-01T00:00:00Z'),"
        " ('data_delayed', 'resolved', '2026-03-01T00:00:00Z'),"
        " ('stream_disabled', 'resolved', '2026-04-01T00:00:00Z')) v (code, status, at)"
    )
    # Real ids of issues are ULIDs, whose first character is 7 at the most.
    await site.run("update issue set id = overlay(id::text placing '0'::text from 1)::uuid")
    return client


async def test_issues_of_all_connections_are_listed_page_by_page(troubled: Client) -> None:
    whole = await troubled.every("/issues")

    assert len(whole) == 8
    assert len({each["connection"] for each in whole}) == 2
    for limit in (1, 3, 8):
        assert await troubled.every("/issues", limit=limit) == whole


async def test_issues_are_narrowed(troubled: Client) -> None:
    whole = await troubled.every("/issues")
    connection = whole[0]["connection"]
    at = "2026-02-01T00:00:00.000Z"

    def expected(keep: object) -> list[object]:
        return [each for each in whole if keep(each)]  # type: ignore[operator]

    assert await troubled.every("/issues", connectionId=connection) == expected(
        lambda each: each["connection"] == connection
    )
    assert await troubled.every("/issues", status="resolved", limit=1) == expected(
        lambda each: each["status"] == "resolved"
    )
    assert await troubled.every("/issues", lastReportedAfter=at) == expected(
        lambda each: each["lastReportedAt"] >= at
    )
    assert await troubled.every("/issues", lastReportedBefore=at) == expected(
        lambda each: each["lastReportedAt"] <= at
    )


@pytest.mark.parametrize("code", ["permission_missing", "missing_permissions"])
async def test_an_error_code_is_understood_by_its_old_name_too(troubled: Client, code: str) -> None:
    found = await troubled.every("/issues", errorCode=code)

    assert [each["error"]["code"] for each in found] == ["permission_missing"] * 2


async def test_issues_show_their_connection_on_request(troubled: Client) -> None:
    connections = {each["id"]: each for each in await troubled.every("/connections")}

    for each in await troubled.every("/issues", expand="connection"):
        assert each["connection"] == connections[each["connection"]["id"]]


async def test_a_resolved_issue_stays_resolved_and_is_told_of_once(
    site: Site, troubled: Client
) -> None:
    (issue, *_) = await troubled.every("/issues", status="ongoing")

    first = await troubled.post(f"/issues/{issue['id']}/resolve")
    second = await troubled.post(f"/issues/{issue['id']}/resolve")

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == {**issue, "status": "resolved"} == second.json()
    assert issue["id"] not in {e["id"] for e in await troubled.every("/issues", status="ongoing")}
    events = await site.rows("select detail from event where type = 'issue.resolved'")
    assert [event[0]["issue"] for event in events] == [first.json()]
    assert events[0][0]["connection"]["id"] == issue["connection"]


async def test_an_unknown_issue_is_a_404(client: Client) -> None:
    answer = await client.post("/issues/isu_01GV12VR4DJP70GD1ZBK0SDWFH/resolve")

    assert answer.status_code == 404


async def test_each_issue_says_who_ends_it_and_where_to_read_about_it(
    site: Site, troubled: Client
) -> None:
    found = await troubled.every("/issues")

    assert {each["error"]["code"]: each["resolutionType"] for each in found} == {
        "permission_missing": "action_required",
        "retention_window_exceeded": "known_limitation",
        "data_delayed": "automatic_retry",
        "stream_disabled": "terminal_managed",
    }
    for each in found:
        code = each["error"]["code"]
        assert each["documentationUrl"] == f"{PUBLIC_URL}/docs/issues#{code}"
        page = await site.http.get("/docs/issues")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert f'id="{code}"' in page.text
    again = await troubled.post(f"/issues/{found[0]['id']}/resolve")
    assert again.json()["documentationUrl"] == found[0]["documentationUrl"]


def test_every_code_that_is_emitted_has_a_resolution_and_a_guide_and_no_older_one_has() -> None:
    emitted = [code for code in ISSUE_CODES if code not in SUCCESSORS]

    assert len(emitted) == 19
    assert list(RESOLUTIONS) == list(guides.GUIDES) == emitted
    assert set(RESOLUTIONS.values()) <= set(guides.WHO)
    assert set(SUCCESSORS.values()) <= set(emitted)
