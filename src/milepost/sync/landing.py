"""Lands one page: rows, raw, checkpoint, coverage and events in one transaction, so that a page is whole or not there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.errors import UniqueViolation

from milepost import clock, ids
from milepost.ids import Identity
from milepost.kit.contract import Cut, Manifest, Page, StreamSpec
from milepost.kit.slices import Checkpoint, SliceRow, Span
from milepost.models.connection import Filters
from milepost.models.issue import IssueCode
from milepost.store import (
    archive,
    connections,
    coverage,
    merge_documents,
    merge_series,
    newest,
    slices,
    syncs,
    visibility,
)
from milepost.store.archive import RawCut
from milepost.store.partitions import Partitions, Series
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries
from milepost.store.syncs import SyncRow
from milepost.store.visibility import EVERYONE, Governed, rule_of
from milepost.sync.fence import Fence
from milepost.sync.govern import fill_gaps, welcome
from milepost.sync.nul import without_nul
from milepost.sync.retention import Retention
from milepost.sync.sanity import Place, sane
from milepost.sync.telling import LOSS, Teller
from milepost.sync.veil import Sifted, Veil, sift
from milepost.vault import ConnectionKey

SQL = queries("landing")

_SERIES: dict[str, Series] = {"vehicle_location": "position", "vehicle_stat": "stat"}
_SUBJECTS: tuple[Governed, ...] = ("vehicle", "driver")
# A sum changes and is not withdrawn; a provider that still computes one shows none of it.
_SUM = "vehicle_utilization_day"

# What a refused stream is reported as; a slice that was read to its end proves the contrary.
_REFUSALS: tuple[IssueCode, ...] = ("permission_missing", "provider_data_inaccessible")


class Stopped(Exception):
    """The sync was cancelled or has ended otherwise; nothing more may be written for it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Landing:
    """Where the pages of one run are merged, one after the other, on the run's fence."""

    def __init__(
        self,
        fence: Fence,
        partitions: Partitions,
        identity: Identity,
        key: ConnectionKey,
        sync: SyncRow,
        teller: Teller,
        manifest: Manifest,
        retention: Retention,
    ) -> None:
        # Which streams tell of vehicles, and which of drivers.
        timed = [spec for spec in manifest.streams if spec.kind != "listing"]
        self._followed: dict[str, list[str]] = {
            subject: [spec.name for spec in timed if spec.subject == subject]
            for subject in _SUBJECTS
        }
        self._fence = fence
        self._partitions = partitions
        self._identity = identity
        self._key = key
        self._sync = sync
        self._teller = teller
        self._retention = retention
        self._repeating: set[int] = set()

    async def hidden(self, spec: StreamSpec) -> dict[UUID, str]:
        """Return whom the filters hide of those that a stream is about, with their ids at the source."""
        if spec.kind == "listing":
            return {}
        async with self._fence.transaction() as session:
            return await visibility.hidden_at_source(
                session, self._identity.connection_id, spec.subject
            )

    async def land(
        self, spec: StreamSpec, row: SliceRow, page: Page, unasked: Collection[UUID] = ()
    ) -> SliceRow:
        """Merge a page and move its slice on; return the slice as it stands then.

        `unasked` are those whose records were not asked for. What is new of a series is copied straight in;
        where the key refuses, a page names something twice: it and the rest of its slice go through staging.
        """
        series = _SERIES.get(spec.model)
        if series is not None:
            months = sorted(merge_series.months(page.cuts))
            for each in _series_of(spec, series):
                await self._partitions.ensure(each, months)
        if series is not None and row.number not in self._repeating:
            try:
                return await self._merge(spec, row, page, series, unasked, straight=True)
            except UniqueViolation:
                self._repeating.add(row.number)
        return await self._merge(spec, row, page, series, unasked, straight=False)

    async def _merge(
        self,
        spec: StreamSpec,
        row: SliceRow,
        page: Page,
        series: Series | None,
        unasked: Collection[UUID],
        *,
        straight: bool,
    ) -> SliceRow:
        connection_id = self._identity.connection_id
        async with self._fence.transaction() as session:
            stamp, filters = await connections.stamp_filtered(session, connection_id)
            sifted = await self._sift(session, spec, without_nul(page.cuts), filters)
            if lacking := sifted.subjects.union(unasked):
                await visibility.keep_out(session, connection_id, self._kept_out(row), lacking)
            cuts, moved = sifted.cuts, {}
            if series is not None:
                live = series == "position" and row.mode == "feed"
                stored = await newest.stored(session, self._identity, cuts) if live else {}
                places = {whose: Place(*where) for whose, where in stored.items()}
                cuts = sane(cuts, clock.now(), places)
                if live:
                    last_at = {whose: where[0] for whose, where in stored.items()}
                    moved = dict(newest.advanced(cuts, last_at))
            raw_cuts = archive.number(cuts, stamp)
            records = sum(len(cut.records) for cut in cuts)
            if series is not None:
                changed: Iterable[int] = await self._land_series(
                    session, spec, series, raw_cuts, stamp, straight=straight
                )
                await self._teller.moved(session, self._identity, moved, stamp)
            else:
                changed = await self._land_documents(
                    session, spec, row, page, raw_cuts, sifted, filters, stamp
                )
            await self._keep_raw(session, spec, raw_cuts, set(changed), stamp)
            return await self._turn_page(session, spec, row, page, records)

    async def _land_series(
        self,
        session: Session,
        spec: StreamSpec,
        series: Series,
        raw_cuts: list[RawCut],
        stamp: datetime,
        *,
        straight: bool,
    ) -> set[int]:
        merge = merge_series.merge if straight else merge_series.merge_known
        changed: set[int] = set()
        for each in _series_of(spec, series):
            part = merge_series.share(each, raw_cuts) if spec.with_stats else raw_cuts
            merged = await merge(session, each, part, self._identity, stamp)
            changed |= merged.raw_ids
        return changed

    async def _sift(
        self, session: Session, spec: StreamSpec, cuts: list[Cut], filters: Filters | None
    ) -> Sifted:
        """Keep out of the page what the filters do not let in."""
        if filters is None or spec.kind == "listing":
            return Sifted(cuts)
        subject: Governed = spec.subject
        rule = rule_of(filters, subject)
        if rule == EVERYONE:
            return Sifted(cuts)
        hidden = await visibility.hidden(session, self._identity.connection_id, subject)
        return sift(cuts, Veil(subject, rule, hidden), self._identity)

    async def _land_documents(
        self,
        session: Session,
        spec: StreamSpec,
        row: SliceRow,
        page: Page,
        raw_cuts: list[RawCut],
        sifted: Sifted,
        filters: Filters | None,
        stamp: datetime,
    ) -> list[int]:
        connection_id, model = self._identity.connection_id, spec.model
        roster, followed = self._roster(spec, row), self._followed.get(model, [])
        if roster is not None and row.cursor is None:
            await merge_documents.begin_listing(session, connection_id, roster, stamp)
        changes = await merge_documents.merge(
            session,
            model,
            raw_cuts,
            self._identity,
            stamp,
            roster=roster,
            named=[ids.read(model, each) for each in sifted.records],
            rule=rule_of(filters, model),
            from_file=spec.name.startswith("files."),
        )
        await fill_gaps(session, connection_id, changes)
        if spec.kind == "listing":
            new = [(c.id, c.hidden) for c in changes if c.kind == "added" or c.was_gone]
            await welcome(session, connection_id, followed, new)
        raw_ids = [change.raw_id for change in changes if change.raw_id is not None]
        if page.last and spec.kind == "listing":
            farewell = await merge_documents.end_listing(session, connection_id, model, stamp)
            changes = [*changes, *farewell.removed]
            await welcome(session, connection_id, followed, farewell.returned)
            await self._judge_loss(session, spec, farewell.held_back)
        elif page.last and roster is not None and row.starts_at and row.ends_at:
            window = (row.starts_at, row.ends_at)
            changes += await merge_documents.end_window(
                session, connection_id, model, roster, window, stamp,
                subject=spec.subject, kept_out=self._kept_out(row),
            )  # fmt: skip
        if page.withdrawn:
            gone = [self._identity.uuid(model, each) for each in page.withdrawn]
            changes += await merge_documents.withdraw(session, connection_id, model, gone, stamp)
        await self._teller.changes(session, spec.model, changes, stamp)
        return raw_ids

    def _roster(self, spec: StreamSpec, row: SliceRow) -> str | None:
        """Name the list of who was named, by which the missing are found; a feed names only what is new."""
        if row.mode == "listing":
            return spec.model
        if spec.model == _SUM or not spec.names_all:
            return None
        # A slice about single vehicles says nothing of what others did.
        whole = row.mode == "history" and row.subjects is None
        return f"{spec.model}#{self._sync.id}#{row.number}" if whole else None

    def _kept_out(self, row: SliceRow) -> str:
        """Name the list of those whose data was kept out of a slice."""
        return f"kept_out#{self._sync.id}#{row.number}"

    async def _judge_loss(self, session: Session, spec: StreamSpec, held_back: int) -> None:
        code: IssueCode = "provider_data_inaccessible"
        subject, now = f"{spec.name}{LOSS}", clock.now()
        if held_back:
            message = (
                f"{held_back} entries of {spec.title} are no longer listed, which is too many to believe "
                "at once; they are removed when the next complete listing agrees, or when this issue is resolved."
            )
            await self._teller.issue(session, self._sync, code, subject, message, now)
        else:
            await self._teller.works_again(session, code, subject, now)

    async def _keep_raw(
        self,
        session: Session,
        spec: StreamSpec,
        raw_cuts: list[RawCut],
        changed: set[int],
        stamp: datetime,
    ) -> None:
        """Archive the cuts in which a record changed, and set aside what could not be used."""
        rejected = [raw for raw in raw_cuts if raw.cut.rejects]
        kept = [raw for raw in raw_cuts if raw.id in changed]
        connection_id = self._identity.connection_id
        fresh = await self._set_aside(session, spec, rejected, stamp) if rejected else set()
        wanted = (
            [raw for raw in raw_cuts if raw.id in changed or raw.id in fresh] if fresh else kept
        )
        if wanted:
            await archive.keep(session, connection_id, self._key, wanted, stamp)

    async def _set_aside(
        self, session: Session, spec: StreamSpec, rejected: list[RawCut], stamp: datetime
    ) -> set[int]:
        rows: list[dict[str, Any]] = [
            {
                "connection_id": self._identity.connection_id,
                # The same bad record of the same cut is set aside once, however often it is seen.
                "id": self._identity.uuid("set_aside", f"{spec.name}:{reject.at}:{hash_of(raw)}"),
                "stream": spec.name,
                "reason": reject.reason,
                "raw_id": raw.id,
                "raw_ordinal": reject.at,
                "at": stamp,
            }
            for raw in rejected
            for reject in raw.cut.rejects
        ]
        fresh: set[int] = set()
        for values in rows:
            fresh.update(r[0] for r in await fetch_all(session, SQL["set_aside"], values))
        reasons = ", ".join(dict.fromkeys(row["reason"] for row in rows))
        message = f"{spec.title}: {len(rows)} records were set aside, because they cannot be used: {reasons}."
        await self._teller.issue(
            session, self._sync, "provider_source_data_invalid", spec.name, message, stamp
        )
        return fresh

    async def _turn_page(
        self, session: Session, spec: StreamSpec, row: SliceRow, page: Page, records: int
    ) -> SliceRow:
        """Write how far sync and slice are, and what the slice's end proves; obey whoever asked the sync to stop."""
        sync = self._sync
        starts_at = row.starts_at
        if row.mode == "feed" and starts_at is None:
            starts_at = page.caught_up_to  # The feed was opened: from here on nothing escapes it.
        row = msgspec.structs.replace(
            row,
            cursor=page.cursor,
            starts_at=starts_at,
            pages=row.pages + 1,
            records=row.records + records,
            status="done" if page.last else "todo",
        )
        values = {
            "connection_id": sync.connection_id,
            "sync_id": sync.id,
            "number": row.number,
            "cursor": row.cursor,
            "records": records,
            "bytes": sum(len(cut.body) for cut in page.cuts),
            "asked": page.asked,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "status": row.status,
        }
        moved = await fetch_one(session, SQL["turn_page"], values)
        if moved is None or moved[1] != "in_progress":
            raise Stopped("The sync has ended already.")
        if moved[0] is not None:
            raise Stopped(moved[0])
        if page.last:
            await self._prove(session, spec, row, page)
        return row

    async def _prove(self, session: Session, spec: StreamSpec, row: SliceRow, page: Page) -> None:
        connection_id = self._identity.connection_id
        ends_at = page.caught_up_to if row.mode == "feed" else row.ends_at
        if row.mode == "feed" and page.cursor is not None:
            checkpoint = Checkpoint(page.cursor, page.caught_up_to)
            await coverage.keep_checkpoint(session, connection_id, spec.name, checkpoint)
        if row.starts_at is not None and ends_at is not None:
            # Whoever drops what is past its time may have done so while the slice was read.
            since = self._retention.stream_since(spec, clock.now()) or row.starts_at
            await self._hold(session, spec, row, (max(row.starts_at, since), ends_at))
        progress = await slices.progress(session, connection_id, self._sync.id)
        # A hundred is said by completion only.
        await syncs.run(session, "progress", self._sync, progress=min(progress, 99.99))
        for code in _REFUSALS:
            await self._teller.works_again(session, code, spec.name, clock.now())

    async def _hold(self, session: Session, spec: StreamSpec, row: SliceRow, span: Span) -> None:
        """Note what the slice has read, and whom it lacks: those that the filters kept out of it."""
        connection_id, stream = self._identity.connection_id, spec.name
        kept_out = await visibility.end_slice(
            session, connection_id, self._kept_out(row), spec.subject
        )
        if row.subjects is None:
            await coverage.hold(session, connection_id, stream, span)
        else:
            whose = [self._identity.uuid(spec.subject, each) for each in row.subjects]
            await coverage.fill(session, connection_id, stream, whose, span)
        # Who was let in while the slice was read lacks its first pages.
        await coverage.miss(
            session, connection_id, stream, kept_out.let_in, span, "not_yet_fetched"
        )
        await coverage.miss(session, connection_id, stream, kept_out.hidden, span, "filtered_out")


def _series_of(spec: StreamSpec, series: Series) -> tuple[Series, ...]:
    return ("position", "stat") if spec.with_stats else (series,)


def hash_of(raw: RawCut) -> str:
    """Name a cut by its content."""
    return ids.content_hash(raw.cut.body)
