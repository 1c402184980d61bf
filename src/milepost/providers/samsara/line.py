"""What the streams of one connection share: its client, its names, its vehicles, its clock."""

from __future__ import annotations

import asyncio
import functools
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw

from milepost.errors import NotAllowed
from milepost.ids import Identity
from milepost.kit.contract import Manifest
from milepost.kit.salvage import UNREADABLE
from milepost.providers.samsara import shapes
from milepost.providers.samsara.client import SamsaraClient
from milepost.providers.samsara.walk import Ask, Walk
from milepost.providers.samsara.zones import commonest_zone


class Line:
    """One connection's line for as long as a turn of a sync; what it looks up it looks up once."""

    def __init__(self, manifest: Manifest, client: SamsaraClient, identity: Identity) -> None:
        self.client = client
        self.identity = identity
        self.code = manifest.code
        self._manifest = manifest
        self._fleet: list[shapes.Fitted] | None = None
        self._zone: ZoneInfo | None = None
        self._looking = asyncio.Lock()

    def permission(self, stream: str) -> str:
        return self._manifest.stream(stream).permission

    async def everything(self, ask: Ask) -> list[Raw]:
        """Read a listing to its end."""
        return [entry async for step in Walk(ask, None) for entry in step.entries]

    async def fleet(self) -> list[shapes.Fitted]:
        """List the vehicles, in the order of their ids, with what is fitted in them."""
        async with self._looking:
            if self._fleet is None:
                permission = self.permission("vehicles")
                listed = await self.everything(functools.partial(self.client.vehicles, permission))
                found = [each for body in listed if (each := _fitted(body)) is not None]
                self._fleet = sorted(found, key=lambda each: str(each.id))
            return self._fleet

    async def zone(self) -> ZoneInfo:
        """Return the fleet's time zone: the one of most drivers, since accounts do not tell theirs."""
        async with self._looking:
            if self._zone is None:
                permission = self.permission("drivers")
                ask = functools.partial(self.client.drivers, permission, "active")
                try:
                    self._zone = commonest_zone(await self.everything(ask))
                except NotAllowed:
                    # Days of a guessed zone would be wrong by hours, and look right.
                    why = "Days are counted in the time zone of the drivers, which the credentials may not read"
                    raise NotAllowed(
                        permission, f"{why}: they lack the permission “{permission}”."
                    ) from None
            return self._zone


def _fitted(body: Raw) -> shapes.Fitted | None:
    try:
        return msgspec.json.decode(body, type=shapes.Fitted)
    except UNREADABLE:
        pass
    try:
        return shapes.Fitted(msgspec.json.decode(body, type=shapes.Identified).id)
    except UNREADABLE:
        return None
