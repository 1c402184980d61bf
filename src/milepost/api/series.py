"""Writes pages of positions and readings as JSON bytes: the densest answers, so without a struct a row."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from milepost import clock, ids
from milepost.models.stats import ENGINE_STATES, STAT_TYPES, VALUE_FIELDS
from milepost.store.raw import Archive
from milepost.store.readings import PositionRow, StatRow

# So many rows are written (some 10 ms) before other requests get their turn.
_ROWS_A_TURN = 2000
_WHOLE_NUMBERS = {"duration"}
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_MINUTE = 60_000_000  # microseconds


class Namer:
    """Names the records of one series, as ids.Identity would, with all but the last step done once."""

    def __init__(self, connection_id: UUID, model: str, subject: str) -> None:
        self.prefix = ids.PREFIXES[model] + "_"
        begun = f"{model}\x00{subject}".encode()
        self._begun = hashlib.blake2b(begun, digest_size=16, key=connection_id.bytes)

    def __call__(self, rest: str) -> str:
        """Return the id of the record whose source id is the subject and `rest`."""
        digest = self._begun.copy()
        digest.update(rest.encode())
        return self.prefix + ids.spell_bytes(digest.digest())


class Instants:
    """Spells instants, given in microseconds since 1970, as clock.iso does.

    Whole minutes are spelt once, which halves the cost: neighbours in a series share theirs.
    """

    def __init__(self) -> None:
        self._minutes: dict[int, str] = {}

    def __call__(self, micros: int) -> str:
        minute, rest = divmod(micros, _MINUTE)
        begun = self._minutes.get(minute)
        if begun is None:
            instant = _EPOCH + minute * _MINUTE * _MICROSECOND
            begun = self._minutes[minute] = instant.isoformat()[:17]
        return f"{begun}{rest // 1_000_000:02}.{rest // 1000 % 1000:03}Z"


def position_writer(
    connection_id: UUID, vehicle_id: UUID, provider: str, archive: Archive | None
) -> Callable[[PositionRow], str]:
    """Make the function that writes one position as the contract's VehicleLocation."""
    name = Namer(connection_id, "vehicle_location", f"{vehicle_id.hex}:")
    spell, endings = Instants(), Endings()
    opening = (
        f'","provider":"{provider}","vehicle":"{ids.show("vehicle", vehicle_id)}","locatedAt":"'
    )

    def write(row: PositionRow) -> str:
        at, latitude, longitude, heading, speed, driver, address, source_id, modified, *raw = row
        micros = (at - _EPOCH) // _MICROSECOND
        text = (
            f'{{"id":"{name(str(micros))}{opening}{spell(micros)}",'
            f'"location":{{"longitude":{longitude!r},"latitude":{latitude!r}}}'
        )
        # Six digits are what a stored heading and speed surely hold.
        if heading is not None:
            text += f',"heading":{heading:.6g}'
        if speed is not None:
            text += f',"speed":{speed:.6g}'
        if driver is not None:
            text += f',"driver":"{ids.show("driver", driver)}"'
        if address is not None:
            text += f',"address":{{"formatted":{_json(address)}}}'
        if source_id is not None:
            text += f',"sourceId":{_json(source_id)}'
        if archive is not None and (kept := archive.data(*raw)):
            text += f',"raw":{_json(kept)}'
        return text + endings(modified)

    return write


def stat_writer(
    connection_id: UUID, vehicle_id: UUID, provider: str, vehicle: Any, archive: Archive | None
) -> Callable[[StatRow], str]:
    """Make the function that writes one reading as the contract's VehicleStatLog.

    `vehicle` is what stands for the vehicle: its id, or the vehicle itself where it was expanded.
    """
    name = Namer(connection_id, "vehicle_stat", f"{vehicle_id.hex}:")
    spell, endings = Instants(), Endings()
    opening = f'","provider":"{provider}","vehicle":{_json(vehicle)},"timestamp":"'

    def write(row: StatRow) -> str:
        at, type_, value, source_id, modified, *raw = row
        micros = (at - _EPOCH) // _MICROSECOND
        text = (
            f'{{"id":"{name(f"{type_}:{micros}")}{opening}{spell(micros)}",'
            f'"type":"{STAT_TYPES[type_]}",{_reading(type_, value)}'
        )
        if source_id is not None:
            text += f',"sourceId":{_json(source_id)}'
        if archive is not None and (kept := archive.data(*raw)):
            text += f',"raw":{_json(kept)}'
        return text + endings(modified)

    return write


class Endings:
    """Writes what ends a record, its metadata; the rows of a page were mostly modified in few transactions."""

    def __init__(self) -> None:
        self._known: dict[datetime, str] = {}

    def __call__(self, modified: datetime) -> str:
        ending = self._known.get(modified)
        if ending is None:
            ending = f',"metadata":{{"modifiedAt":"{clock.iso(modified)}"}}}}'
            self._known[modified] = ending
        return ending


async def written(rows: Sequence[Any], write: Callable[[Any], str], next_: str | None) -> bytes:
    """Write a whole page, letting other requests in between."""
    pieces: list[str] = []
    for start in range(0, len(rows), _ROWS_A_TURN):
        if start:
            await asyncio.sleep(0)
        pieces += map(write, rows[start : start + _ROWS_A_TURN])
    ending = f',"next":"{next_}"' if next_ else ""
    return f'{{"results":[{",".join(pieces)}]{ending}}}'.encode()


def _reading(type_: int, value: float) -> str:
    kind = STAT_TYPES[type_]
    field = VALUE_FIELDS[kind]
    if kind == "engine_state":
        return f'"{field}":"{ENGINE_STATES[int(value)]}"'
    return f'"{field}":{round(value) if field in _WHOLE_NUMBERS else value!r}'


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
