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
# One for all cuts: making a compressor takes 15 µs, as long as it takes to compress 3 kB.
_COMPRESSOR = zstd.ZstdCompressor(_LEVEL)

# One round trip, where COPY takes three; the sealed bytes go as they are, not as hexadecimal text.
_KEEP = b"""
insert into raw (connection_id, id, schema, path, extracted_at, sealed)
select %(connection_id)s, id, schema, path, %(extracted_at)s, sealed
from unnest(%(ids)s::int8[], %(schemas)s::text[], %(paths)s::text[], %(sealed)b::bytea[])
  as kept (id, schema, path, sealed)
"""


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
    kept = [*raw_cuts]
    values = {
        "connection_id": connection_id,
        "extracted_at": extracted_at,
        "ids": [raw.id for raw in kept],
        "schemas": [raw.cut.schema for raw in kept],
        "paths": [raw.cut.path for raw in kept],
        "sealed": [seal(key, connection_id, raw.id, raw.cut.body) for raw in kept],
    }
    await session.execute(_KEEP, values)


def seal(key: ConnectionKey, connection_id: UUID, raw_id: int, body: bytes) -> bytes:
    """Compress and seal the JSON bytes of a cut."""
    packed = _COMPRESSOR.compress(body, mode=zstd.ZstdCompressor.FLUSH_FRAME)
    return key.seal(packed, about(connection_id, raw_id))


def unseal(key: ConnectionKey, connection_id: UUID, raw_id: int, sealed: bytes) -> bytes:
    """Return the JSON bytes of a cut; raise vault.Unreadable when the key is another."""
    return zstd.decompress(key.open(sealed, about(connection_id, raw_id)))


def about(connection_id: UUID, raw_id: int) -> bytes:
    """What a sealed cut is bound to."""
    return connection_id.bytes + raw_id.to_bytes(8, "big")
