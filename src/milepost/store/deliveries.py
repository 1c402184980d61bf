"""Deliveries: lanes are claimed, read, and moved on, each attempt in a transaction of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from milepost.models.event import EventType
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("deliveries")


class Claim(msgspec.Struct, frozen=True):
    """What a courier holds: a lane, or the replay of one event."""

    connection_id: UUID
    endpoint_id: UUID
    application_id: UUID
    event_id: UUID | None = None


class Parcel(msgspec.Struct, frozen=True):
    """An event to deliver; `detail` is JSON as it is stored, without any secret."""

    number: int
    id: UUID
    type: EventType
    at: datetime
    detail: str


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is next for a claim, and whereto. `failures` are those of the first parcel so far."""

    known: int
    failures: int
    url: str
    enabled: bool
    sealed_secrets: list[bytes]
    failing_since: datetime | None
    sealed_token: bytes | None
    parcels: list[Parcel]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt; without an `error` it delivered."""

    id: UUID
    at: datetime
    latency_ms: int
    status: int | None
    error: str | None
    answer: str | None


async def seen(session: Session, courier: UUID) -> None:
    """Say that the courier is at work; without that, what it holds becomes free."""
    await session.execute(SQL["seen"].encode(), {"courier": courier})


async def leave(session: Session, courier: UUID) -> None:
    """Give back everything that the courier holds, and forget it."""
    for query in ("leave_lanes", "leave_replays", "leave", "forget_lost"):
        await session.execute(SQL[query].encode(), {"courier": courier})


async def claim(
    session: Session,
    courier: UUID,
    what: Literal["claim_lanes", "claim_replays"],
    *,
    busy: Mapping[UUID, int],
    each: int,
    each_failing: int,
    most: int,
    lost_seconds: float,
) -> list[Claim]:
    """Take what is due: up to `most`, and of one endpoint no more than `each` beside those at work."""
    values = {
        "courier": courier,
        "endpoints": list(busy),
        "busy": list(busy.values()),
        "each": each,
        "each_failing": each_failing,
        "most": most,
        "lost_seconds": lost_seconds,
    }
    return [Claim(*row) for row in await fetch_all(session, SQL[what], values)]


async def read(session: Session, courier: UUID, row: Claim, most: int) -> Work | None:
    """Read what is next; None when the claim is no longer the courier's."""
    name = "next_of_lane" if row.event_id is None else "next_replay"
    rows = await fetch_all(session, SQL[name], {**_key(row, courier), "most": most})
    if not rows:
        return None
    known, failures, url, status, secret, old_secret, failing_since, token = rows[0][:8]
    return Work(
        known=known,
        failures=failures,
        url=url,
        enabled=status == "enabled",
        sealed_secrets=[bytes(each) for each in (secret, old_secret) if each is not None],
        failing_since=failing_since,
        sealed_token=token,
        parcels=[Parcel(*each[8:]) for each in rows if each[8] is not None],
    )


async def delivered(
    session: Session, courier: UUID, row: Claim, parcel: Parcel, attempt: Attempt
) -> bool:
    """Write that an event was delivered; False when nothing more is held."""
    name = "delivered" if row.event_id is None else "replay_delivered"
    found = await fetch_one(session, SQL[name], _values(row, courier, parcel, attempt))
    return row.event_id is None and found is not None and found[0] is not None


async def failed(
    session: Session, courier: UUID, row: Claim, parcel: Parcel, attempt: Attempt, due_at: datetime
) -> bool:
    """Write that an attempt failed, and when the next is due; False when the claim was lost."""
    name = "failed" if row.event_id is None else "replay_failed"
    values = {**_values(row, courier, parcel, attempt), "due_at": due_at}
    return await fetch_one(session, SQL[name], values) is not None


async def given_up(
    session: Session, courier: UUID, row: Claim, parcel: Parcel, attempt: Attempt, attempts: int
) -> bool:
    """Write that an event will not be delivered: a dead letter; False when the claim was lost."""
    name = "given_up" if row.event_id is None else "replay_given_up"
    values = {**_values(row, courier, parcel, attempt), "attempts": attempts}
    return await fetch_one(session, SQL[name], values) is not None


async def rest(session: Session, courier: UUID, row: Claim, known: int) -> None:
    """Let a lane rest that has nothing left up to `known`; drop the replay of an event that is gone."""
    name = "rest" if row.event_id is None else "drop_replay"
    await session.execute(SQL[name].encode(), {**_key(row, courier), "known": known})


async def hand_back(session: Session, courier: UUID, row: Claim) -> None:
    """Give back what is not done, for whoever is next."""
    name = "hand_back" if row.event_id is None else "hand_back_replay"
    await session.execute(SQL[name].encode(), _key(row, courier))


def _key(row: Claim, courier: UUID) -> dict[str, Any]:
    return {**msgspec.structs.asdict(row), "courier": courier}


def _values(row: Claim, courier: UUID, parcel: Parcel, attempt: Attempt) -> dict[str, Any]:
    written = {k: v for k, v in msgspec.structs.asdict(attempt).items() if k != "id"}
    return {
        **_key(row, courier),
        **written,
        "attempt_id": attempt.id,
        "event_id": parcel.id,
        "number": parcel.number,
    }
