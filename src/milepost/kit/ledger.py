"""Accounts for every field of a provider's answers: mapped, dropped by name, or unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec


class Mapped(msgspec.Struct, frozen=True):
    """A field that ends up in the unified model, and where."""

    to: str


class Dropped(msgspec.Struct, frozen=True):
    """A field that is left out on purpose, with all below it, and why."""

    why: str


Fields = Mapping[str, "Mapped | Dropped | Fields"]
"""A raw shape, field by field. Lists are looked through; the name `*` stands for every other name."""


def unknown_fields(sample: bytes, fields: Fields) -> Counter[str]:
    """Count the fields of one raw record that its table does not know, by path (`gateway.colour`).

    Only the topmost unknown field of a branch is named. Raises msgspec.DecodeError where `sample`
    is not JSON.
    """
    found: Counter[str] = Counter()
    _walk(msgspec.json.decode(sample), fields, "", found)
    return found


def _walk(value: Any, fields: Fields, path: str, found: Counter[str]) -> None:
    if isinstance(value, list):
        for item in value:
            _walk(item, fields, path, found)
    elif isinstance(value, dict):
        for name, below in value.items():
            here = f"{path}.{name}" if path else name
            known = fields.get(name, fields.get("*"))
            if known is None:
                found[here] += 1
            elif not isinstance(known, Mapped | Dropped):
                _walk(below, known, here, found)
