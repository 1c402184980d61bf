"""One world told in several dialects becomes the same records; where it does not, a snapshot says how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from syrupy.assertion import SnapshotAssertion
from tests.providers.test_laws import PLATFORMS, stage

from milepost.kit.laws.stage import Stage, cuts_of
from milepost.models.location import Fix
from milepost.models.stats import StatReading

Key = tuple[Any, ...]
Told = dict[str, dict[Key, dict[str, Any]]]
"""By model and by what names a record in any dialect: its fields, with times in seconds and ids as names."""

# What every dialect spells in its own way by its nature.
_OWN = {"id", "sourceId", "provider", "createdAt", "updatedAt", "sourceType", "source_id"}
_COMPARED = ("geotab", "motive", "samsara", "tt-eld")


def key_of(model: str, fields: Mapping[str, Any]) -> Key:
    names = {
        "Vehicle": ("name",), "Driver": ("firstName", "lastName"), "Group": ("name",),
        "Trailer": ("name",), "Device": ("serialNumber",), "Trip": ("vehicle", "startedAt"),
        "HOSLog": ("driver", "startedAt"), "HOSDailyLog": ("driver", "date"),
        "SafetyEvent": ("vehicle", "startedAt"), "FaultCodeEvent": ("vehicle", "code", "observedAt"),
        "VehicleUtilizationDay": ("vehicle", "date"),
        "IFTAVehicleMonth": ("vehicle", "month", "jurisdiction"),
    }  # fmt: skip
    found = [str(fields.get(name)) for name in names[model]]
    if (
        model == "Driver"
    ):  # Some dialects have no place for a middle name, others put it with the first.
        found = [found[0].split()[0], found[1].split()[-1]]
    return tuple(each.replace("-", "") if model == "Device" else each for each in found)


async def told(stage: Stage) -> Told:
    """Read everything that a provider tells of the world, by what it is in any dialect."""
    records: list[tuple[str, Any]] = []
    for spec in stage.manifest.streams:
        for cut in cuts_of(await stage.told(spec)):
            records += [(cut.subject or "", record) for record in cut.records]
    names: dict[str, str] = {}
    for _, record in records:
        if type(record).__name__ in ("Vehicle", "Driver", "Group", "Trailer"):
            fields = msgspec.to_builtins(record)
            names[fields["id"]] = "/".join(key_of(type(record).__name__, fields))
    found: Told = {}
    for subject, record in records:
        model, key, fields = _spelt(record, names.get(f"vehicle:{subject}", subject), names)
        found.setdefault(model, {})[key] = fields
    return found


def _spelt(record: Any, vehicle: str, names: Mapping[str, str]) -> tuple[str, Key, dict[str, Any]]:
    if isinstance(record, Fix | StatReading):
        at = record.located_at if isinstance(record, Fix) else record.at
        kind = "VehicleLocation" if isinstance(record, Fix) else f"VehicleStatLog {record.type}"
        fields = msgspec.structs.asdict(record)
        if driver := fields.pop("driver", None):
            fields["driver"] = names.get(f"driver:{driver}", driver)
        return kind, (vehicle, _second(at)), _plain(fields, names)
    model = type(record).__name__
    fields = _plain(msgspec.to_builtins(record), names)
    return model, key_of(model, fields), fields


def _plain(value: Any, names: Mapping[str, str]) -> Any:
    """Bring a value to what all dialects can say: seconds, one decimal, names in the place of ids."""
    match value:
        case dict():
            return {k: _plain(v, names) for k, v in value.items() if k not in _OWN}
        case list():
            return sorted((_plain(v, names) for v in value), key=str)
        case float() | int() if not isinstance(value, bool):
            return round(value, 1)
        case datetime():
            return _second(value)
        case str():
            return names.get(value, value[:19] if value[10:11] == "T" else value)
        case _:
            return value


def _second(at: datetime) -> str:
    return at.replace(microsecond=0, tzinfo=None).isoformat()


def flat(fields: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.items():
        path = f"{within}.{name}" if within else name
        found |= flat(value, path) if isinstance(value, dict) else {path: value}
    return {path: value for path, value in found.items() if value is not None}


def differences(tellers: Mapping[str, Told]) -> list[str]:
    """Say model by model which records not all tell, and which fields of shared ones are not the same."""
    lines: list[str] = []
    for model in sorted({model for each in tellers.values() for model in each}):
        by = {code: each[model] for code, each in tellers.items() if model in each}
        union = {key for each in by.values() for key in each}
        shared = set.intersection(*(set(each) for each in by.values()))
        counts = ", ".join(f"{code} {len(each)}" for code, each in by.items())
        lines.append(f"{model}: {len(shared)} of {len(union)} told by all ({counts})")
        lines += _fields(by, shared)
    return lines


def _fields(by: Mapping[str, Mapping[Key, dict[str, Any]]], shared: set[Key]) -> list[str]:
    rows = [{code: flat(each[key]) for code, each in by.items()} for key in sorted(shared)]
    lines = []
    for path in sorted({path for row in rows for fields in row.values() for path in fields}):
        tell = [code for code in by if any(path in row[code] for row in rows)]
        unlike = sum(
            not _alike([row[code][path] for code in tell if path in row[code]]) for row in rows
        )
        silent = [code for code in by if code not in tell]
        if unlike or silent:
            said = [f"unlike in {unlike}"] if unlike else []
            said += [f"not told by {', '.join(silent)}"] if silent else []
            lines.append(f"  {path}: {'; '.join(said)}")
    return lines


def _alike(values: list[Any]) -> bool:
    """Whether all say the same; numbers as near as units that were converted twice."""
    first = values[0] if values else None
    if isinstance(first, float | int) and not isinstance(first, bool):
        return all(math.isclose(each, first, rel_tol=1e-3, abs_tol=0.15) for each in values)
    return all(each == first for each in values)


async def test_dialects_of_one_world_differ_only_as_is_known(snapshot: SnapshotAssertion) -> None:
    codes = [code for code in PLATFORMS if code in _COMPARED]
    tellers = {code: await told(stage(code)) for code in codes}

    assert differences(tellers) == snapshot
