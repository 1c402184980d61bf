"""What the API is made of, handed to every call: the database, the providers, the desk for syncs."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from procrastinate import App

from milepost.api.throttle import Limits, Throttle
from milepost.kit.addresses import Allowed
from milepost.kit.registry import Registry
from milepost.store.pool import Database
from milepost.sync.connections import Reception
from milepost.sync.lines import Lines
from milepost.sync.live import Answers, Intervals
from milepost.sync.receiving import Receiver
from milepost.sync.request import Desk
from milepost.sync.retention import Retention
from milepost.webhooks.endpoints import Endpoints


class House(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one process of the API."""

    database: Database
    registry: Registry
    desk: Desk
    reception: Reception
    throttle: Throttle
    endpoints: Endpoints
    receiver: Receiver
    public_url: str
    answers: Answers
    retention: Retention


def furnish(
    database: Database,
    registry: Registry,
    queue: App,
    link_base: str,
    *,
    cadence: timedelta,
    deletion_grace: timedelta,
    limits: Limits,
    polled: Intervals,
    webhooks_allow: Allowed,
    retention: Retention,
) -> House:
    desk = Desk(registry, queue)
    lines = Lines(database, registry)
    return House(
        database=database,
        registry=registry,
        desk=desk,
        throttle=Throttle(database, limits),
        endpoints=Endpoints(database, webhooks_allow),
        receiver=Receiver(database, registry, desk, lines),
        public_url=link_base.rstrip("/"),
        answers=Answers(database, lines, polled),
        retention=retention,
        reception=Reception(
            database,
            registry,
            desk,
            link_base=link_base,
            cadence=cadence,
            deletion_grace=deletion_grace,
        ),
    )
