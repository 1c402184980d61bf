"""The raw archive: what a provider sent, cut by vehicle, compressed and sealed with the connection's own key."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from milepost.kit.contract import Cut
from milepost.store.pool import Session
from milepost.vault import ConnectionKey

if sys.version_info >= (3, 14):  # the standard library's own from then on
    from compression import zstd
else:
    from backports import zstd

# Level 1 packs a position into some 27 bytes; higher levels gain a tenth and cost several times as much.
_LEVEL = 1


class RawCut(msgspec.Struct, frozen=True):
    """A cut with the number that records point to."""

    id: int
    cut: Cut


def number(cuts: Iterable[Cut], stamp: datetime) -> list[RawCut]:
    """Number the cuts of a page: the stamp's milliseconds and the place in the page.

    A connection's stamps differ by a millisecond at least, so that the numbers never meet.
    """
    first = round(stamp.timestamp() * 1000) << 16
    return [RawCut(first + place, cut) for place, cut in enumerate(cuts)]


async def keep(
    session: Session,
    connection_id: UUID,
    key: ConnectionKey,
    raw_cuts: Iterable[RawCut],
    extracted_at: datetime,
) -> None:
    """Write the cuts, in the caller's transaction."""
    columns = "connection_id, id, schema, path, extracted_at, sealed"
    async with session.cursor().copy(f"copy raw ({columns}) from stdin (format binary)") as copy:
        copy.set_types(["uuid", "int8", "text", "text", "timestamptz", "bytea"])
        for raw in raw_cuts:
            sealed = seal(key, connection_id, raw.id, raw.cut.body)
            await copy.write_row(
                (connection_id, raw.id, raw.cut.schema, raw.cut.path, extracted_at, sealed)
            )


def seal(key: ConnectionKey, connection_id: UUID, raw_id: int, body: bytes) -> bytes:
    """Compress and seal the JSON bytes of a cut."""
    return key.seal(zstd.compress(body, _LEVEL), about(connection_id, raw_id))


def unseal(key: ConnectionKey, connection_id: UUID, raw_id: int, sealed: bytes) -> bytes:
    """Return the JSON bytes of a cut; raise vault.Unreadable when the key is another."""
    return zstd.decompress(key.open(sealed, about(connection_id, raw_id)))


def about(connection_id: UUID, raw_id: int) -> bytes:
    """What a sealed cut is bound to."""
    return connection_id.bytes + raw_id.to_bytes(8, "big")
