"""Faults on demand: what shall go wrong, on which requests, how often.

Faults of the wire (slow, cut off, truncated) are the sandbox's own; the rest a simulator acts out in its
vendor's dialect.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import msgspec

from milepost.errors import SetupError
from milepost.kit.simulation import Mishap
from milepost.kit.world import VehicleCard, World

WireFault = Literal[
    "slow",  # the answer comes after `seconds`
    "cut",  # the connection breaks in the middle of the body
    "truncated",  # a complete answer whose JSON stops in the middle
    "vehicles_missing",  # the vehicles named in `vehicles` (ids or names) are as if deleted
]
MISHAPS: frozenset[Mishap] = frozenset(get_args(Mishap))


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault.

    `path` is a shell pattern of the path with its mount, as "/samsara/fleet/vehicles*". `query` is a
    text that the raw query or the body must contain, as "after=" or "LogRecord". `token` narrows it to one bearer token. The first
    `skip` matching requests pass, the next `count` are hit (None: all until the fault is deleted).
    `seconds` is how late a slow answer comes (None: 5 s), or what a throttled one asks to wait (None:
    what the vendor asks).
    """

    kind: Mishap | WireFault
    path: str = "*"
    query: str = ""
    token: str | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    vehicles: list[str] = []
    id: int = 0
    hits: int = 0

    def fits(self, path: str, query: str, authorization: str, body: bytes) -> bool:
        return (
            fnmatch.fnmatchcase(path, self.path)
            and (self.query in query or self.query.encode() in body)
            and (self.token is None or authorization.partition(" ")[2].strip() == self.token)
        )


def read_faults(text: str) -> list[Fault]:
    """Read faults as words: a kind and `name=value` each, several with semicolons between them.

    For example `throttled path=*/trips count=3; slow seconds=0.5`. Raises SetupError that says what is no good.
    """
    found: list[Fault] = []
    for each in filter(str.strip, text.split(";")):
        kind, *rest = each.split()
        given: dict[str, Any] = {"kind": kind}
        for word in rest:
            name, _, value = word.partition("=")
            given[name] = value.split(",") if name == "vehicles" else value
        try:
            found.append(msgspec.convert(given, Fault, strict=False))
        except msgspec.ValidationError as error:
            kinds = ", ".join(sorted({*MISHAPS, *get_args(WireFault)}))
            raise SetupError(
                f"The fault “{each.strip()}” is no good: {error}. Kinds: {kinds}."
            ) from None
    return found


class FaultBook:
    """The faults in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)

    def add(self, fault: Fault) -> Fault:
        fault.id, fault.hits = next(self._numbers), 0
        self._faults.append(fault)
        return fault

    def list(self) -> Sequence[Fault]:
        """Return every fault, spent ones too, with how often each has hit."""
        return tuple(self._faults)

    def clear(self, id_: int | None = None) -> int:
        """Delete one fault, or all; return how many there were."""
        kept = [fault for fault in self._faults if id_ is not None and fault.id != id_]
        gone, self._faults = len(self._faults) - len(kept), kept
        return gone

    def strike(
        self, path: str, query: str, authorization: str, body: bytes = b""
    ) -> Sequence[Fault]:
        """Return the faults that hit this request, and spend one hit of each."""
        struck: list[Fault] = []
        for fault in self._faults:
            if not fault.fits(path, query, authorization, body):
                continue
            if fault.skip:
                fault.skip -= 1
            elif fault.count is None or fault.hits < fault.count:
                fault.hits += 1
                struck.append(fault)
        return struck


SLOW_S = 5.0


class Without:
    """A world that lacks some vehicles, named by id or name; all else is the world's own."""

    def __init__(self, world: World, names: set[str]) -> None:
        self._world = world
        self.vehicles: Sequence[VehicleCard] = [
            v for v in world.vehicles if v.id not in names and v.name not in names
        ]
        self._left = {vehicle.id for vehicle in self.vehicles}

    def assignments(self, start: datetime, end: datetime) -> list[Any]:
        return [a for a in self._world.assignments(start, end) if a.vehicle_id in self._left]

    def incidents(self, start: datetime, end: datetime, at: datetime) -> list[Any]:
        found = self._world.incidents(start, end, at)
        return [i for i in found if i.vehicle_id in self._left]

    def incidents_changed(self, since: datetime, until: datetime) -> list[Any]:
        found = self._world.incidents_changed(since, until)
        return [i for i in found if i.vehicle_id in self._left]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


def without(world: World, faults: Sequence[Fault]) -> World:
    """Return the world less the vehicles that these faults hide."""
    names = {name for f in faults if f.kind == "vehicles_missing" for name in f.vehicles}
    if not names:
        return world
    lessened: Any = Without(world, names)
    found: World = lessened
    return found
