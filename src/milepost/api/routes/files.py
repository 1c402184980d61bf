"""Files of exported data, and the provider requests that they answer; all extensions of ours."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from milepost import clock, ids
from milepost.api.documents import missing
from milepost.api.operations import Call, Operation
from milepost.api.paging import Page, cut
from milepost.api.parameters import CURSOR, LIMIT, flag, identifier, identifier_filter, text
from milepost.errors import BadRequest, Problem, Unprocessable
from milepost.kit.files import BrokenFile
from milepost.models.file import File, FileContents
from milepost.models.sync import ProviderRequestState
from milepost.store import files, provider_requests
from milepost.store.files import FileRow
from milepost.sync.receiving import Given
from milepost.sync.surveying import Survey

FILE = identifier("id", "file", "The file")
REQUEST = identifier("id", "provider_request", "The provider request")
NAME = text("name", "The file's name; where a file names no vehicle, it is taken for one's")
VEHICLE = text("vehicle", "Whom the file is about, where it names no vehicle")
TIME_ZONE = text("timeZone", "The zone of times without one, like America/Chicago")
FOR = identifier_filter(
    "providerRequest", "provider_request", "What it answers; else the oldest open"
)
MORE = flag("more", "Others follow: the provider request stays open")
DRY_RUN = flag("dryRun", "Only say what would be read; nothing is kept")

_LONGEST_NAME = 255


async def upload_file(call: Call) -> File:
    values = call.values
    name = (values[NAME] or "upload").strip()
    if len(name) > _LONGEST_NAME or len(values[VEHICLE] or "") > _LONGEST_NAME:
        problem = Problem(
            f"must not be longer than {_LONGEST_NAME} characters", "{requestQuery}.name"
        )
        raise BadRequest("Invalid request parameters", [problem])
    given = Given(
        name=name,
        vehicle=values[VEHICLE] or None,
        time_zone=values[TIME_ZONE] or None,
        request=values[FOR],
        more=values[MORE],
    )
    receiver = call.house.receiver
    try:
        if values[DRY_RUN]:
            found = await receiver.look(call.connection, call.stream, given)
            return File(status="read", name=name, contents=_contents(found))
        row = await receiver.receive(call.connection, call.stream, given)
    except BrokenFile as broken:
        detail = [Problem(broken.reason, f"{{requestBody}}.line[{broken.line}]")]
        raise Unprocessable(f"The file cannot be read: {broken.message}", detail) from None
    return _shown(row)


async def list_files(call: Call) -> Page:
    before, limit, bookmarks = _place(call)
    rows = await files.page(call.session, call.connection.id, before=before, limit=limit + 1)
    page, last = cut(rows, limit)
    return Page([_shown(row) for row in page], bookmarks.write(last.id.bytes) if last else UNSET)


async def get_file(call: Call) -> File:
    row = await files.get(call.session, call.connection.id, call.values[FILE])
    if row is None or row.status == "receiving":
        raise missing("file", call.values[FILE])
    return _shown(row)


async def list_requests(call: Call) -> Page:
    before, limit, bookmarks = _place(call)
    rows = await provider_requests.page(
        call.session, call.connection.id, before=before, limit=limit + 1
    )
    page, last = cut(rows, limit)
    shown = [row.published() for row in page]
    return Page(shown, bookmarks.write(last.id.bytes) if last else UNSET)


async def get_request(call: Call) -> ProviderRequestState:
    row = await provider_requests.get(call.session, call.connection.id, call.values[REQUEST])
    if row is None:
        raise missing("provider_request", call.values[REQUEST])
    return row.published()


async def cancel_request(call: Call) -> ProviderRequestState:
    async with call.house.database.transaction() as session:
        row = await call.house.desk.cancel_request(session, call.connection, call.values[REQUEST])
    return row.published()


def _place(call: Call) -> tuple[UUID | None, int, Any]:
    bookmarks = call.bookmarks()
    place = bookmarks.read(call.values[CURSOR])
    return (UUID(bytes=place[0]) if place else None, call.values[LIMIT], bookmarks)


def _shown(row: FileRow) -> File:
    assert row.status != "receiving"
    return File(
        id=ids.show("file", row.id),
        status=row.status,
        name=row.name,
        contents=_contents(msgspec.convert(row.survey, Survey)),
        sync=ids.show("sync", row.sync_id) if row.sync_id else UNSET,
        provider_request=ids.show("provider_request", row.request_id) if row.request_id else UNSET,
        time_zone=row.time_zone or UNSET,
        received_at=clock.iso(row.received_at),
        completed_at=clock.iso(row.completed_at) if row.completed_at else UNSET,
    )


def _contents(found: Survey) -> FileContents:
    return FileContents(
        format=found.format,
        size_bytes=found.size_bytes,
        sha256=found.digest,
        rows=found.rows,
        vehicles=len(found.vehicles),
        drivers=len(found.drivers),
        vehicle_locations=found.positions,
        vehicle_stats=found.readings,
        hos_logs=found.hos_logs,
        starts_at=clock.iso(found.starts_at) if found.starts_at else UNSET,
        ends_at=clock.iso(found.ends_at) if found.ends_at else UNSET,
    )


OPERATIONS = [
    Operation(
        id="uploadFile",
        method="POST",
        path="/files",
        tag="Data Management",
        summary="Upload a File",
        description="The body is the file itself: CSV tracks, GPX, or an ELD output file, up to 2 GB. It is "
        "read as it comes and kept only if all of it can be read; a worker merges it then. The same file "
        "again changes nothing. A file that is cut off leaves nothing behind.",
        answer=File,
        handler=upload_file,
        parameters=[NAME, VEHICLE, TIME_ZONE, FOR, MORE, DRY_RUN],
        refusals=[404, 413, 422],
        streams=True,
        extension=True,
    ),
    Operation(
        id="listFiles",
        method="GET",
        path="/files",
        tag="Data Management",
        summary="List Files",
        description="The files that were received for the connection, newest first, with what they held.",
        answer=list[File],
        handler=list_files,
        reads=True,
        parameters=[LIMIT, CURSOR],
        extension=True,
    ),
    Operation(
        id="getFile",
        method="GET",
        path="/files/{id}",
        tag="Data Management",
        summary="Get a File",
        answer=File,
        handler=get_file,
        reads=True,
        parameters=[FILE],
        refusals=[404],
        extension=True,
    ),
    Operation(
        id="listProviderRequests",
        method="GET",
        path="/provider-requests",
        tag="Data Management",
        summary="List Provider Requests",
        description="What syncs of the connection asked for that no call can fetch, newest first.",
        answer=list[ProviderRequestState],
        handler=list_requests,
        reads=True,
        parameters=[LIMIT, CURSOR],
        extension=True,
    ),
    Operation(
        id="getProviderRequest",
        method="GET",
        path="/provider-requests/{id}",
        tag="Data Management",
        summary="Get a Provider Request",
        answer=ProviderRequestState,
        handler=get_request,
        reads=True,
        parameters=[REQUEST],
        refusals=[404],
        extension=True,
    ),
    Operation(
        id="cancelProviderRequest",
        method="POST",
        path="/provider-requests/{id}/cancel",
        tag="Data Management",
        summary="Cancel a Provider Request",
        description="Waits for it no longer: what was merged stays, and the sync completes without the rest.",
        answer=ProviderRequestState,
        handler=cancel_request,
        parameters=[REQUEST],
        refusals=[404, 422],
        extension=True,
    ),
]
