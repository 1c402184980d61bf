"""The bytes of an event as they are delivered: the same at every attempt, and in the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from milepost import clock, ids
from milepost.models.event import WITH_TOKEN, EventType


def body(id_: UUID, type_: EventType, at: datetime, detail: str, token: str | None) -> bytes:
    """Render an event from its stored JSON, with the connection's token where the contract has it."""
    if type_ in WITH_TOKEN and token is not None:
        detail = msgspec.json.encode(with_token(type_, msgspec.json.decode(detail), token)).decode()
    head = f'{{"id":"{ids.show("event", id_)}","type":"{type_}","timestamp":"{clock.iso(at)}","detail":'
    return f"{head}{detail}}}".encode()


def with_token(type_: str, detail: dict[str, Any], token: str | None) -> dict[str, Any]:
    """Show the connection of an event with its token, where the contract does."""
    if type_ not in WITH_TOKEN or token is None:
        return detail
    return {**detail, "connection": {**detail["connection"], "token": token}}
