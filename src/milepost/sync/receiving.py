"""Receives files: read through as they come, sealed part by part, and kept only once they are whole and good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog

from milepost import ids
from milepost.errors import BadRequest, NotFound, Problem, Refusal, Unprocessable
from milepost.kit.files import BrokenFile, Wrapping
from milepost.kit.registry import Registry
from milepost.store import connections, files, provider_requests
from milepost.store.connections import ConnectionRow
from milepost.store.files import PART_BYTES, FileRow
from milepost.store.pool import Database, Session
from milepost.store.provider_requests import RequestRow
from milepost.sync.lines import Lines
from milepost.sync.naming import named
from milepost.sync.request import HISTORICAL_FILES, Desk
from milepost.sync.surveying import Survey, survey
from milepost.vault import ConnectionKey

log = structlog.get_logger()

MOST_BYTES = 2 << 30


class TooLarge(Refusal):
    """A file may have 2 GB at the most; split it."""

    status = 413
    code = "payload_too_large"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender says of a file.

    `more` says that others follow, so that what they answer stays open. `request` is the provider request
    that it answers: unless told, the oldest that is open.
    """

    name: str
    vehicle: str | None = None
    time_zone: str | None = None
    request: UUID | None = None
    more: bool = False


class Receiver:
    """Takes files for connections."""

    def __init__(self, database: Database, registry: Registry, desk: Desk, lines: Lines) -> None:
        self._database = database
        self._registry = registry
        self._desk = desk
        self._lines = lines

    async def look(
        self, connection: ConnectionRow, chunks: AsyncIterable[bytes], given: Given
    ) -> Survey:
        """Read a file through and say what would be read; nothing is kept. Raises as `receive` does."""
        wrapping = await self._wrapping(connection, given)
        found = await survey(self._registry.files(connection.provider), wrapping, _bounded(chunks))
        async with self._database.session() as session:
            await self._require_known(session, connection, found)
        return found

    async def receive(
        self, connection: ConnectionRow, chunks: AsyncIterable[bytes], given: Given
    ) -> FileRow:
        """Receive a file; it is merged by a worker soon after.

        The same bytes again change nothing: the file that was received before is returned. Raises
        BrokenFile for what cannot be read, Unprocessable where nobody asked for files, TooLarge. Whatever
        is raised, also when the sender goes away, nothing of the file is kept.
        """
        wrapping = await self._wrapping(connection, given)
        await self._require_wanted(connection, given)
        file_id = ids.new()
        async with self._database.transaction() as session:
            at = await connections.stamp(session, connection.id)
            await files.insert(
                session, connection.id, file_id, name=given.name, vehicle=given.vehicle,
                time_zone=wrapping.time_zone.key if wrapping.time_zone else None,
                more=given.more, at=at,
            )  # fmt: skip
        try:
            formats = self._registry.files(connection.provider)
            kept = self._kept(connection, file_id, _bounded(chunks))
            found = await survey(formats, wrapping, kept)
            return await self._accept(connection, file_id, given, found)
        except BaseException:
            # Shielded, so that whoever is cut off still cleans up; what dies here is swept by a worker.
            await asyncio.shield(self._drop(connection.id, file_id))
            raise

    async def _kept(
        self, connection: ConnectionRow, file_id: UUID, chunks: AsyncIterable[bytes]
    ) -> AsyncIterator[bytes]:
        """Seal what passes by, a megabyte at a time."""
        key = ConnectionKey(self._database.vault.open(connection.sealed_key))
        part, number = bytearray(), 0

        async def store() -> None:
            nonlocal number
            sealed = await asyncio.to_thread(files.seal, key, file_id, number, bytes(part))
            async with self._database.transaction() as session:
                await connections.stamp(session, connection.id)
                await files.add_part(session, connection.id, file_id, number, sealed)
            number += 1
            part.clear()

        async for chunk in chunks:
            yield chunk
            part += chunk
            if len(part) >= PART_BYTES:
                await store()
        if part:
            await store()

    async def _accept(
        self, connection: ConnectionRow, file_id: UUID, given: Given, found: Survey
    ) -> FileRow:
        digest = bytes.fromhex(found.digest)
        async with self._database.transaction() as session:
            at = await connections.stamp(session, connection.id)
            before = await files.same(session, connection.id, digest)
            if before is not None:
                await files.change(session, "drop", connection.id, file_id)
                if before.status == "completed":
                    request = await self._request(session, connection, given)
                    await self._desk.answer(session, connection, request, more=given.more)
                return before
            await self._require_known(session, connection, found)
            request = await self._request(session, connection, given)
            if request is None:
                start = found.starts_at or at
                request = await self._desk.await_files(session, connection, start)
            row = await files.change(
                session, "receive", connection.id, file_id, digest=digest, at=at,
                survey=msgspec.json.encode(found).decode(), request_id=request.id,
                sync_id=request.sync_id,
            )  # fmt: skip
        if row is None:
            raise Unprocessable("The upload took too long between two parts and was given up.")
        log.info("a file was received", connection=str(connection.id), file=str(file_id))
        return row

    async def _drop(self, connection_id: UUID, file_id: UUID) -> None:
        async with self._database.transaction() as session:
            await connections.stamp(session, connection_id)
            await files.change(session, "drop", connection_id, file_id)

    async def _require_wanted(self, connection: ConnectionRow, given: Given) -> None:
        if connection.status != "connected":
            raise Unprocessable(
                f"The connection is {connection.status}; it must be connected to take files.",
                code="connection_disconnected",
            )
        async with self._database.session() as session:
            await self._request(session, connection, given)

    async def _request(
        self, session: Session, connection: ConnectionRow, given: Given
    ) -> RequestRow | None:
        """Find what the file answers; None where a connection of files has nothing open."""
        waiting = [
            each
            for each in await provider_requests.unanswered(session, connection.id)
            if each.type == HISTORICAL_FILES
        ]
        if given.request is not None:
            named_ = next((each for each in waiting if each.id == given.request), None)
            if named_ is None:
                shown = ids.show("provider_request", given.request)
                raise NotFound(detail=f"There is no open provider request {shown}")
            return named_
        if waiting:
            return waiting[0]
        if self._registry.manifest(connection.provider).file_formats:
            return None
        raise Unprocessable(
            "Nothing waits for files: request a sync with the provider request “historical_files” first."
        )

    async def _require_known(
        self, session: Session, connection: ConnectionRow, found: Survey
    ) -> None:
        """Raise BrokenFile for vehicles and drivers that a connection to a provider does not have."""
        if self._registry.manifest(connection.provider).file_formats:
            return
        match = named(
            found.vehicles,
            found.drivers,
            await files.known(session, connection.id, "vehicle"),
            await files.known(session, connection.id, "driver"),
        )
        strangers = [
            each.name or each.vin or each.source_id or ""
            for key in sorted(match.strange_vehicles)
            for each in [found.vehicles[key]]
        ]
        if found.hos_logs:
            strangers += [found.drivers[key].source_id for key in sorted(match.strange_drivers)]
        if strangers:
            listed = ", ".join(f"“{each[:60]}”" for each in strangers[:5])
            raise BrokenFile(1, f"the connection has no {listed}; name them as the provider does")

    async def _wrapping(self, connection: ConnectionRow, given: Given) -> Wrapping:
        zone = given.time_zone
        if zone is None and self._registry.manifest(connection.provider).file_formats:
            zone = (await self._lines.wallet(connection).credentials()).get("timeZone")
        try:
            found = ZoneInfo(zone) if zone else None
        except (KeyError, ValueError, OSError):
            problem = Problem(
                "is no time zone; write it like America/Chicago", "{requestQuery}.timeZone"
            )
            raise BadRequest("Invalid request parameters", [problem]) from None
        return Wrapping(name=given.name, vehicle=given.vehicle, time_zone=found)


async def _bounded(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MOST_BYTES:
            raise TooLarge
        if chunk:
            yield chunk
