"""A process that asks a provider as often as its budget lets it, for a while; started by tests."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from milepost.ids import Identity, new
from milepost.kit import registry
from milepost.kit.access import Access
from milepost.kit.authorization import FromCredentials
from milepost.kit.http import ProviderClient
from milepost.kit.limits import Budget, Limits, Payer
from milepost.kit.login import Pocket
from milepost.store.pool import Database
from milepost.store.quota import StoredLender
from milepost.vault import Vault


async def main(seconds: float) -> None:
    database = Database(os.environ["DATABASE_URL"], Vault([os.environ["INSTALLATION_KEY"]]))
    await database.open()
    base_url = os.environ["SAMSARA_URL"]
    manifest = registry.load().manifest("samsara")
    lender = StoredLender(database)
    limits = Limits(
        classes=manifest.limits,
        organization=manifest.organization_limit,
        login=manifest.login_limit,
    )
    wallet = Pocket({"key": "shared"})
    clients = [
        ProviderClient.of(
            Access(
                manifest=manifest,
                wallet=wallet,
                identity=Identity(new()),
                base_url=base_url,
                budget=Budget(limits, lender, Payer(wallet.owner, "fleet"), base_url),
            ),
            authorization=FromCredentials(
                wallet, lambda login: {"authorization": f"Bearer {login['key']}"}
            ),
        )
        for _ in range(2)
    ]
    print("ready", flush=True)  # noqa: T201  Read by the test.
    await asyncio.to_thread(sys.stdin.readline)
    ends = time.monotonic() + seconds

    async def hand(client: ProviderClient) -> None:
        while time.monotonic() < ends:
            await client.get("/fleet/vehicles", {}, spends="vehicles", judge=lambda _: None)

    await asyncio.gather(*(hand(client) for client in clients for _ in range(4)))
    for client in clients:
        await client.aclose()
    await database.close()


asyncio.run(main(float(sys.argv[1])))
