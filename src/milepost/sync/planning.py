"""Plans a sync by what the database knows, and says what a sync would take that nobody has asked for yet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from milepost import clock
from milepost.kit.contract import Manifest, StreamSpec
from milepost.kit.slices import SliceRow, Span
from milepost.models.sync import StreamEstimate, SyncEstimate
from milepost.store import coverage, estimates, slices
from milepost.store.pool import Session
from milepost.store.syncs import SyncRow
from milepost.sync import estimate, planner
from milepost.sync.estimate import Fleet, Measured
from milepost.sync.retention import Retention


async def plan_of(
    session: Session, manifest: Manifest, sync: SyncRow, retention: Retention, now: datetime
) -> list[SliceRow]:
    """Plan a sync that is written down, and with it whatever earlier ones asked for and is not held."""
    again = (sync.start_from, sync.requested_at) if sync.refetch else None
    wanted = await coverage.wanted(session, sync.connection_id)
    return await _plan(session, manifest, sync.connection_id, retention, now, wanted, again)


async def news_of(
    session: Session, manifest: Manifest, sync: SyncRow, retention: Retention, now: datetime
) -> list[SliceRow]:
    """Plan what a long sync reads of what came in since it was last at the present."""
    number = await slices.next_number(session, sync.connection_id, sync.id)
    since = sync.fed_at or now
    earliest = await _earliest(session, sync.connection_id, since)
    planned = planner.increments(manifest, since, now, earliest=earliest)
    return retention.clamped(manifest, planned, now, number)


async def missed_by(
    session: Session, spec: StreamSpec, sync: SyncRow, since: datetime, now: datetime
) -> list[SliceRow]:
    """Plan what a feed missed whose cursor was lost, `since` which it had told of everything."""
    number = await slices.next_number(session, sync.connection_id, sync.id)
    earliest = await _earliest(session, sync.connection_id, since)
    return planner.number_from(number, planner.refill(spec, since, now, earliest=earliest))


async def _earliest(session: Session, connection_id: UUID, since: datetime) -> datetime:
    """Return from when on anything was ever asked for, `since` at the latest."""
    wanted = await coverage.wanted(session, connection_id)
    return min(since, wanted[0][0]) if wanted else since


async def foresee(
    session: Session,
    manifest: Manifest,
    connection_id: UUID,
    retention: Retention,
    *,
    start: datetime,
    refetch: bool,
    now: datetime,
) -> SyncEstimate:
    """Say what a sync from `start` on would take."""
    span = (start, now)
    wanted = planner.union([*await coverage.wanted(session, connection_id), span])
    again = span if refetch else None
    planned = await _plan(session, manifest, connection_id, retention, now, wanted, again)
    measured = await estimates.measured(session, connection_id)
    past = {
        (row.pop("stream"), row.pop("mode")): msgspec.convert(row, Measured) for row in measured
    }
    models = {spec.model for spec in manifest.streams if spec.kind == "listing"}
    fleet = Fleet(counts=await estimates.fleet(session, connection_id, models))
    costs = estimate.costs(manifest, planned, past, fleet, now)
    each = [
        StreamEstimate(
            stream=name,
            title=manifest.stream(name).title,
            slices=cost.slices,
            calls=cost.calls,
            records=cost.records,
            bytes=cost.bytes,
            basis=cost.basis,
        )
        for name, cost in costs.items()
    ]
    return SyncEstimate(
        start_from=clock.iso(start),
        vehicles=fleet.counts.get("vehicle", 0),
        drivers=fleet.counts.get("driver", 0),
        calls=sum(one.calls for one in each),
        records=sum(one.records for one in each),
        bytes=sum(one.bytes for one in each),
        seconds=round(estimate.seconds(manifest, costs), 1),
        streams=each,
    )


async def _plan(
    session: Session,
    manifest: Manifest,
    connection_id: UUID,
    retention: Retention,
    now: datetime,
    wanted: list[Span],
    again: Span | None,
) -> list[SliceRow]:
    planned = planner.plan(
        manifest,
        now=now,
        wanted=wanted,
        held=await coverage.held(session, connection_id),
        checkpoints=await coverage.checkpoints(session, connection_id),
        lacking=await coverage.gaps(session, connection_id),
        again=again,
    )
    return retention.clamped(manifest, planned, now)
