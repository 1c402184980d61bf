"""The HTTP application: what granian starts, and what tests build around a database of their own."""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import importlib.resources
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from types import MappingProxyType

import msgspec
from litestar import Litestar, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.router import Router
from procrastinate import App

from milepost import config, log
from milepost.api import guides, health, hints, openapi
from milepost.api.errors import HANDLERS
from milepost.api.house import furnish
from milepost.api.operations import PREFIX, Operation, handler_for
from milepost.api.routes import (
    connections,
    coverage,
    devices,
    drivers,
    events,
    faults,
    files,
    groups,
    hos,
    ifta,
    issues,
    link,
    locations,
    passthrough,
    providers,
    safety,
    stats,
    syncs,
    trailers,
    trips,
    unsupported,
    utilization,
    vehicles,
    webhooks,
)
from milepost.api.routes import hints as hint_routes
from milepost.api.sender import networks
from milepost.api.throttle import Limits
from milepost.errors import SetupError
from milepost.jobs import queue as jobs
from milepost.kit import addresses
from milepost.kit import registry as providers_installed
from milepost.kit.addresses import NONE_ALLOWED, Allowed
from milepost.kit.registry import Registry
from milepost.store.pool import Database
from milepost.sync.live import Intervals
from milepost.sync.retention import UNLIMITED, Retention
from milepost.vault import Vault

OPERATIONS: list[Operation] = [
    operation
    for module in (
        vehicles, drivers, locations, stats, groups, devices, trailers, hos, trips,
        safety, faults, utilization, ifta, connections, hint_routes, syncs, coverage, files, providers, issues,
        link, passthrough, unsupported, events, webhooks,
    )
    for operation in module.OPERATIONS
]  # fmt: skip


def from_environment() -> Litestar:
    """Build the application as the `MILEPOST_*` variables say; granian calls this in each of its processes."""
    settings = config.read(os.environ)
    log.configure(settings.log_format, settings.log_level)
    if settings.database_url is None:
        raise SetupError(
            "The API needs MILEPOST_DATABASE_URL; `milepost api` sets it to the embedded database."
        )
    database = Database(
        settings.database_url,
        Vault(config.keys_for(settings)),
        pool_size=settings.database_pool_size,
    )
    built = build(
        database,
        providers_installed.load(
            settings.provider_urls, settings.provider_pace, settings.oauth_apps
        ),
        jobs.app(settings.database_url),
        settings.link_base,
        cadence=timedelta(minutes=settings.sync_cadence_minutes),
        deletion_grace=timedelta(hours=settings.deletion_grace_hours),
        limits=Limits(
            connection=settings.rate_connection,
            application=settings.rate_application,
            address=settings.rate_address,
            history=settings.rate_history,
            trusted_proxies=networks(settings.trusted_proxies),
        ),
        polled=settings.polled,
        webhooks_allow=addresses.allowed(settings.webhooks_allow),
        retention=Retention(settings.retention_days),
    )
    # What is loaded now stays for good; the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    return built


def build(
    database: Database,
    registry: Registry,
    queue: App,
    public_url: str,
    *,
    cadence: timedelta = timedelta(hours=2),
    deletion_grace: timedelta = timedelta(hours=24),
    limits: Limits = Limits(),  # noqa: B008  Frozen.
    polled: Intervals = MappingProxyType({}),
    webhooks_allow: Allowed = NONE_ALLOWED,
    retention: Retention = UNLIMITED,
) -> Litestar:
    """Build the application; it opens the database when it starts and closes it when it stops."""
    house = furnish(
        database, registry, queue, public_url, cadence=cadence, deletion_grace=deletion_grace,
        limits=limits,
        polled=polled,
        webhooks_allow=webhooks_allow,
        retention=retention,
    )  # fmt: skip

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await database.open()
        try:
            yield
        finally:
            await database.close()

    contract = Router(PREFIX, route_handlers=[handler_for(each, house) for each in OPERATIONS])
    return Litestar(
        [contract, *health.handlers(house), *hints.handlers(house), *_description(public_url)],
        lifespan=[lifespan],
        exception_handlers=HANDLERS,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _description(public_url: str) -> list[HTTPRouteHandler]:
    """Serve the API's description, and a page to read it on that needs nothing from elsewhere."""
    version = importlib.metadata.version("milepost")
    described = msgspec.json.encode(openapi.document(OPERATIONS, public_url, version))
    guide = guides.page()
    page = importlib.resources.files("milepost.api").joinpath("docs.html").read_bytes()

    @get(["/openapi.json", "/tsp/openapi"], include_in_schema=False)
    async def describe() -> Response[bytes]:
        return Response(described, media_type="application/json")

    @get("/docs", include_in_schema=False)
    async def read() -> Response[bytes]:
        headers = {"Content-Security-Policy": "default-src 'self' 'unsafe-inline'"}
        return Response(page, media_type="text/html", headers=headers)

    @get(guides.PATH, include_in_schema=False)
    async def explain() -> Response[bytes]:
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return Response(guide, media_type="text/html", headers=headers)

    return [describe, read, explain]
