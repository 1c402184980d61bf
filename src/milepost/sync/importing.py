"""Takes over connections and ids from another system, so that whoever moves here keeps what its systems hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from milepost import clock, ids
from milepost.errors import MilepostError
from milepost.kit.registry import Registry
from milepost.models.connection import Account, Company, Filters, Options, SyncMode
from milepost.store import applications, connections, imported_ids
from milepost.store.pool import Database, Session
from milepost.sync.schedule import next_tick
from milepost.vault import ConnectionKey

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
# What has an id of its own at the source; the others are named by what they consist of.
ImportedModel = Literal[
    "vehicle", "driver", "group", "device", "trailer", "hos_log", "hos_daily_log", "trip", "safety_event"
]  # fmt: skip
_TOKEN = re.compile(r"con_tkn_[!-~]{1,200}")


class ConnectionLine(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag="connection",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A connection with the id and the token that it has; without credentials it waits to be linked again."""

    id: str
    token: str
    provider: str
    application_id: str | None = None
    credentials: dict[Text, Annotated[str, Meta(max_length=10_000)]] | None = None
    source_id: Text | None = None
    company: Company = Company()
    account: Account = Account()
    options: Options = Options()
    filters: Filters | None = None
    external_id: Text | None = None
    tags: list[Text] = []
    sync_mode: SyncMode = "automatic"
    created_at: Annotated[datetime, Meta(tz=True)] | None = None


class RecordLine(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag="record",
    forbid_unknown_fields=True,
):  # fmt: skip
    """The id that a record of a connection has."""

    connection: str
    model: ImportedModel
    source_id: Text
    id: str


Line = ConnectionLine | RecordLine
_decode = msgspec.json.Decoder(Line, strict=True).decode


class ImportRefused(MilepostError):
    """A line cannot be imported; the message names it."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"Line {number}: {why}")


class Counted(msgspec.Struct, rename="camel"):
    """What an import did, or would do."""

    connections_added: int = 0
    connections_unchanged: int = 0
    ids_added: int = 0
    ids_unchanged: int = 0


def read_line(number: int, text: bytes) -> Line:
    """Read one line of the file; raise ImportRefused that says what is wrong with it."""
    try:
        line: Line = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ImportRefused(number, f"{error}.") from None
    if b"\\u0000" in text:
        raise ImportRefused(number, "NUL characters cannot be stored.")
    return line


class Importer:
    """Imports lines, some at a time, in the caller's transaction."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        application_id: UUID | None,
        cadence: timedelta,
    ) -> None:
        self._database = database
        self._registry = registry
        self._application_id = application_id
        self._cadence = cadence
        self.counted = Counted()

    async def take(self, session: Session, lines: Sequence[tuple[int, Line]]) -> None:
        """Import numbered lines; raise ImportRefused, and then the caller's transaction must not be committed."""
        records: dict[tuple[str, str], dict[str, tuple[int, UUID]]] = {}
        for number, line in lines:
            if isinstance(line, ConnectionLine):
                await self._connection(session, number, line)
                continue
            group = records.setdefault((line.connection, line.model), {})
            wanted = _id(number, line.model, line.id)
            if group.get(line.source_id, (0, wanted))[1] != wanted:
                raise ImportRefused(number, f"{line.model} {line.source_id} is given two ids.")
            group.setdefault(line.source_id, (number, wanted))
        # In one order, so that no two imports wait for each other.
        for (connection, model), group in sorted(records.items()):
            await self._records(session, connection, model, group)

    async def _connection(self, session: Session, number: int, line: ConnectionLine) -> None:
        connection_id = _id(number, "connection", line.id)
        application_id = self._application_id
        if line.application_id is not None:
            application_id = _id(number, "application", line.application_id)
        if application_id is None:
            raise ImportRefused(
                number, "the connection names no applicationId, and --application was not given."
            )
        if not _TOKEN.fullmatch(line.token):
            raise ImportRefused(number, "the token must be like con_tkn_….")
        if line.provider not in self._registry:
            raise ImportRefused(number, f"the provider {line.provider} is not installed here.")
        if not await applications.exists(session, application_id):
            raise ImportRefused(
                number, f"there is no application {ids.show('application', application_id)}."
            )
        digest = self._database.pepper.digest(line.token)
        before = await connections.get(session, connection_id)
        if before is not None:
            if before.token_digest != digest or before.application_id != application_id:
                raise ImportRefused(number, f"{line.id} is another connection here.")
            self.counted.connections_unchanged += 1
            return
        if await connections.token_is_taken(session, digest):
            raise ImportRefused(number, "the token is that of another connection here.")
        await connections.insert(
            session, self._columns(connection_id, application_id, digest, line)
        )
        row = await connections.get(session, connection_id)
        assert row is not None
        changes: dict[str, Any] = {"filters": line.filters}
        if line.credentials is None:
            changes |= {"status": "disconnected", "next_sync_at": None}
        await connections.update(session, msgspec.structs.replace(row, **changes))
        self.counted.connections_added += 1

    def _columns(
        self, connection_id: UUID, application_id: UUID, digest: bytes, line: ConnectionLine
    ) -> dict[str, Any]:
        vault, now = self._database.vault, clock.now()
        automatic = line.sync_mode == "automatic"
        return {
            "id": connection_id,
            "application_id": application_id,
            "provider": line.provider,
            "sync_mode": line.sync_mode,
            "source_id": line.source_id,
            "company": line.company,
            "account": line.account,
            "options": line.options,
            "external_id": line.external_id,
            "tags": list(dict.fromkeys(line.tags)),
            "token_digest": digest,
            "sealed_token": vault.seal(line.token.encode()),
            "sealed_key": vault.seal(ConnectionKey.new().bytes),
            "sealed_credentials": vault.seal(msgspec.json.encode(line.credentials or {})),
            "at": line.created_at or now.replace(microsecond=now.microsecond // 1000 * 1000),
            "next_sync_at": next_tick(connection_id, now, self._cadence) if automatic else None,
        }

    async def _records(
        self, session: Session, connection: str, model: str, group: Mapping[str, tuple[int, UUID]]
    ) -> None:
        first = min(number for number, _ in group.values())
        connection_id = _id(first, "connection", connection)
        if await connections.get(session, connection_id) is None:
            raise ImportRefused(first, f"there is no connection {connection}.")
        await connections.stamp(session, connection_id)
        wanted = {source_id: id_ for source_id, (_, id_) in group.items()}
        if len(set(wanted.values())) < len(wanted):
            raise ImportRefused(first, f"from here on, two of {model} are given the same id.")
        done: set[str] = set()
        for where, source_id, id_ in await imported_ids.known(
            session, connection_id, model, wanted
        ):
            if wanted.get(source_id) == id_:
                done |= {source_id} if where == "imported" else set()
                continue
            number = group[source_id][0] if source_id in group else first
            raise ImportRefused(
                number,
                f"{model} {source_id} is {where} as {ids.show(model, id_)} already; ids are imported "
                "before the first sync.",
            )
        fresh = {source_id: id_ for source_id, id_ in wanted.items() if source_id not in done}
        await imported_ids.insert(session, connection_id, model, fresh)
        if fresh and await imported_ids.count(session, connection_id) > imported_ids.MOST:
            raise ImportRefused(
                first, f"{connection} would have more than {imported_ids.MOST} imported ids."
            )
        self.counted.ids_added += len(fresh)
        self.counted.ids_unchanged += len(done)


def _id(number: int, model: str, text: str) -> UUID:
    try:
        return ids.read(model, text)
    except ValueError as error:
        raise ImportRefused(number, f"the {model}'s id {error}.") from None
