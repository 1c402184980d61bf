"""Limits of our own API: by connection, by application, by address of who has no key, by month of dense history."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import psycopg
import structlog

from milepost import clock
from milepost.api.allowance import Allowance
from milepost.api.sender import Network, sender
from milepost.errors import TooManyRequests
from milepost.store import allowances
from milepost.store.pool import Database, Session
from milepost.store.scope import Scope

HISTORY_NOTE = "An installation may limit the pages of each past month (429); those of the present month are free."

log = structlog.get_logger()

# Subjects that one process remembers: some 5 MB. Forgetting one costs it the rest of a lease.
_KEPT = 10_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a second; 0 is no limit. `history` is for each connection, model and past month."""

    connection: float = 0
    application: float = 0
    address: float = 0
    history: float = 0
    trusted_proxies: tuple[Network, ...] = ()


class _Known(msgspec.Struct):
    subject: UUID
    allowance: Allowance
    # One request of this process leases; the others of the subject wait for what it brings.
    leasing: asyncio.Lock


class Throttle:
    """Admits requests or raises TooManyRequests; one a process, all of them on one database."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._known: dict[tuple[str, str | UUID], _Known] = {}

    async def scope(self, session: Session, scope: Scope) -> None:
        """Count a request of an application, and of the connection that it is about."""
        if self._limits.connection and scope.connection is not None:
            await self._spend(session, "connection", scope.connection.id, self._limits.connection)
        if self._limits.application:
            await self._spend(
                session, "application", scope.application_id, self._limits.application
            )

    async def address(self, peer: str | None, forwarded: Sequence[str]) -> None:
        """Count a request of somebody who is not known by a key.

        The caller holds no session: whoever waits here for another's lease must not keep it from one.
        """
        if self._limits.address:
            name = sender(peer, forwarded, self._limits.trusted_proxies)
            await self._spend(None, "address", name, self._limits.address)

    async def history(
        self, session: Session, connection_id: UUID, model: str, begins: datetime | None
    ) -> None:
        """Count a page of dense history by the month in which it begins; the present month is free."""
        if not self._limits.history:
            return
        month = "" if begins is None else f"{begins.astimezone(UTC):%Y-%m}"
        if month < f"{clock.now():%Y-%m}":
            await self._spend(
                session, "history", f"{connection_id.hex}:{model}:{month}", self._limits.history
            )

    async def _spend(
        self, session: Session | None, kind: str, name: str | UUID, rate: float
    ) -> None:
        known = self._known.get((kind, name))
        if known is None:
            known = self._remember(kind, name, rate)
        wait = known.allowance.spend(time.monotonic())
        if wait is None:
            async with known.leasing:
                while (wait := known.allowance.spend(time.monotonic())) is None:
                    await self._lease(session, known.subject, known.allowance)
        if wait:
            raise TooManyRequests(kind, wait)

    def _remember(self, kind: str, name: str | UUID, rate: float) -> _Known:
        if len(self._known) >= _KEPT:
            del self._known[next(iter(self._known))]
        # A keyed hash, from which nobody reads an address or a connection.
        digest = self._database.pepper.digest(f"allowance\x00{kind}\x00{name}")
        known = _Known(UUID(bytes=digest[:16]), Allowance(rate), asyncio.Lock())
        self._known[kind, name] = known
        return known

    async def _lease(self, session: Session | None, subject: UUID, allowance: Allowance) -> None:
        now = time.monotonic()
        rate, wish, least = allowance.rate, allowance.wish(now), allowance.least
        try:
            async with contextlib.AsyncExitStack() as stack:
                if session is None:
                    session = await stack.enter_async_context(self._database.session())
                granted, wait = await allowances.lease(
                    session, subject, rate=rate, wish=wish, least=least
                )
        except psycopg.OperationalError as error:
            # A request is let through rather than failed by its limit.
            log.warning("the limits of the API are not kept for a moment", exc_info=error)
            granted, wait = wish, 0.0
        allowance.leased(now, granted, wait)
