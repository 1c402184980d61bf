"""Drops what is past its retention, in the background: batches under the stamp, and months that are past as a whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID

import msgspec
import structlog

from milepost import clock
from milepost.kit.registry import Registry
from milepost.store import connections, expiry
from milepost.store.documents import DocumentModel, RecordModel
from milepost.store.partitions import Series
from milepost.store.pool import Database, fetch_one
from milepost.sync.retention import Retention

log = structlog.get_logger()

_AT_ONCE = 100
# A batch takes some 30 ms; nobody waits for the stamp of a connection for longer.
_BATCH = 5_000
# After this time others get their turn; the next look goes on.
_SECONDS = 30.0
# A number of ours for pg_try_advisory_lock: of all workers, one drops at a time.
_LOCK = 7_306_534

_SERIES: dict[str, Series] = {"positions": "position", "stats": "stat"}
# What stands for a day or a month is dropped when all of that is past, wherever the day was.
_SPANS = {
    "hos_daily_log": timedelta(days=2),
    "vehicle_utilization_day": timedelta(days=2),
    "ifta_vehicle_month": timedelta(days=32),
}
# What stands under no connection that lives, and what became of deliveries: found by nothing but its age.
_BY_AGE = {"events": ("events_of_others",), "deliveries": ("attempts", "dead_letters")}
_RECORDS = [*get_args(RecordModel), "vehicle_utilization_day", "ifta_vehicle_month"]


class _Step(msgspec.Struct, frozen=True):
    """One query that drops rows of a kind."""

    query: str
    cutoff: datetime
    model: str | None = None


async def expire(
    database: Database,
    registry: Registry,
    retention: Retention,
    *,
    batch: int = _BATCH,
    seconds: float = _SECONDS,
    now: datetime | None = None,
) -> bool:
    """Drop what is past, for some seconds; True when nothing is left to drop.

    A sync that runs goes on meanwhile: each batch is a transaction of its own that takes the connection's
    stamp, and nothing takes its fence.
    """
    if not retention.days:
        return True
    at, until = now or clock.now(), time.monotonic() + seconds
    guard = await database.dedicated()
    try:
        row = await fetch_one(guard, "select pg_try_advisory_lock(%s)", (_LOCK,))
        if row is None or not row[0]:
            return False
        whole = await _expire_connections(database, registry, retention, at, batch, until)
        whole = whole and await _expire_by_age(database, retention.cutoffs(at), batch, until)
        for kind, series in _SERIES.items():
            if cutoff := retention.cutoffs(at).get(kind):
                for month in await expiry.empty_months(guard, kind, series, cutoff):
                    log.info("a month that is past was emptied", month=month)
    finally:
        await guard.close()
    return whole


async def _expire_connections(
    database: Database,
    registry: Registry,
    retention: Retention,
    now: datetime,
    batch: int,
    until: float,
) -> bool:
    cutoffs, after = retention.cutoffs(now), None
    cutoffs.pop("deliveries", None)
    while True:
        async with database.session() as session:
            found = await expiry.due(session, cutoffs, after, _AT_ONCE)
        for connection_id, provider in found:
            async with database.transaction() as session:
                await connections.stamp(session, connection_id)
                # First nothing claims it any more, then it goes.
                since = _streams_since(registry, retention, provider, now)
                await expiry.release(session, connection_id, since)
                reached = await expiry.reached(session, connection_id)
            for kind, cutoff in cutoffs.items():
                if kind in reached and reached[kind] >= cutoff:
                    continue
                if not await _drop(database, connection_id, kind, cutoff, batch, until):
                    return False
            after = connection_id
        if len(found) < _AT_ONCE:
            return True


async def _expire_by_age(
    database: Database, cutoffs: Mapping[str, datetime], batch: int, until: float
) -> bool:
    """Drop what belongs to no connection that is looked after; False when the time was up before the end."""
    for kind in _BY_AGE.keys() & cutoffs.keys():
        for query in _BY_AGE[kind]:
            dropped = batch
            while dropped >= batch:
                async with database.transaction() as session:
                    dropped = await expiry.drop_by_age(session, query, cutoffs[kind], batch)
                if dropped >= batch and time.monotonic() >= until:
                    return False
                await asyncio.sleep(0)
    return True


def _streams_since(
    registry: Registry, retention: Retention, provider: str, now: datetime
) -> Mapping[str, datetime]:
    """Say from when on a provider's streams are kept, those that are limited."""
    if provider not in registry:
        return {}
    found = {
        spec.name: retention.stream_since(spec, now) for spec in registry.manifest(provider).streams
    }
    return {name: since for name, since in found.items() if since is not None}


async def _drop(
    database: Database, connection_id: UUID, kind: str, cutoff: datetime, batch: int, until: float
) -> bool:
    """Drop batch by batch what a connection has of a kind; False when the time was up before the end."""
    for step in _steps(kind, cutoff):
        dropped = batch
        while dropped >= batch:
            async with database.transaction() as session:
                await connections.stamp(session, connection_id)
                if kind in _SERIES:
                    dropped = await expiry.drop_some_of_series(
                        session, connection_id, _SERIES[kind], cutoff, batch
                    )
                else:
                    dropped = await expiry.drop_some(
                        session, connection_id, step.query, step.cutoff, batch, step.model
                    )
            if dropped >= batch and time.monotonic() >= until:
                return False
            await asyncio.sleep(0)
    async with database.transaction() as session:
        await connections.stamp(session, connection_id)
        await expiry.reach(session, connection_id, kind, cutoff)
    return True


def _steps(kind: str, cutoff: datetime) -> list[_Step]:
    match kind:
        case "raw":
            return [_Step("set_aside", cutoff), _Step("raw", cutoff)]
        case "documents":
            records = [
                _Step("records", cutoff - _SPANS.get(model, timedelta(0)), model)
                for model in _RECORDS
            ]
            entities = [_Step("entities", cutoff, model) for model in get_args(DocumentModel)]
            return [*records, *entities, _Step("versions_of_dropped", cutoff)]
        case _:
            return [_Step(kind, cutoff)]
