"""Eighteen months of trips of a large fleet, vehicle by vehicle, from a provider that enforces its limit."""

from __future__ import annotations

import time
from uuid import UUID

import httpx2
import msgspec

from bench.figures import Figure
from bench.installation import Installation
from bench.played import Fleet, played
from milepost.kit import registry
from milepost.kit.registry import Entry, Registry
from milepost.store.pool import Session, fetch_one

VEHICLES = 611
DAYS = 548
PATH, RATE = "/v1/fleet/trips", 50


async def measure(site: Installation) -> list[Figure]:
    """Sync once to hear the provider without its limit, then anew with it, from a pace still to be found out."""
    async with (
        played(site, "samsara", VEHICLES, PATH, str(RATE)) as url,
        site.database() as database,
        site.session() as session,
    ):
        await _pace(url, "off")
        fleet = Fleet(database, _trips_only(url, unlimited=True))
        async with fleet.queue.open_async():
            connection_id, unpaced = await fleet.sync("samsara", DAYS)
        count = await _count(session, connection_id)
        await session.execute("truncate document, raw")
        await session.execute("checkpoint")
        await _pace(url, "on")
        fleet = Fleet(database, _trips_only(url, unlimited=False))
        async with fleet.queue.open_async():
            before = time.process_time()
            connection_id, paced = await fleet.sync("samsara", DAYS)
            processor = time.process_time() - before
        again = await _count(session, connection_id)
        asked, refused = await _pace(url, "off")
    assert count == again, "both syncs bring the same"
    note = f"{VEHICLES} vehicles, {DAYS} days: {count:,} trips in {asked - refused:,} calls"
    return [
        Figure(name="trips at 50 calls a second", value=paced, unit="s", target=180, note=note),
        Figure(name="calls refused", value=100 * refused / asked, unit="%", target=0.1),
        Figure(name="the worker's processor time of it", value=processor, unit="s"),
        Figure(
            name="the same without a limit", value=unpaced, unit="s",
            note="the provider makes the answers up meanwhile",
        ),
    ]  # fmt: skip


def _trips_only(url: str, *, unlimited: bool) -> Registry:
    known = registry.load()
    manifest = known.manifest("samsara")
    streams = [s for s in manifest.streams if s.kind == "listing" or s.name == "trips"]
    entry = Entry(
        msgspec.structs.replace(manifest, streams=streams),
        known.simulators()["samsara"].__package__,
    )
    return Registry({"samsara": entry}, {"samsara": url}, {"samsara": 0} if unlimited else {}, {})


async def _pace(url: str, wanted: str) -> tuple[int, int]:
    """Switch the limit; return how often the paced path was asked since the last time, and refused."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        said = (await client.post(f"{url}/_pace", content=wanted.encode())).json()
    return said["asked"], said["refused"]


async def _count(session: Session, connection_id: UUID) -> int:
    row = await fetch_one(
        session,
        "select count(*) from document where connection_id = %s and model = 'trip'",
        [connection_id],
    )
    assert row is not None
    return int(row[0])
