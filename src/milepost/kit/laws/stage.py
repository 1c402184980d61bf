"""Where a provider is tried: its own simulator over a small world, over real HTTP, with the clock held."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec

from milepost import clock
from milepost.ids import Identity
from milepost.kit import quota
from milepost.kit.contract import Connector, Cut, Manifest, Page, Slice, StreamSpec
from milepost.kit.grants import Grants
from milepost.kit.limits import Till
from milepost.kit.login import Pocket
from milepost.kit.loopback import Asked, Loopback, Said
from milepost.kit.quota import LATE, Leased, Rule
from milepost.kit.registry import Registry
from milepost.kit.simulation import Conditions, Mishap, SimRequest
from milepost.kit.world import World
from milepost.models.location import Fix
from milepost.models.stats import StatReading

NOW = datetime(2026, 3, 10, 18, 30, tzinfo=UTC)  # Two days after clocks went forward in the US.
SECRET = "zq7SecretWord"  # noqa: S105  What a login is made of here; it must turn up nowhere.
# Long enough for every stream to have something to tell, short enough for all laws in seconds.
SERIES, RECORDS = timedelta(hours=3), timedelta(days=4)
# What happens rarely, or by the month, is looked for further back.
SELDOM = {"ifta_vehicle_month": timedelta(days=40), "fault_code_event": timedelta(days=30)}


class Broken(Exception):
    """A law that does not hold; the message says where."""


class Beside(Exception):
    """A law that has nothing to be tried on here; the message says why."""


class SpokenIdentity(Identity):
    """Names records by what they are, so that what is expected can be read."""

    def __init__(self) -> None:
        super().__init__(UUID(int=1))

    def of(self, model: str, source_id: str) -> str:
        return f"{model}:{source_id}"


class HeldTill(Till):
    """A lender whose clock moves only where a wait is asked for; it keeps every call that it granted."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.granted: list[tuple[Rule, float]] = []
        self.calls = 0

    async def lease(
        self, rules: Sequence[Rule], want: int, *, live: bool, late: float = LATE
    ) -> Leased:
        states = [self._state(rule) for rule in rules]
        while not (
            found := quota.lease(rules, states, self.now, want, live=live, late=late)
        ).granted:
            self.now += found.wait
        self.calls += found.granted
        self.granted += [(rule, self.now) for rule in rules for _ in range(found.granted)]
        return found

    async def refuse(self, rule: Rule, seconds: float) -> None:
        quota.refuse(rule, self._state(rule), self.now, seconds)


class Line(msgspec.Struct, frozen=True):
    """A connector at its simulator, what it was asked, and what its budget granted."""

    connector: Connector
    server: Loopback
    till: HeldTill

    async def read(self, slice_: Slice) -> list[Page]:
        return [page async for page in self.connector.pages(slice_)]


class Stage:
    """One provider, and the world that its simulator speaks of.

    `reload` makes a registry in which providers are at the given addresses. What is read twice in the
    same way is read once.
    """

    def __init__(
        self,
        code: str,
        reload: Callable[[dict[str, str]], Registry],
        world: World,
        now: datetime = NOW,
    ) -> None:
        self.code = code
        self.world = world
        self.now = now
        self._reload = reload
        self._told: dict[str, list[Page]] = {}
        self.registry = reload({})

    @property
    def manifest(self) -> Manifest:
        return self.registry.manifest(self.code)

    @property
    def package(self) -> str:
        return self.registry.package(self.code)

    def module(self, name: str) -> Any:
        """Return a module of the provider's folder, or None."""
        try:
            return importlib.import_module(f"{self.package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{self.package}.{name}":
                raise
            return None

    def login(self) -> dict[str, str]:
        """Fill in the first login form; what is secret can be found again wherever it leaks."""
        fields = self.manifest.logins[0]
        return {
            field.name: f"{SECRET}{number}" if field.secret else f"{field.name}@fleet.example"
            for number, field in enumerate(fields)
        }

    def slice_of(self, spec: StreamSpec, cursor: str | None = None) -> Slice:
        """Return what a stream is asked for here: a listing, or a short history."""
        if spec.kind == "listing":
            return Slice(stream=spec.name, mode="listing", cursor=cursor)
        span = SERIES if spec.kind == "series" else RECORDS
        starts_at = self.now - SELDOM.get(spec.model, span)
        return Slice(
            stream=spec.name, mode="history", starts_at=starts_at, ends_at=self.now, cursor=cursor
        )

    @contextlib.asynccontextmanager
    async def line(
        self,
        *,
        page: int | None = None,
        mishaps: Sequence[Mishap] = (),
        identity: Identity | None = None,
        answer: Callable[[Asked], Said] | None = None,
    ) -> AsyncIterator[Line]:
        """Connect to the simulator, or to whatever answers; with the clock held."""
        conditions = Conditions(
            mishaps=frozenset(mishaps),
            page_records=page,
            page_readings=None if page is None else page * 60,
            retry_after=600.0,
            grants=Grants(),
        )
        till = HeldTill()
        async with Loopback(answer or self._simulated(conditions)).serving() as server:
            found = self._reload({self.code: server.base_url})
            connector = found.connect(
                self.code, Pocket(self.login()), identity or SpokenIdentity(), lender=till
            )
            with clock.held_at(self.now):
                try:
                    yield Line(connector, server, till)
                finally:
                    await connector.aclose()

    async def told(self, spec: StreamSpec) -> list[Page]:
        """Return a stream as it is read whole."""
        if spec.name not in self._told:
            async with self.line() as line:
                self._told[spec.name] = await line.read(self.slice_of(spec))
        return self._told[spec.name]

    @property
    def streams(self) -> list[StreamSpec]:
        """The streams of the manifest; raises Beside where there are none."""
        if not self.manifest.streams:
            raise Beside("the manifest has no streams yet")
        return self.manifest.streams

    def _simulated(self, conditions: Conditions) -> Callable[[Asked], Said]:
        simulator = self.module("sim")
        if simulator is None:
            raise Beside("there is no simulator")

        def answer(asked: Asked) -> Said:
            request = SimRequest(
                method=asked.method,
                path=asked.path,
                query=parse_qs(urlsplit(asked.target).query, keep_blank_values=True),
                headers=asked.headers,
                body=asked.body,
            )
            said = simulator.answer(request, self.world, clock.now(), conditions)
            return Said(said.body, said.status, said.headers)

        return answer


def cuts_of(pages: Sequence[Page]) -> list[Cut]:
    return [cut for page in pages for cut in page.cuts]


def shown(pages: Sequence[Page]) -> list[Any]:
    """Show the records of pages as JSON has them; a series' records with the vehicle that they are of."""
    return [
        msgspec.json.decode(msgspec.json.encode(record))
        | ({"vehicle": cut.subject} if isinstance(record, Fix | StatReading) else {})
        for cut in cuts_of(pages)
        for record in cut.records
    ]


def merged(pages: Sequence[Page]) -> dict[str, bytes]:
    """Merge records as the store does: by id, or by vehicle, kind and instant; the last one holds."""
    found: dict[str, bytes] = {}
    for cut in cuts_of(pages):
        for record in cut.records:
            if isinstance(record, Fix):
                key = f"position {cut.subject} {record.located_at.isoformat()}"
            elif isinstance(record, StatReading):
                key = f"{record.type} {cut.subject} {record.at.isoformat()}"
            else:
                key = f"{type(record).__name__} {record.id}"
            found[key] = msgspec.json.encode(record)
    return found
