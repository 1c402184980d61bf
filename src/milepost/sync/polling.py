"""Managed polling: asks providers on a beat what is true at this moment, and keeps the answers for readers.

Off unless an interval is set. The schedule stands in the database, one row a connection and kind, so
that any number of workers share it: whoever is free claims the row that is overdue for the longest.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec
import structlog

from milepost import clock
from milepost.errors import LoginLost, MilepostError, NotAllowed, NotOffered, NotSupported, SlowDown
from milepost.kit.registry import Registry
from milepost.models.issue import IssueCode
from milepost.store import connections, live_answers
from milepost.store.connections import ConnectionRow
from milepost.store.live_answers import Due
from milepost.store.pool import Database, Session
from milepost.sync import live
from milepost.sync.disconnect import disconnect, link_url
from milepost.sync.lines import Lines
from milepost.sync.live import QUESTIONS, Answer, Intervals, Kind
from milepost.sync.telling import Teller
from milepost.vault import ConnectionKey

log = structlog.get_logger()

FAILED: IssueCode = "managed_poll_failed"
LACKS: IssueCode = "permission_missing"
NO_DATA: IssueCode = "managed_poll_returned_no_data"

# A poll begins when four fifths of the interval are over: so the answer before it, which is served
# until the interval ends, is replaced in time unless the provider is slow or all hands are full.
_EARLY = 0.8
# Longer than any answer in one piece takes; the claim on a poll outlives it.
_LONGEST_SECONDS = 60.0
_LEASE = timedelta(seconds=90)
# A failure that passes is not worth a word before it has come so often in a row.
_TOLD_AFTER = 3
_LONGEST_PAUSE = timedelta(minutes=15)


class Poller:
    """The polls of one worker: `hands` of them at the same time, no more than half on one provider."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        polled: Intervals,
        *,
        hands: int,
        public_url: str,
    ) -> None:
        self._database = database
        self._registry = registry
        self._lines = Lines(database, registry)
        self._polled = polled
        self._most_of_one = max(1, hands // 2)
        self._public_url = public_url
        self._busy: Counter[str] = Counter()

    async def enrol(self) -> None:
        """Give every connection that is to be polled its place in the schedule."""
        for kind in self._polled:
            async with self._database.session() as session:
                await live_answers.enrol(session, kind, self._providers(kind))

    async def sweep(self) -> None:
        """Drop the answers that nobody polls for any more."""
        async with self._database.session() as session:
            await live_answers.sweep(session, list(self._polled))

    async def work(self) -> int:
        """Poll what is due, one after the other, until nothing is; return how much was."""
        polled = 0
        while True:
            crowded = [code for code, n in self._busy.items() if n >= self._most_of_one]
            async with self._database.session() as session:
                due = await live_answers.claim(session, list(self._polled), crowded, _LEASE)
                if due is None:
                    return polled
                connection = await connections.get(session, due.connection_id)
            assert connection is not None
            self._busy[connection.provider] += 1
            try:
                await self._poll(connection, due)
            finally:
                self._busy[connection.provider] -= 1
            polled += 1

    async def _poll(self, connection: ConnectionRow, due: Due) -> None:
        kind = cast("Kind", due.kind)
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                answer = await live.ask(self._lines, connection, kind, awaited=False)
        except LoginLost:
            await self._disconnect(connection)
        except SlowDown as asked:
            await self._put_off(connection, due, asked.until, due.failures)
        except (MilepostError, TimeoutError) as error:
            await self._fail(connection, due, error)
        else:
            await self._keep(connection, due, answer)

    async def _keep(self, connection: ConnectionRow, due: Due, answer: Answer) -> None:
        interval = self._polled[cast("Kind", due.kind)]
        key = ConnectionKey(self._database.vault.open(connection.sealed_key))
        told = [(msgspec.json.encode(record), raw) for record, raw in answer.told]
        async with self._database.transaction() as session:
            at = await connections.stamp(session, connection.id)
            kept = await live_answers.keep(
                session,
                connection.id,
                key,
                due,
                told,
                asked_at=answer.asked_at,
                due_at=answer.asked_at + interval * _EARLY,
            )
            if not kept:
                return
            teller = self._teller(connection)
            for code in (FAILED, LACKS):
                await teller.works_again(session, code, due.kind, at)
            if told:
                await teller.works_again(session, NO_DATA, due.kind, at)
            else:
                words = QUESTIONS[cast("Kind", due.kind)].words
                message = f"The provider was asked {words}, and told nothing."
                await teller.issue(session, None, NO_DATA, due.kind, message, at)

    async def _fail(
        self, connection: ConnectionRow, due: Due, error: MilepostError | TimeoutError
    ) -> None:
        why = error.message if isinstance(error, MilepostError) else "The provider did not answer."
        failures = due.failures + 1
        log.warning("a poll failed", connection=str(connection.id), kind=due.kind, why=why)
        interval = self._polled[cast("Kind", due.kind)]
        pause = max(interval, min(interval * 2 ** min(failures - 1, 20), _LONGEST_PAUSE))
        lasting = isinstance(error, NotAllowed | NotOffered | NotSupported)
        async with self._database.transaction() as session:
            at = await connections.stamp(session, connection.id)
            next_at = clock.now() + (max(pause, _LONGEST_PAUSE) if lasting else pause)
            await live_answers.put_off(
                session, connection.id, due, due_at=next_at, failures=failures
            )
            if failures >= _TOLD_AFTER or lasting:
                code = LACKS if isinstance(error, NotAllowed) else FAILED
                await self._tell(session, connection, due, code, why, at)

    async def _tell(
        self,
        session: Session,
        connection: ConnectionRow,
        due: Due,
        code: IssueCode,
        why: str,
        at: datetime,
    ) -> None:
        now = await connections.get(session, connection.id)
        if now is None or now.status != "connected":
            return  # Its end is told of already.
        words = QUESTIONS[cast("Kind", due.kind)].words
        message = f"The provider could not be asked {words}: {why}"
        await self._teller(connection).issue(session, None, code, due.kind, message, at)

    async def _put_off(
        self, connection: ConnectionRow, due: Due, until: datetime, failures: int
    ) -> None:
        async with self._database.transaction() as session:
            await connections.stamp(session, connection.id)
            await live_answers.put_off(session, connection.id, due, due_at=until, failures=failures)

    async def _disconnect(self, connection: ConnectionRow) -> None:
        async with self._database.transaction() as session:
            link = link_url(self._public_url, connection)
            await disconnect(session, connection, self._teller(connection), link_url=link)

    def _teller(self, connection: ConnectionRow) -> Teller:
        return Teller(connection, self._registry.name(connection.provider))

    def _providers(self, kind: Kind) -> Sequence[str]:
        model = QUESTIONS[kind].model
        return [
            code
            for code in self._registry.codes
            if self._registry.manifest(code).supported_models.get(model) == "supported"
        ]
