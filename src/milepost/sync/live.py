"""What providers tell of this moment: asked for at once, or kept from a poll that is fresh enough."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

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


async def answer(
    lines: Lines,
    database: Database,
    connection: ConnectionRow,
    kind: Kind,
    polled: Intervals,
) -> Answer:
    """Answer from what a poll has kept, no older than the kind's interval; else ask the provider."""
    interval = polled.get(kind)
    if interval and connection.status == "connected" and connection.sync_mode == "automatic":
        since, key = (
            clock.now() - interval,
            ConnectionKey(database.vault.open(connection.sealed_key)),
        )
        async with database.session() as session:
            kept = await live_answers.fresh(session, connection.id, key, kind, since)
        if kept is not None:
            decode: Any = msgspec.json.Decoder(QUESTIONS[kind].type).decode
            told = [(decode(record), raw) for record, raw in kept.told]
            return Answer(kept.asked_at, told, kept=True)
    return await ask(lines, connection, kind)
