"""What providers tell of this moment: asked for at once, or kept from a poll that is fresh enough."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from milepost import clock
from milepost.errors import NotSupported, Unprocessable
from milepost.kit.contract import Connector
from milepost.models.hos import HOSAvailableTime
from milepost.models.location import LatestVehicleLocation
from milepost.models.trailer import LatestTrailerLocation
from milepost.store import live_answers
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.sync.lines import Lines
from milepost.vault import ConnectionKey

Kind = Literal["vehicle_location", "trailer_location", "available_time"]
Record = LatestVehicleLocation | LatestTrailerLocation | HOSAvailableTime
Intervals = Mapping[Kind, timedelta]
"""How often each kind is polled; what is not polled is not in it."""


class Question(msgspec.Struct, frozen=True):
    """A live question: the contract's model of its answer, how it is put, and what it is about in words."""

    model: str
    type: type[Record]
    put: Callable[[Connector], Awaitable[Sequence[tuple[Record, bytes]]]]
    words: str


QUESTIONS: dict[Kind, Question] = {
    "vehicle_location": Question(
        "LatestVehicleLocation",
        LatestVehicleLocation,
        lambda connector: connector.latest_locations(),
        "where vehicles are now",
    ),
    "trailer_location": Question(
        "LatestTrailerLocation",
        LatestTrailerLocation,
        lambda connector: connector.trailer_locations(),
        "where trailers are now",
    ),
    "available_time": Question(
        "HOSAvailableTime",
        HOSAvailableTime,
        lambda connector: connector.available_times(),
        "how much time drivers have left",
    ),
}


class Answer(msgspec.Struct, frozen=True):
    """Records with the raw JSON that each was built from, and when the provider was asked for them."""

    asked_at: datetime
    told: Sequence[tuple[Record, bytes]]
    kept: bool = False


# A reader asks for page after page; whoever comes later wants to know where vehicles are then.
_LISTING = timedelta(seconds=30)
# Of a fleet of 5,000 vehicles an answer takes some 10 MB with its raw data.
_REMEMBERED = 8


async def line(
    lines: Lines, connection: ConnectionRow, model: str, words: str, *, awaited: bool = True
) -> Connector:
    """Open a line for a live call, which the caller closes.

    Raises Unprocessable for a connection that is not connected, and NotSupported where the provider
    is not installed or does not tell the contract's `model`; `words` say what that is. `awaited` says
    that somebody waits for the answer.
    """
    if connection.status != "connected":
        raise Unprocessable(
            "Connection must be connected to perform this action", code="connection_disconnected"
        )
    code, registry = connection.provider, lines.registry
    if code not in registry:
        raise NotSupported(detail=f"The provider {code} is not installed here")
    if registry.manifest(code).supported_models.get(model) != "supported":
        raise NotSupported(detail=f"{code} does not tell {words}")
    return await lines.open(connection, live=awaited)


async def ask(
    lines: Lines, connection: ConnectionRow, kind: Kind, *, awaited: bool = True
) -> Answer:
    """Ask the provider at once; raises as `line` does, or a ProviderError."""
    question, asked_at = QUESTIONS[kind], clock.now()
    connector = await line(lines, connection, question.model, question.words, awaited=awaited)
    try:
        return Answer(asked_at, await question.put(connector))
    finally:
        await connector.aclose()


class Answers:
    """Gives the answers to live questions, of one process: from a poll, from a page before, or by asking.

    The pages of a listing are cut from one asking where the same process is asked for them within
    `_LISTING`; another process asks anew. What is remembered is the last answer of a few connections.
    """

    def __init__(self, database: Database, lines: Lines, polled: Intervals) -> None:
        self._database = database
        self._lines = lines
        self._polled = polled
        self._last: dict[tuple[UUID, Kind], Answer] = {}

    async def give(self, connection: ConnectionRow, kind: Kind, *, following: bool) -> Answer:
        """Answer a question; `following` says that it is for a further page. Raises as `ask` does."""
        kept = await self._polled_answer(connection, kind)
        if kept is None and following and connection.status == "connected":
            kept = self._listed(connection.id, kind)
        if kept is not None:
            return msgspec.structs.replace(kept, kept=True)
        found = await ask(self._lines, connection, kind)
        self._forget()
        self._last[connection.id, kind] = found
        return found

    def _listed(self, connection_id: UUID, kind: Kind) -> Answer | None:
        self._forget()
        return self._last.get((connection_id, kind))

    def _forget(self) -> None:
        """Let go of what is old, and of the oldest where there is much."""
        since = clock.now() - _LISTING
        recent = sorted(
            (each for each in self._last.items() if each[1].asked_at > since),
            key=lambda each: each[1].asked_at,
        )
        self._last = dict(recent[-_REMEMBERED:])

    async def _polled_answer(self, connection: ConnectionRow, kind: Kind) -> Answer | None:
        """Return what a poll has kept, if it is no older than the kind's interval."""
        interval = self._polled.get(kind)
        if not interval or connection.status != "connected" or connection.sync_mode != "automatic":
            return None
        key = ConnectionKey(self._database.vault.open(connection.sealed_key))
        async with self._database.session() as session:
            since = clock.now() - interval
            kept = await live_answers.fresh(session, connection.id, key, kind, since)
        if kept is None:
            return None
        decode: Any = msgspec.json.Decoder(QUESTIONS[kind].type).decode
        return Answer(kept.asked_at, [(decode(record), raw) for record, raw in kept.told])
