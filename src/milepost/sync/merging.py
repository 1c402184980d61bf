"""Merges received files: page by page through the same landing as a provider's answers, and accounted for.

A file's merge is fenced by the file's own id, so that one worker at a time does it, beside whatever else
works on the connection. Its slices count the pages that are in; whoever takes a dead worker's place reads the
file again from its beginning and leaves those pages out.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import structlog

from milepost.ids import Identity
from milepost.kit.contract import Cut, Page, Record, StreamSpec
from milepost.kit.files import FileFormats, Row, Wrapping
from milepost.kit.registry import Registry
from milepost.kit.slices import SliceRow
from milepost.log import going_on
from milepost.models.location import Fix
from milepost.store import (
    connections,
    files,
    imported_ids,
    slices,
    syncs,
)
from milepost.store.connections import ConnectionRow
from milepost.store.files import FileRow
from milepost.store.partitions import Partitions
from milepost.store.pool import Database
from milepost.store.syncs import SyncRow
from milepost.sync import finish
from milepost.sync.fence import Fence, fenced, is_free
from milepost.sync.landing import Landing, Stopped
from milepost.sync.naming import Named, named
from milepost.sync.retention import Retention
from milepost.sync.surveying import Reading, Survey, rows
from milepost.sync.telling import Teller
from milepost.vault import ConnectionKey

log = structlog.get_logger()

_AT_ONCE = 20
# A page of so many records lands in some 100 ms; entities are fewer and larger.
_PAGE_RECORDS = 2_000
_PAGE_ENTITIES = 500

# Their names are their own: what files hold proves nothing of what a provider's streams hold.
SPECS: tuple[StreamSpec, ...] = (
    StreamSpec(name="files.vehicles", model="vehicle", kind="records", permission="",
               title="Vehicles in files"),
    StreamSpec(name="files.drivers", model="driver", kind="records", permission="",
               title="Drivers in files"),
    StreamSpec(name="files.positions", model="vehicle_location", kind="series", permission="",
               title="Positions and readings in files", with_stats=True),
    StreamSpec(name="files.hos_logs", model="hos_log", kind="records", permission="",
               title="Duty statuses in files"),
)  # fmt: skip
_VEHICLES, _DRIVERS, _POSITIONS, _DUTY = range(4)
_MILLISECOND = timedelta(milliseconds=1)


async def merge_due(database: Database, registry: Registry, retention: Retention) -> int:
    """Merge every file whose sync waits for it; return how many were merged to their end."""
    async with database.session() as session:
        due = await files.due(session, registry.codes, _AT_ONCE)
    merged = 0
    for connection_id, file_id in due:
        async with database.session() as session:
            if not await is_free(session, file_id):
                continue  # Another worker is at it.
        with going_on("a file could not be merged", file=str(file_id)):
            async with fenced(database, file_id) as fence:
                if fence is not None:
                    merged += await _merge(
                        database, registry, retention, fence, connection_id, file_id
                    )
    return merged


async def _merge(
    database: Database,
    registry: Registry,
    retention: Retention,
    fence: Fence,
    connection_id: UUID,
    file_id: UUID,
) -> bool:
    async with fence.transaction() as session:
        row = await files.get(session, connection_id, file_id)
        connection = await connections.get(session, connection_id)
        sync = None
        if row is not None and row.sync_id is not None:
            sync = await syncs.get(session, connection_id, row.sync_id)
        identity = await imported_ids.identity(session, connection_id)
    if row is None or row.status != "received" or connection is None or sync is None:
        return False
    teller = Teller(connection, registry.name(connection.provider))
    key = ConnectionKey(database.vault.open(connection.sealed_key))
    manifest = registry.manifest(connection.provider)
    landing = Landing(fence, Partitions(database), identity, key, sync, teller, manifest, retention)
    merge = Merge(database, fence, registry, connection, row, identity, key, landing)
    with contextlib.suppress(Stopped):  # Whoever stopped the sync has given the file up, too.
        await merge.run(sync)
        await _account(fence, teller, sync, row)
        return True
    return False


async def _account(fence: Fence, teller: Teller, sync: SyncRow, row: FileRow) -> None:
    """Say that the file is in; what waited for it and nothing else is completed."""
    async with fence.transaction() as session:
        at = await connections.stamp(session, row.connection_id)
        done = await files.change(session, "complete", row.connection_id, row.id, at=at)
        if done is None or row.request_id is None:
            raise Stopped("The file was given up.")
        await files.change(session, "drop_parts", row.connection_id, row.id)
        await finish.answered(session, teller, sync, row.request_id, at)
    log.info("a file was merged", file=str(row.id), sync=str(sync.id))


class Merge:
    """One file on its way in."""

    def __init__(
        self,
        database: Database,
        fence: Fence,
        registry: Registry,
        connection: ConnectionRow,
        row: FileRow,
        identity: Identity,
        key: ConnectionKey,
        landing: Landing,
    ) -> None:
        self._database = database
        self._fence = fence
        self._formats: FileFormats = registry.files(connection.provider)
        # Where a provider lists its own vehicles and drivers, a file changes nothing of them.
        self._makes_entities = bool(registry.manifest(connection.provider).file_formats)
        self._provider = connection.provider
        self._row = row
        self._identity = identity
        self._key = key
        self._landing = landing
        self._survey = msgspec.convert(row.survey, Survey)
        self._slices: list[SliceRow] = []
        self._skip = [0] * len(SPECS)

    async def run(self, sync: SyncRow) -> None:
        """Land what is not in yet; raises landing.Stopped when the sync has ended."""
        self._slices = await self._begin(sync)
        self._skip = [each.pages for each in self._slices]
        who = await self._named()
        entities: Sequence[tuple[int, list[Cut]]] = (
            (_VEHICLES, self._vehicle_cuts(who)),
            (_DRIVERS, self._driver_cuts(who)),
        )
        for number, cuts in entities:
            mine = cuts if self._makes_entities else []
            pages = [
                mine[at : at + _PAGE_ENTITIES] for at in range(0, len(mine), _PAGE_ENTITIES)
            ] or [[]]
            for place, page in enumerate(pages, 1):
                await self._land(number, page, last=place == len(pages))
        await self._land_rows(who)

    async def _begin(self, sync: SyncRow) -> list[SliceRow]:
        """Plan the file's slices, once."""
        row = self._row
        async with self._fence.transaction() as session:
            await connections.stamp(session, row.connection_id)
            first = row.first_slice
            if first is None:
                first = await slices.next_number(session, row.connection_id, sync.id)
                planned = [self._planned(spec, first + n) for n, spec in enumerate(SPECS)]
                await slices.insert(session, row.connection_id, sync.id, planned)
                await files.change(session, "begin", row.connection_id, row.id, first_slice=first)
                return planned
            return await slices.some(session, row.connection_id, sync.id, first, len(SPECS))

    def _planned(self, spec: StreamSpec, number: int) -> SliceRow:
        """A series is copied straight in, as history is; what happens in time is no listing, and buries none."""
        series = spec.kind == "series"
        starts_at, ends_at = self._survey.starts_at, self._survey.ends_at
        return SliceRow(
            number=number,
            stream=spec.name,
            mode="history" if series else "feed",
            rank=1,
            starts_at=starts_at if series else None,
            ends_at=ends_at + _MILLISECOND if series and ends_at else None,
            weight=float(max(1, self._survey.rows)) if series else 1.0,
        )

    async def _named(self) -> Named:
        async with self._fence.transaction() as session:
            vehicles = await files.known(session, self._row.connection_id, "vehicle")
            drivers = await files.known(session, self._row.connection_id, "driver")
        return named(self._survey.vehicles, self._survey.drivers, vehicles, drivers)

    def _vehicle_cuts(self, who: Named) -> list[Cut]:
        return [
            self._entity_cut(each, self._formats.vehicle(each, id_, self._provider, self._identity))
            for id_, each in sorted(who.vehicles.items())
        ]

    def _driver_cuts(self, who: Named) -> list[Cut]:
        return [
            self._entity_cut(each, self._formats.driver(each, id_, self._provider, self._identity))
            for id_, each in sorted(who.drivers.items())
        ]

    def _entity_cut(self, said: msgspec.Struct, record: Record) -> Cut:
        return Cut(
            body=msgspec.json.encode(said), schema=f"files.{self._survey.format}", records=[record]
        )

    async def _land_rows(self, who: Named) -> None:
        reading = Reading(
            self._formats,
            Wrapping(
                name=self._row.name,
                vehicle=self._row.vehicle,
                time_zone=ZoneInfo(self._row.time_zone) if self._row.time_zone else None,
            ),
        )
        series: list[Row] = []
        duty: list[Row] = []
        records = 0
        async for found in self._rows(reading):
            for row in found:
                if row.duty is not None:
                    duty.append(row)
                if row.records:
                    series.append(row)
                    records += len(row.records)
                if records >= _PAGE_RECORDS:
                    await self._land(_POSITIONS, self._series_cuts(series, who), last=False)
                    series, records = [], 0
        await self._land(_POSITIONS, self._series_cuts(series, who), last=True)
        places = range(0, max(len(duty), 1), _PAGE_ENTITIES)
        for at in places:
            page = self._duty_cuts(duty[at : at + _PAGE_ENTITIES], who)
            await self._land(_DUTY, page, last=at == places[-1])

    def _rows(self, reading: Reading) -> AsyncIterator[list[Row]]:
        return rows(reading, files.parts(self._database, self._row, self._key))

    def _series_cuts(self, page: Iterable[Row], who: Named) -> list[Cut]:
        by_vehicle: dict[str, list[Row]] = {}
        for row in page:
            assert row.vehicle is not None
            by_vehicle.setdefault(who.vehicle_ids[row.vehicle], []).append(row)
        return [
            Cut(
                body=msgspec.json.encode({"rows": [row.fields for row in each]}),
                schema=f"files.{self._survey.format}",
                subject=vehicle,
                path="rows",
                records=[self._driven(record, who) for row in each for record in row.records],
                ordinals=[n for n, row in enumerate(each) for _ in row.records],
            )
            for vehicle, each in by_vehicle.items()
        ]

    def _duty_cuts(self, page: list[Row], who: Named) -> list[Cut]:
        if not page:
            return []
        logs: list[Record] = [
            self._formats.hos_log(
                row.duty, who.vehicle_ids, who.driver_ids, self._provider, self._identity
            )
            for row in page
            if row.duty is not None
        ]
        body = msgspec.json.encode({"rows": [row.fields for row in page]})
        return [Cut(body=body, schema=f"files.{self._survey.format}", path="rows", records=logs)]

    async def _land(self, number: int, cuts: list[Cut], *, last: bool) -> None:
        """Land a page, unless it is in already."""
        if self._skip[number]:
            self._skip[number] -= 1
            return
        page = Page(cuts=cuts, cursor=None, last=last)
        self._slices[number] = await self._landing.land(SPECS[number], self._slices[number], page)

    def _driven(self, record: Record, who: Named) -> Record:
        """Name the driver by the id at the source; a driver whom the provider does not list is left out."""
        if not isinstance(record, Fix) or record.driver is None:
            return record
        known = self._makes_entities or record.driver not in who.strange_drivers
        driver = who.driver_ids.get(record.driver) if known else None
        return msgspec.structs.replace(record, driver=driver)
