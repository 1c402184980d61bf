"""A worker as `milepost worker` is one, but without request limits, and for the series named in its arguments.

`python -m bench.worker locations` leaves the stats out, so that what is measured is locations.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Collection
from datetime import timedelta

import msgspec

from milepost import config, log
from milepost.kit import addresses, registry
from milepost.kit.registry import Entry, Registry
from milepost.sync import worker
from milepost.vault import Vault


def narrowed(settings: config.Settings, series: Collection[str]) -> Registry:
    """Return a registry of Samsara alone, with its listings and the given series, unlimited."""
    known = registry.load()
    manifest = known.manifest("samsara")
    streams = [s for s in manifest.streams if s.kind == "listing" or s.name in series]
    package = known.simulators()["samsara"].__package__
    entry = Entry(msgspec.structs.replace(manifest, streams=streams), package)
    return Registry({"samsara": entry}, settings.provider_urls, {"samsara": 0}, {})


async def work(series: Collection[str]) -> None:
    settings = config.read(os.environ)
    log.configure(settings.log_format, settings.log_level)
    assert settings.database_url is not None
    await worker.run(
        database_url=settings.database_url,
        vault=Vault(config.keys_for(settings)),
        registry=narrowed(settings, series),
        concurrency=settings.worker_concurrency,
        turn_seconds=settings.sync_turn_seconds,
        cadence=timedelta(minutes=settings.sync_cadence_minutes),
        public_url=settings.link_base,
        webhooks_allow=addresses.allowed(settings.webhooks_allow),
    )


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1:]))
