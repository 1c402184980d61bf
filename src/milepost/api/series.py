"""Writes pages of positions and readings as JSON bytes: the densest answers, so without a struct a row."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from milepost import ids
from milepost.api.paging import micros
from milepost.models.stats import ENGINE_STATES, STAT_TYPES, VALUE_FIELDS
from milepost.store.raw import Archive
from milepost.store.readings import PositionRow, StatRow

# So many rows are written (some 15 ms) before other requests get their turn.
_ROWS_A_TURN = 2000
_WHOLE_NUMBERS = {"duration"}

_text = msgspec.json.Encoder().encode


class Namer:
    """Names the records of one series, as ids.Identity would, with all but the last step done once."""

    def __init__(self, connection_id: UUID, model: str, subject: str) -> None:
        self._prefix = ids.PREFIXES[model] + "_"
        begun = f"{model}\x00{subject}".encode()
        self._begun = hashlib.blake2b(begun, digest_size=16, key=connection_id.bytes)

    def __call__(self, rest: str) -> str:
        """Return the id of the record whose source id is the subject and `rest`."""
        digest = self._begun.copy()
        digest.update(rest.encode())
        return self._prefix + ids.spell(UUID(bytes=digest.digest()))


class Times:
    """Spells instants; rows of one page were mostly modified in few transactions."""

    def __init__(self) -> None:
        self._known: dict[datetime, str] = {}

    def modified(self, instant: datetime) -> str:
        found = self._known.get(instant)
        if found is None:
            found = self._known[instant] = spell(instant)
        return found


def spell(instant: datetime) -> str:
    """Spell an instant as clock.iso does."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="milliseconds")[:23] + "Z"


def position_writer(
    connection_id: UUID, vehicle_id: UUID, provider: str, archive: Archive | None
) -> Callable[[PositionRow], str]:
    """Make the function that writes one position as the contract's VehicleLocation."""
    name = Namer(connection_id, "vehicle_location", f"{vehicle_id.hex}:")
    times = Times()
    opening = (
        f'","provider":"{provider}","vehicle":"{ids.show("vehicle", vehicle_id)}","locatedAt":"'
    )

    def write(row: PositionRow) -> str:
        start = (
            f'{{"id":"{name(str(micros(row.located_at)))}{opening}{spell(row.located_at)}",'
            f'"location":{{"longitude":{row.longitude!r},"latitude":{row.latitude!r}}},'
            f'"metadata":{{"modifiedAt":"{times.modified(row.modified_at)}"}}'
        )
        parts = [start]
        if row.heading is not None:
            parts.append(f',"heading":{row.heading!r}')
        if row.speed is not None:
            parts.append(f',"speed":{row.speed!r}')
        if row.driver_id is not None:
            parts.append(f',"driver":"{ids.show("driver", row.driver_id)}"')
        if row.address is not None:
            parts.append(f',"address":{{"formatted":{_json(row.address)}}}')
        if row.source_id is not None:
            parts.append(f',"sourceId":{_json(row.source_id)}')
        if archive is not None:
            parts.append(f',"raw":{_json(archive.data(row.raw_id, row.raw_ordinal))}')
        return "".join(parts) + "}"

    return write


def stat_writer(
    connection_id: UUID, vehicle_id: UUID, provider: str, vehicle: Any, archive: Archive | None
) -> Callable[[StatRow], str]:
    """Make the function that writes one reading as the contract's VehicleStatLog.

    `vehicle` is what stands for the vehicle: its id, or the vehicle itself where it was expanded.
    """
    name = Namer(connection_id, "vehicle_stat", f"{vehicle_id.hex}:")
    times = Times()
    opening = f'","provider":"{provider}","vehicle":{_json(vehicle)},"timestamp":"'

    def write(row: StatRow) -> str:
        kind = STAT_TYPES[row.type]
        field = VALUE_FIELDS[kind]
        if kind == "engine_state":
            value = f'"{ENGINE_STATES[int(row.value)]}"'
        elif field in _WHOLE_NUMBERS:
            value = str(round(row.value))
        else:
            value = repr(row.value)
        start = (
            f'{{"id":"{name(f"{row.type}:{micros(row.at)}")}{opening}{spell(row.at)}",'
            f'"type":"{kind}","{field}":{value},'
            f'"metadata":{{"modifiedAt":"{times.modified(row.modified_at)}"}}'
        )
        parts = [start]
        if row.source_id is not None:
            parts.append(f',"sourceId":{_json(row.source_id)}')
        if archive is not None:
            parts.append(f',"raw":{_json(archive.data(row.raw_id, row.raw_ordinal))}')
        return "".join(parts) + "}"

    return write


async def written(rows: Sequence[Any], write: Callable[[Any], str], next_: str | None) -> bytes:
    """Write a whole page, letting other requests in between."""
    pieces: list[str] = []
    for start in range(0, len(rows), _ROWS_A_TURN):
        if start:
            await asyncio.sleep(0)
        pieces += map(write, rows[start : start + _ROWS_A_TURN])
    ending = f',"next":"{next_}"' if next_ else ""
    return f'{{"results":[{",".join(pieces)}]{ending}}}'.encode()


def _json(value: Any) -> str:
    return _text(value).decode()
