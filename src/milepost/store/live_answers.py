"""What providers last told of this moment, sealed, and when each of them is to be asked again."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries
from milepost.vault import ConnectionKey

if sys.version_info >= (3, 14):  # the standard library's own from then on
    from compression import zstd
else:
    from backports import zstd

SQL = queries("live_answers")

# Of one kind and one look; the next look takes the next ones.
_AT_ONCE = 500


class Due(msgspec.Struct, frozen=True):
    """An answer that whoever claimed it is to ask for; `failures` are those in a row before it."""

    connection_id: UUID
    kind: str
    failures: int


Told = tuple[bytes, bytes]
"""A record as JSON, and the JSON that it was built from."""


class Kept(msgspec.Struct, frozen=True):
    """An answer as it is kept, opened."""

    asked_at: datetime
    told: list[Told]


async def enrol(session: Session, kind: str, providers: Collection[str]) -> None:
    """Let a kind be asked for of the providers' connected automatic connections that have no row of it yet."""
    values = {"kind": kind, "providers": list(providers), "limit": _AT_ONCE}
    await session.execute(SQL["enrol"].encode(), values)


async def sweep(session: Session, kinds: Collection[str]) -> None:
    """Drop what was kept of other kinds, and of connections that are not to be polled."""
    await session.execute(SQL["sweep"].encode(), {"kinds": list(kinds)})


async def claim(
    session: Session, kinds: Collection[str], crowded: Collection[str], lease: timedelta
) -> Due | None:
    """Take the answer that is due for the longest, of a provider that is not `crowded`; None without one."""
    values = {"kinds": list(kinds), "crowded": list(crowded), "lease": lease}
    row = await fetch_one(session, SQL["claim"], values)
    return Due(*row) if row else None


async def keep(
    session: Session,
    connection_id: UUID,
    key: ConnectionKey,
    due: Due,
    told: list[Told],
    *,
    asked_at: datetime,
    due_at: datetime,
) -> bool:
    """Keep an answer in the place of the one before; False where the connection is no longer polled."""
    packed = zstd.compress(msgspec.msgpack.encode(told))
    values = {
        "connection_id": connection_id,
        "kind": due.kind,
        "sealed": key.seal(packed, _about(connection_id, due.kind)),
        "asked_at": asked_at,
        "due_at": due_at,
    }
    return await fetch_one(session, SQL["keep"], values) is not None


async def put_off(
    session: Session, connection_id: UUID, due: Due, *, due_at: datetime, failures: int
) -> None:
    """Let an answer be asked for at a later time; what is kept stays."""
    values: dict[str, Any] = {"connection_id": connection_id, "kind": due.kind}
    values |= {"due_at": due_at, "failures": failures}
    await session.execute(SQL["put_off"].encode(), values)


async def fresh(
    session: Session, connection_id: UUID, key: ConnectionKey, kind: str, since: datetime
) -> Kept | None:
    """Return what was asked for after `since`, opened; None without such an answer."""
    values = {"connection_id": connection_id, "kind": kind, "since": since}
    rows = await fetch_all(session, SQL["fresh"], values)
    if not rows:
        return None
    sealed, asked_at = rows[0]
    packed = zstd.decompress(key.open(sealed, _about(connection_id, kind)))
    return Kept(asked_at, msgspec.msgpack.decode(packed, type=list[Told]))


def _about(connection_id: UUID, kind: str) -> bytes:
    return b"live_answer/" + connection_id.bytes + kind.encode()
