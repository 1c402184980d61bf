"""Opens the raw archive for readers: the provider's own payload of each record."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from milepost import clock
from milepost.models.meta import RawData
from milepost.store.archive import unseal
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries
from milepost.vault import ConnectionKey

SQL = queries("raw")


RawPlace = tuple[int | None, int | None]
"""raw_id and raw_ordinal: where a record's payload stands."""


class Cut(msgspec.Struct, frozen=True):
    """An opened cut: `body` as the provider sent it, and where in it the records stand."""

    schema: str
    path: str
    extracted_at: datetime
    body: dict[str, Any]


class Archive:
    """The opened cuts that the records of one answer point into."""

    def __init__(self, provider: str, cuts: dict[int, Cut]) -> None:
        self._provider = provider
        self._cuts = cuts

    def data(self, raw_id: int | None, ordinal: int | None) -> list[RawData]:
        """Return what one record was built from; nothing where it is kept no longer."""
        cut = self._cuts.get(raw_id) if raw_id is not None else None
        if cut is None:
            return []
        return [
            RawData(
                provider=self._provider,
                schema=cut.schema,
                extracted_at=clock.iso(cut.extracted_at),
                data=_alone(cut.body, cut.path, ordinal or 0),
            )
        ]


async def opened(
    session: Session,
    connection_id: UUID,
    key: ConnectionKey,
    provider: str,
    raw_ids: Collection[int | None],
) -> Archive:
    """Read, open and decode the cuts that records point to."""
    wanted = sorted({raw_id for raw_id in raw_ids if raw_id is not None})
    values = {"connection_id": connection_id, "ids": wanted}
    cuts = {}
    for raw_id, schema, path, extracted_at, sealed in await fetch_all(
        session, SQL["by_ids"], values
    ):
        body = msgspec.json.decode(unseal(key, connection_id, raw_id, sealed))
        cuts[raw_id] = Cut(schema, path, extracted_at, body)
    return Archive(provider, cuts)


def _alone(body: dict[str, Any], path: str, ordinal: int) -> dict[str, Any]:
    """Show one record of a cut alone: its parent's plain fields, and at `path` only this one reading."""
    if not path:
        return body
    readings = body.get(path)
    if isinstance(readings, list):
        readings = readings[ordinal : ordinal + 1]
    plain = {name: value for name, value in body.items() if not isinstance(value, dict | list)}
    return {**plain, path: readings}
