"""`/healthz`: the process lives. `/readyz`: everything that serving takes is there."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from milepost.api.house import House
from milepost.store import health
from milepost.store.migrate import pending

# Workers give a sign of life each ten seconds; this is six of them.
WORKER_SECONDS = 60.0
# A load balancer asks again soon; it must not wait for a database that hangs.
_PATIENCE_SECONDS = 5.0


class Readiness(msgspec.Struct, frozen=True, rename="camel"):
    """What serving takes: each part is `ok`, or says what is missing."""

    status: str
    database: str
    migrations: str
    worker: str


def handlers(house: House) -> list[HTTPRouteHandler]:
    @get("/healthz", include_in_schema=False)
    async def healthz() -> Response[bytes]:
        return _answer(200, {"status": "ok"})

    @get("/readyz", include_in_schema=False)
    async def readyz() -> Response[bytes]:
        found = await readiness(house)
        return _answer(200 if found.status == "ok" else 503, found)

    return [healthz, readyz]


async def readiness(house: House) -> Readiness:
    """Look for the database, its migrations, and a worker that was seen lately."""
    database, migrations, worker = "unreachable", "unknown", "unknown"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            missing = await pending(house.database.url)
            database = "ok"
            migrations = f"pending: {', '.join(missing)}" if missing else "ok"
            if not missing:
                async with house.database.session() as session:
                    seen = await health.worker_seen(session, WORKER_SECONDS)
                worker = "ok" if seen else f"none seen within {WORKER_SECONDS:.0f} s"
    except (psycopg.Error, TimeoutError, OSError):
        pass  # What was not reached keeps saying so.
    whole = database == migrations == worker == "ok"
    return Readiness("ok" if whole else "not ready", database, migrations, worker)


def _answer(status: int, body: object) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
