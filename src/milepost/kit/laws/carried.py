"""Which fields of which models a provider carries, seen and not claimed: in its simulated world and its fixtures."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from milepost.errors import ProviderError, Refusal
from milepost.kit.contract import Cut
from milepost.kit.laws.reading import ASKED, CARRIED, fixtures, replay
from milepost.kit.laws.stage import Beside, Stage, cuts_of
from milepost.kit.ledger import Fields, Mapped
from milepost.models.location import Fix
from milepost.models.safety import SafetyEvent
from milepost.models.stats import StatReading

Seen = dict[str, dict[str, set[str]]]
"""By contract model and field (`licensePlate.state`): where in the raw data it comes from, as far as the ledger says."""

# A position's narrow row, as the wire spells it.
_FIX = {
    "located_at": "locatedAt", "latitude": "location.latitude", "longitude": "location.longitude",
    "heading": "heading", "speed": "speed", "address": "address.formatted", "driver": "driver",
    "source_id": "sourceId",
}  # fmt: skip
# What the store or the reading adds to every record.
_ALWAYS = {"id", "provider", "metadata", "raw", "derived"}
_OF_RECORD = {
    "Fix": "VehicleLocation", "StatReading": "VehicleStatLog", "VehicleUtilizationDay": "VehicleUtilization",
    "IFTAVehicleMonth": "IFTASummary",
}  # fmt: skip


async def carried(stage: Stage) -> Seen:
    """Read everything that the simulator and the fixtures tell; return the fields that were filled."""
    seen: Seen = defaultdict(lambda: defaultdict(set))
    for spec in stage.manifest.streams:
        for cut in cuts_of(await stage.told(spec)):
            _note(cut, seen, stage)
    with contextlib.suppress(Beside):
        for given in fixtures(stage).values():
            for cut in cuts_of(await replay(stage, given)):
                _note(cut, seen, stage)
    await _live(stage, seen)
    return seen


async def _live(stage: Stage, seen: Seen) -> None:
    async with stage.line() as line:
        for model, question in ASKED.items():
            with contextlib.suppress(Refusal):
                for record, _ in await getattr(line.connector, question)():
                    for field in filled(record):
                        seen[model][field]
        events = {
            record.source_id
            for spec in stage.manifest.streams
            for cut in cuts_of(await stage.told(spec))
            for record in cut.records
            if isinstance(record, SafetyEvent)
        }
        for event in sorted(map(str, events))[:20]:
            with contextlib.suppress(Refusal, ProviderError):
                found = await line.connector.camera_media(event)
                for field in filled(found[0]) if found else ():
                    seen["CameraMedia"][field]
            await asyncio.sleep(0)


def _note(cut: Cut, seen: Seen, stage: Stage) -> None:
    sources = _sources(stage).get(cut.schema, {})
    for record in cut.records:
        name = type(record).__name__
        model = _OF_RECORD.get(name, name)
        for field in filled(record):
            seen[model][field] |= sources.get(field, set())


def filled(record: Any) -> Iterator[str]:
    """Yield the paths of the fields that a record has, as the wire spells them; lists are looked through."""
    if isinstance(record, Fix):
        yield from (
            field for name, field in _FIX.items() if getattr(record, name) not in (None, "")
        )
    elif isinstance(record, StatReading):
        yield record.type
    else:
        for path in _paths(msgspec.to_builtins(record), ""):
            if path.partition(".")[0] not in _ALWAYS:
                yield path


def _paths(value: Any, within: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _paths(below, f"{within}.{name}" if within else name)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, within)
        if not value or not isinstance(value[0], dict | list):
            yield within
    else:
        yield within


def _sources(stage: Stage) -> Mapping[str, Mapping[str, set[str]]]:
    table = stage.module("fields")
    if table is None:
        return {}
    return {schema: _mapped(fields) for schema, fields in table.BY_SCHEMA.items()}


def _mapped(fields: Fields) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)

    def walk(below: Fields, path: str) -> None:
        for name, what in below.items():
            here = f"{path}.{name}" if path else name
            if isinstance(what, Mapped):
                found[what.to].add(here)
            elif isinstance(what, Mapping):
                walk(what, here)

    walk(fields, "")
    return found


MODELS = [*dict.fromkeys(CARRIED.values()), *ASKED, "CameraMedia"]
"""The contract's models that providers fill."""
