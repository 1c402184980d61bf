"""How long a large fleet waits after connecting for its last positions, and for its last day, while history follows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from bench.figures import Figure
from bench.installation import Installation
from bench.played import LOGINS, Fleet, played
from bench.replay import NOW
from milepost.cli.caller import Caller
from milepost.kit import registry
from milepost.store.pool import Session, fetch_all

CODES = ("samsara", "motive", "geotab")
VEHICLES = 600
HISTORY_DAYS = 30
_DAY_BEFORE = NOW - timedelta(days=1)
_LOOK_SECONDS, _LIMIT_SECONDS = 0.25, 300.0

_NEWEST = "select max(located_at) from position where located_at >= %(since)s group by vehicle_id order by 1"
_LAST_DAY = (
    "select (select count(*) from position where located_at >= %(since)s),"
    " (select count(*) from stat where at >= %(since)s)"
)


async def measure(site: Installation) -> list[Figure]:
    """Hear each provider once without its limits; then connect the fleet anew, with them, for a month.

    Where the vehicles are now is asked afterwards, of a fleet that was connected a moment ago.
    """
    found: list[Figure] = []
    for code in CODES:
        async with (
            played(site, code, VEHICLES) as url,
            site.database() as database,
            site.session() as session,
        ):
            heard = Fleet(database, registry.load({code: url}, {code: 0}))
            async with heard.queue.open_async():
                await heard.sync(code, 1)
            newest, day = await _newest(session), await _last_day(session)
            await session.execute("truncate position, stat, raw, row_count, document")
            await session.execute("checkpoint")
            fleet = Fleet(database, registry.load({code: url}, {}))
            async with fleet.queue.open_async():
                sync = asyncio.create_task(fleet.sync(code, HISTORY_DAYS))
                started = time.perf_counter()
                positions = await _until(sync, lambda: _newest(session), newest) - started
                last_day = await _until(sync, lambda: _last_day(session), day) - started
                sync.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sync
            await session.execute("truncate position, stat, raw, row_count, document")
        rows = day[0][0] + day[0][1]
        found += [
            Figure(
                name=f"{code}: last position of every vehicle is stored", value=positions, unit="s",
                note=f"{len(newest)} of {VEHICLES} vehicles have one of that day",
            ),
            Figure(
                name=f"{code}: last 24 hours", value=last_day, unit="s", target=60,
                note=f"{rows:,} positions and readings, at the documented limits",
            ),
        ]  # fmt: skip
    return [*found, *[await _readable(site, code) for code in CODES]]


async def _readable(site: Installation, code: str) -> Figure:
    """Connect a fleet as a client does, and read where all of it is."""
    async with played(site, code, VEHICLES) as url:
        site.environ["MILEPOST_PROVIDER_URLS"] = json.dumps({code: url})
        async with site.api(), Caller(site.api_url, site.key) as caller:
            started = time.perf_counter()
            body = {"provider": code, "credentials": LOGINS[code], "company": {"name": "Bench"}}
            caller.use((await caller.post("/connections", body))["token"])
            seen = {each["vehicle"] async for each in caller.every("/vehicles/locations")}
            took = time.perf_counter() - started
    return Figure(
        name=f"{code}: last position of every vehicle is readable", value=took, unit="s", target=10,
        note=f"{len(seen)} of {VEHICLES} vehicles, by GET /vehicles/locations",
    )  # fmt: skip


async def _newest(session: Session) -> list[Any]:
    return await fetch_all(session, _NEWEST, {"since": _DAY_BEFORE})


async def _last_day(session: Session) -> list[Any]:
    return await fetch_all(session, _LAST_DAY, {"since": _DAY_BEFORE})


async def _until(
    sync: asyncio.Task[Any], look: Callable[[], Awaitable[list[Any]]], wanted: list[Any]
) -> float:
    """Return the instant at which what is stored is what is wanted; infinity where that takes too long."""
    until = time.perf_counter() + _LIMIT_SECONDS
    while time.perf_counter() < until:
        if await look() == wanted:
            return time.perf_counter()
        if sync.done():
            sync.result()
        await asyncio.sleep(_LOOK_SECONDS)
    return math.inf
