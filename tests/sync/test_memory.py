"""What a worker needs does not grow with what it brings."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.sync.house import House, connect
from tests.sync.test_crashes import until, worker

from milepost import clock
from milepost.kit import registry
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store.pool import Database

CEILING_MEGABYTES = 250
# Some 45,000 locations a day.
DAYS = float(os.environ.get("MILEPOST_TEST_DAYS", "6"))
# Sixty days of the twenty trucks outlast 90 s on a machine that has other suites to run.
SECONDS = 90 + 10 * DAYS


@pytest.fixture
async def large(database: Database, application_id: UUID) -> AsyncIterator[House]:
    """Twenty trucks, with the vendor's own page measure."""
    simulator = Sandbox(Settings(vehicles=20, limits=False), registry.load().simulators())
    async with serving(simulator) as url:
        providers = registry.load({"samsara": f"{url}/samsara"}, {"samsara": 0})
        connection = await connect(database, application_id)
        yield House(database, connection, simulator, providers)


async def peak_of(large: House, installation_key: str, days: float) -> tuple[float, int]:
    """Sync so many days with a worker that has done nothing else; return its peak in MB, and the rows."""
    async with large.queue.open_async():
        sync = await large.request(start_from=clock.now() - timedelta(days=days), refetch=True)
    async with worker(large, installation_key) as process:
        state = await until(large, sync, ended=True, seconds=SECONDS)
        told = Path(f"/proc/{process.pid}/status").read_text()  # noqa: ASYNC240  No disk is behind it.
    assert state.status == "completed", state.failure_reason
    [peak] = [line.split()[1] for line in told.splitlines() if line.startswith("VmHWM")]
    return int(peak) / 1000, state.records


async def test_a_sync_of_many_rows_needs_the_memory_of_one_of_few(
    large: House, installation_key: str, record_property: Callable[[str, object], None]
) -> None:
    if sys.platform != "linux":
        pytest.skip("the peak is read off Linux's /proc")
    few, few_rows = await peak_of(large, installation_key, DAYS / 12)
    many, many_rows = await peak_of(large, installation_key, DAYS)

    figure = f"{few:.0f} MB for {few_rows:,} rows, {many:.0f} MB for {many_rows:,}"
    record_property("figure", f"a worker's peak: {figure}")
    assert many_rows > 6 * few_rows
    assert many <= CEILING_MEGABYTES
    assert many - few <= 40, "what is not given back at once is some slack of the allocator"
