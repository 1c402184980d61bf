"""Answers a connector as a fixture says: by method, path, query and JSON body, the most exact entry first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from milepost.kit.loopback import Asked, Said

# By these a request asks for what comes after a page: an entry has one exactly where the request has.
_GO_ON = ("after", "cursor")


class Script:
    """Answers with the entry that fits best: the one that names most of what was asked.

    An entry has a `path`, and may have `method`, `query` and `json` (each a part of what must be asked),
    `status`, and `body` (JSON) or `text`.
    """

    def __init__(self, answers: Sequence[Mapping[str, Any]]) -> None:
        self._answers = answers
        self.used: set[int] = set()

    def __call__(self, asked: Asked) -> Said:
        body = _read(asked.body)
        fits = [
            (len(each.get("query", {})) + _leaves(each.get("json")), -number)
            for number, each in enumerate(self._answers)
            if each["path"] == asked.path
            and each.get("method", asked.method) == asked.method
            and _within(each.get("query", {}), asked.query)
            and all((name in each.get("query", {})) == (name in asked.query) for name in _GO_ON)
            and _within(each.get("json"), body)
        ]
        if not fits:
            return Said(msgspec.json.encode({"message": f"no answer to {asked.target}"}), 409)
        number = -max(fits)[1]
        self.used.add(number)
        each = self._answers[number]
        said = each["text"].encode() if "text" in each else msgspec.json.encode(each["body"])
        return Said(said, each.get("status", 200))

    @property
    def told_all(self) -> bool:
        """Whether every entry was asked for."""
        return len(self.used) == len(self._answers)


def _within(wanted: Any, given: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(
            name in given and _within(value, given[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(given, list)
            and len(wanted) == len(given)
            and all(map(_within, wanted, given))
        )
    return bool(wanted == given)


def _leaves(value: Any) -> int:
    if isinstance(value, dict | list):
        return sum(map(_leaves, value.values() if isinstance(value, dict) else value))
    return value is not None


def _read(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return None
