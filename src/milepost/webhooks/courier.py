"""Delivers events: takes lanes that are due, posts their events one after the other, and writes down each attempt.

A lane is one connection's events for one endpoint. What fails holds up its lane and no other. Everything
that another worker would need to go on stands in the database; what a killed courier held is free again when
it has not been seen for some seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from typing import Literal
from uuid import UUID

import psycopg
import structlog

from milepost import ids
from milepost.store import deliveries
from milepost.store.deliveries import Claim
from milepost.store.pool import Database
from milepost.webhooks.delivery import Delivery
from milepost.webhooks.line import Line
from milepost.webhooks.sequencer import CHANNEL

log = structlog.get_logger()

# So many lanes at once, of which one endpoint gets a few, and one that fails still fewer.
PLACES = 64
EACH = 8
EACH_FAILING = 2
_REPLAYS = 16
_REPLAYS_EACH = 4
# Says that it lives; after LOST_SECONDS of silence others take what it holds. A blocked event loop is silent
# too: it then loses its lanes, and cannot write for them.
PULSE_SECONDS = 1.0
LOST_SECONDS = 5.0
# What ends in a way that nobody foresaw is kept back so long, lest it end like that over and over without a pause.
BROKEN_OFF_SECONDS = 5.0
# Retries fall due without anybody telling.
_LOOK_SECONDS = 0.5


class Courier:
    """One worker's deliveries."""

    def __init__(
        self,
        database: Database,
        line: Line,
        *,
        retry_scale: float = 1.0,
        lost_seconds: float = LOST_SECONDS,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._database = database
        self._id = ids.new()
        self._delivery = Delivery(database, line, self._id, retry_scale=retry_scale)
        self._lost_seconds = lost_seconds
        self._look_seconds = look_seconds
        self._at_work: dict[asyncio.Task[None], Claim] = {}
        self._broken_off: deque[tuple[float, Claim]] = deque()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Deliver until cancelled; then finish nothing, and give everything back."""
        helpers = [asyncio.create_task(self._pulse()), asyncio.create_task(self._listen())]
        try:
            while True:
                # Not wait_for: before Python 3.12 it can swallow a cancellation, and then nobody ends.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look_seconds):
                        await self._wake.wait()
                self._wake.clear()
                try:
                    await self._look()
                except psycopg.Error as error:
                    log.warning("deliveries could not be looked for", error=str(error))
        finally:
            for task in [*helpers, *self._at_work]:
                task.cancel()
            await asyncio.gather(*helpers, *self._at_work, return_exceptions=True)
            with contextlib.suppress(psycopg.Error):
                async with self._database.session() as session:
                    await deliveries.leave(session, self._id)

    async def _look(self) -> None:
        """Take what is due, as far as there are places."""
        while self._broken_off and self._broken_off[0][0] <= time.monotonic():
            async with self._database.session() as session:
                await deliveries.hand_back(session, self._id, self._broken_off[0][1])
            self._broken_off.popleft()
        await self._take("claim_lanes", PLACES, EACH, EACH_FAILING)
        await self._take("claim_replays", _REPLAYS, _REPLAYS_EACH, _REPLAYS_EACH)

    async def _take(
        self,
        what: Literal["claim_lanes", "claim_replays"],
        places: int,
        each: int,
        each_failing: int,
    ) -> None:
        replays = what == "claim_replays"
        held = [c for c in self._at_work.values() if (c.event_id is not None) == replays]
        busy: Counter[UUID] = Counter(claim.endpoint_id for claim in held)
        if len(held) >= places:
            return
        async with self._database.session() as session:
            claims = await deliveries.claim(
                session,
                self._id,
                what,
                busy=busy,
                each=each,
                each_failing=each_failing,
                most=places - len(held),
                lost_seconds=self._lost_seconds,
            )
        for claim in claims:
            task = asyncio.create_task(self._delivery.work(claim))
            self._at_work[task] = claim
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        claim = self._at_work.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a delivery broke off", error=str(error), endpoint=str(claim.endpoint_id))
            self._broken_off.append((time.monotonic() + BROKEN_OFF_SECONDS, claim))
        self._wake.set()

    async def _pulse(self) -> None:
        while True:
            started = time.monotonic()
            try:
                async with self._database.session() as session:
                    await deliveries.seen(session, self._id)
            except psycopg.Error as error:
                log.warning("a courier could not say that it lives", error=str(error))
            await asyncio.sleep(max(PULSE_SECONDS - (time.monotonic() - started), 0.1))

    async def _listen(self) -> None:
        """Wake when the sequencer says that there is something new."""
        while True:
            try:
                session = await self._database.dedicated()
                try:
                    await session.execute(f"listen {CHANNEL}".encode())
                    self._wake.set()
                    async for _ in session.notifies():
                        self._wake.set()
                finally:
                    await session.close()
            except psycopg.Error as error:
                log.warning("nobody tells of new events for now", error=str(error))
            await asyncio.sleep(PULSE_SECONDS)
