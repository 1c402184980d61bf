"""How fast a page of one vehicle's history is answered, wherever in ten million positions it stands."""

from __future__ import annotations

import asyncio
import http.client
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from bench.figures import Figure, median, percentile
from bench.installation import Fleet, Installation
from milepost import clock, ids
from milepost.store.partitions import Partitions, months_between

POSITIONS = 10_000_000
PAGE = 500
RUNS = 5
ROUNDS = 250
_WARM_UP = 100
_VEHICLES = 10
_DAYS = 300
_SEED = 7

# One day as a page of a sync brings it: one vehicle after the other, degrees with six decimals, one stamp.
_FILL_DAY = """
insert into position (connection_id, vehicle_id, located_at, modified_at, raw_id, latitude, longitude,
  raw_ordinal, heading, speed, address)
select %(connection_id)s, vehicle, %(day)s::timestamptz + step * %(beat)s::interval, now(), 1,
  (30000000 + step * 4001) / 1e6::float8, (-120000000 + step * 8009) / 1e6::float8, step, step %% 360,
  step %% 11000 / 100.0, 'I-' || step %% 90 || ', exit ' || step %% 400
from unnest(%(vehicles)s::uuid[]) vehicle, generate_series(0, %(steps)s - 1) step
order by vehicle, step
"""


class Run(msgspec.Struct):
    """Milliseconds of each answer of one run: of pages, and of the static ones asked for in between."""

    pages: list[float] = []
    static: list[float] = []


async def measure(site: Installation, positions: int = POSITIONS) -> list[Figure]:
    """Fill the table on the server, then ask for pages one at a time over one connection."""
    async with site.simulator(_VEHICLES + 2), site.api():
        async with site.worker(), site.connected() as fleet:
            listed = (await fleet.caller.get("/vehicles"))["results"]
        vehicles = [ids.read("vehicle", each["id"]) for each in listed[:_VEHICLES]]
        first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        first -= timedelta(days=_DAYS)
        stored = await _fill(site, fleet, vehicles, first, positions)
        runs, size = await asyncio.to_thread(_ask, site, fleet, vehicles, first)
    return _figures(runs, size, stored)


async def _fill(
    site: Installation, fleet: Fleet, vehicles: list[UUID], first: datetime, positions: int
) -> int:
    """Store positions as syncs would have, day after day; return how many."""
    steps = -(-positions // (_DAYS * len(vehicles)))
    values = {
        "connection_id": fleet.connection_id,
        "vehicles": vehicles,
        "steps": steps,
        "beat": timedelta(days=1) / steps,
    }
    async with site.database() as database, database.session() as session:
        last = first + timedelta(days=_DAYS)
        await Partitions(database).ensure("position", months_between(first, last))
        for day in range(_DAYS):
            await session.execute(
                _FILL_DAY.encode(), {**values, "day": first + timedelta(days=day)}
            )
        await session.execute("vacuum analyze position")
    return steps * _DAYS * len(vehicles)


def _ask(
    site: Installation, fleet: Fleet, vehicles: Sequence[UUID], first: datetime
) -> tuple[list[Run], int]:
    """Time answers in turns: a page from a random instant on, the one that its cursor leads to, a static one.

    The second result is the size of a page in bytes.
    """
    draw = random.Random(_SEED)  # noqa: S311  The same depths each time.
    headers = {"Authorization": f"Bearer {site.key}", "Connection-Token": fleet.token}
    line = http.client.HTTPConnection("127.0.0.1", site.api_port)
    runs, size = [Run() for _ in range(RUNS)], 0
    for number in range(-_WARM_UP, RUNS * ROUNDS):
        start = first + draw.random() * timedelta(days=_DAYS - 1)
        path = f"/tsp/v1/vehicles/{ids.show('vehicle', draw.choice(vehicles))}/locations?"
        asked = {"limit": PAGE, "startAt": clock.iso(start)}
        dived, body = _get(line, path + urlencode(asked), headers)
        page = msgspec.json.decode(body)
        assert len(page["results"]) == PAGE, "every depth has a whole page after it"
        followed, _ = _get(line, path + urlencode({**asked, "cursor": page["next"]}), headers)
        static, _ = _get(line, "/healthz", {})
        if number >= 0:
            run, size = runs[number // ROUNDS], len(body)
            run.pages += [dived, followed]
            run.static.append(static)
    line.close()
    return runs, size


def _get(
    line: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> tuple[float, bytes]:
    """Ask and read the whole answer; return the milliseconds that it took."""
    begun = time.perf_counter()
    line.request("GET", path, headers=headers)
    answer = line.getresponse()
    body = answer.read()
    took = (time.perf_counter() - begun) * 1000
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered {answer.status}: {body[:200]!r}")
    return took, body


def _figures(runs: Sequence[Run], size: int, stored: int) -> list[Figure]:
    middles = [percentile(run.pages, 0.5) for run in runs]
    static = [percentile(run.static, 0.5) for run in runs]
    note = f"{2 * ROUNDS} pages a run of {PAGE} ({size / 1000:.0f} kB) out of {stored:,}"
    return [
        median("page of history, p50", middles, "ms", note=note),
        median(
            "page of history, p99", [percentile(run.pages, 0.99) for run in runs], "ms", target=15
        ),
        median("static answer, p50", static, "ms", note="GET /healthz, over the same connection"),
        median("static answer, p99", [percentile(run.static, 0.99) for run in runs], "ms"),
        median(
            "page ÷ static, p50",
            [page / small for page, small in zip(middles, static, strict=True)],
            "",
        ),
    ]
