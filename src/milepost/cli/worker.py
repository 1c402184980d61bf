"""`milepost worker`: work on syncs."""

from __future__ import annotations

from datetime import timedelta

from milepost.cli import running
from milepost.cli.database import database, require_migrated
from milepost.config import Settings, keys_for
from milepost.kit import addresses, registry
from milepost.vault import Vault


def worker() -> int:
    """Work on syncs and whatever else is queued, until Ctrl-C or SIGTERM.

    Run as many as there is work for, on as many hosts as there are: they share the queue.
    """
    return running.run(_work(running.settings()))


async def _work(settings: Settings) -> int:
    from milepost.sync import worker as engine
    from milepost.sync.retention import Retention

    async with database(settings) as url:
        await require_migrated(url)
        await engine.run(
            database_url=url,
            vault=Vault(keys_for(settings)),
            registry=registry.load(
                settings.provider_urls, settings.provider_pace, settings.oauth_apps
            ),
            concurrency=settings.worker_concurrency,
            turn_seconds=settings.sync_turn_seconds,
            silence_seconds=settings.worker_silence_seconds,
            cadence=timedelta(minutes=settings.sync_cadence_minutes),
            public_url=settings.link_base,
            webhooks_allow=addresses.allowed(settings.webhooks_allow),
            polled=settings.polled,
            poll_hands=settings.poll_concurrency,
            retention=Retention(settings.retention_days),
            drop_folder=settings.drop_folder,
        )
    return 0
