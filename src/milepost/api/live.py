"""Lists what providers tell of this moment: narrowed, paged, with references expanded and raw data on request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from milepost import clock, ids
from milepost.api import documents
from milepost.api.operations import Call, Reply
from milepost.api.paging import Page, cut
from milepost.api.parameters import CURSOR, DRIVER_IDS, LIMIT, RAW, VEHICLE_IDS, Parameter
from milepost.models.meta import RawData
from milepost.store.documents import DocumentModel
from milepost.sync import live
from milepost.sync.live import Kind

# Whom each answer is about, which is what it is ordered by; there is one a subject.
_SUBJECTS: dict[Kind, DocumentModel] = {
    "vehicle_location": "vehicle",
    "trailer_location": "trailer",
    "available_time": "driver",
}
# What the raw payload of each is called, after the code of its provider.
_SCHEMAS: dict[Kind, str] = {
    "vehicle_location": "latest_location",
    "trailer_location": "latest_trailer_location",
    "available_time": "available_time",
}
_NARROWED: dict[str, Parameter[Any]] = {"vehicle": VEHICLE_IDS, "driver": DRIVER_IDS}

NOTE = (
    "Asks the provider at once, or shows what managed polling has kept, where the installation has it "
    "switched on. Further pages are cut from the answer of the first for half a minute. The header `Age` tells the "
    "seconds since the provider was asked, where that was earlier."
)


async def listing(call: Call, kind: Kind, expand: Parameter[frozenset[str]]) -> Reply:
    """Answer with a page that is cut from the provider's whole answer, in order of its subjects' ids."""
    house, subject = call.house, _SUBJECTS[kind]
    bookmarks = call.bookmarks()
    place = bookmarks.read(call.values[CURSOR])
    answer = await house.answers.give(call.connection, kind, following=place is not None)
    about = {
        str(getattr(each[0], subject)): each for each in answer.told if _is_wanted(call, each[0])
    }
    async with house.database.session() as session:
        call.borrowed = session
        hidden = await documents.hidden(call, subject, about.keys())
        order = sorted(about.keys() - hidden)
        if place:
            order = [public_id for public_id in order if public_id > place[0]]
        page, last = cut(order, call.values[LIMIT])
        shown: list[Any] = [about[public_id][0] for public_id in page]
        if call.values[RAW]:
            schema = f"{call.connection.provider}.{_SCHEMAS[kind]}"
            bodies = [about[public_id][1] for public_id in page]
            shown = [
                msgspec.structs.replace(each, raw=[raw(call, schema, body, answer.asked_at)])
                for each, body in zip(shown, bodies, strict=True)
            ]
        shown = await documents.expanded(call, shown, call.values[expand])
    age: Mapping[str, str] = {}
    if answer.kept:
        age = {"Age": str(max(0, round((clock.now() - answer.asked_at).total_seconds())))}
    return Reply(content=Page(shown, bookmarks.write(last) if last else UNSET), headers=age)


def raw(call: Call, schema: str, body: bytes, asked_at: datetime) -> RawData:
    """Show the JSON that a live record was built from."""
    return RawData(
        provider=call.connection.provider,
        schema=schema,
        extracted_at=clock.iso(asked_at),
        data=msgspec.json.decode(body),
    )


def _is_wanted(call: Call, record: live.Record) -> bool:
    for field, parameter in _NARROWED.items():
        wanted = call.values[parameter]
        named = getattr(record, field, UNSET)
        if wanted and not (isinstance(named, str) and ids.read(field, named) in wanted):
            return False
    return True
