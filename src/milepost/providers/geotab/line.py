"""What the streams of one connection share: its client, its names, what it looks up once a turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from milepost.errors import Changed
from milepost.ids import Identity
from milepost.kit.contract import Manifest
from milepost.kit.paging import LoopGuard
from milepost.kit.salvage import UNREADABLE, misfit, read
from milepost.providers.geotab import readings, shapes
from milepost.providers.geotab.client import MOST_CALLS, MOST_RESULTS, NAME, Ask, GeotabClient
from milepost.providers.geotab.mapping import is_trailer
from milepost.providers.geotab.wire import ref

Shape = TypeVar("Shape")
Named = TypeVar("Named", shapes.Diagnostic, shapes.FailureMode)


class Line:
    """One connection's line for as long as a turn of a sync."""

    def __init__(self, manifest: Manifest, client: GeotabClient, identity: Identity) -> None:
        self.client = client
        self.identity = identity
        self.code = manifest.code
        self._manifest = manifest
        self._devices: list[shapes.Device] | None = None
        self._drivers: list[shapes.User] | None = None
        self._rules: dict[str, shapes.Rule] | None = None
        self._diagnostics: dict[str, shapes.Diagnostic] = {}
        self._failure_modes: dict[str, shapes.FailureMode] = {}
        self._looking = asyncio.Lock()

    def permission(self, stream: str) -> str:
        return self._manifest.stream(stream).permission

    async def walk(
        self, type_: str, search: Mapping[str, Any], after: str | None, permission: str
    ) -> AsyncIterator[tuple[list[Raw], str]]:
        """Seek through the entities of a type by id; only an empty page is the end."""
        guard = LoopGuard(NAME, after)
        while rows := await self.client.seek(type_, search, after, permission):
            after = guard.passed(_id_of(rows[-1]))
            yield rows, after

    async def everything(self, type_: str, search: Mapping[str, Any], permission: str) -> list[Raw]:
        return [row async for rows, _ in self.walk(type_, search, None, permission) for row in rows]

    async def fetch(self, asks: Sequence[Ask], permission: str, spends: str) -> list[list[Raw]]:
        """Answer every question to the last row: where 5,000 came, the window is halved until fewer do."""
        found: list[list[Raw]] = []
        for at in range(0, len(asks), MOST_CALLS):
            some = asks[at : at + MOST_CALLS]
            # A single question goes as such: a call of several spends fifty, and drivers' changes are asked for
            # with every page of positions.
            answers = (
                [await self.client.get(some[0], permission)]
                if len(some) == 1
                else await self.client.many(some, permission, spends)
            )
            for ask, rows in zip(some, answers, strict=True):
                # A row that comes twice would count twice in what is added up of them.
                found.append(
                    _distinct(rows)
                    if len(rows) < MOST_RESULTS
                    else await self._halved(ask, permission, spends)
                )
        return found

    async def _halved(self, ask: Ask, permission: str, spends: str) -> list[Raw]:
        halves = ask.halves()
        if halves is None:
            raise Changed(
                f"{NAME} has more than {MOST_RESULTS} {ask.type} that cannot be told apart."
            )
        parts = await self.fetch(halves, permission, spends)
        # What lies on the seam is in both.
        return _distinct(row for part in parts for row in part)

    async def vehicles(self, since: datetime) -> list[shapes.Device]:
        """List the devices that are no trailers and were active at `since` or later, by id."""
        return [
            device
            for device in await self.devices()
            if not is_trailer(device) and (device.activeTo is None or device.activeTo >= since)
        ]

    async def devices(self) -> list[shapes.Device]:
        async with self._looking:
            if self._devices is None:
                listed = await self.everything("Device", {}, self.permission("vehicles"))
                self._devices = sorted(_all(listed, shapes.Device), key=lambda device: device.id)
            return self._devices

    async def drivers(self) -> list[shapes.User]:
        """List the drivers by id, those who have left too."""
        async with self._looking:
            if self._drivers is None:
                search = {"isDriver": True}
                listed = await self.everything("User", search, self.permission("drivers"))
                self._drivers = sorted(_all(listed, shapes.User), key=lambda user: user.id)
            return self._drivers

    async def rules(self) -> dict[str, shapes.Rule]:
        async with self._looking:
            if self._rules is None:
                listed = await self.client.get(Ask(type="Rule"), self.permission("safety_events"))
                self._rules = {rule.id: rule for rule in _all(listed, shapes.Rule)}
            return self._rules

    async def measures(self) -> dict[str, str | None]:
        """Return the unit of every diagnostic that becomes a reading, as the account's list says."""
        found = await self._named(
            "Diagnostic",
            shapes.Diagnostic,
            self._diagnostics,
            readings.SOURCES,
            "stats",
            "multi_units",
        )
        return {id_: ref(diagnostic.unitOfMeasure) for id_, diagnostic in found.items()}

    async def diagnostics(self, ids: Iterable[str], stream: str) -> dict[str, shapes.Diagnostic]:
        return await self._named("Diagnostic", shapes.Diagnostic, self._diagnostics, ids, stream)

    async def failure_modes(self, ids: Iterable[str], stream: str) -> dict[str, shapes.FailureMode]:
        kept = self._failure_modes
        return await self._named("FailureMode", shapes.FailureMode, kept, ids, stream)

    async def _named(
        self,
        type_: str,
        shape: type[Named],
        kept: dict[str, Named],
        ids: Iterable[str],
        stream: str,
        spends: str = "multi_names",
    ) -> dict[str, Named]:
        """Look up by id what is not known yet: an account has tens of thousands of diagnostics."""
        async with self._looking:
            asks = [Ask(type=type_, search={"id": id_}) for id_ in sorted(set(ids) - kept.keys())]
            found = await self.fetch(asks, self.permission(stream), spends) if asks else []
            for entity in _all([row for rows in found for row in rows], shape):
                kept[entity.id] = entity
            return kept


def _distinct(rows: Iterable[Raw]) -> list[Raw]:
    return [Raw(body) for body in dict.fromkeys(bytes(row) for row in rows)]


def _all(rows: Iterable[Raw], shape: type[Shape]) -> list[Shape]:
    """Read what can be read; the streams that list these set aside what cannot."""
    found = (read(row, shape, []) for row in rows)
    return [entity for entity in found if entity is not None]


def _id_of(row: Raw) -> str:
    try:
        return msgspec.json.decode(row, type=shapes.Identified).id
    except UNREADABLE as error:
        raise Changed(f"{NAME}'s list cannot be followed: {misfit(error).reason}") from None
