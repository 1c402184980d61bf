"""The sandbox's server: every simulator under /<code>, and the controls under /_sandbox.

A plain ASGI application: a simulator's answer is bytes already, and nothing should stand between them
and the wire when a sync's speed is measured.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs

import msgspec

from milepost import clock
from milepost.errors import SetupError
from milepost.kit import registry
from milepost.kit.grants import Grants
from milepost.kit.simulation import Conditions, SimAnswer, SimRequest, Throttle
from milepost.kit.world import World
from milepost.sandbox.controls import CONTROLS, Controls
from milepost.sandbox.faults import MISHAPS, SLOW_S, Fault, FaultBook, read_faults, without
from milepost.sandbox.oracle import RequestLog
from milepost.sandbox.tracks import TrackWorld
from milepost.sandbox.world import SyntheticWorld

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PREFIX = "MILEPOST_SANDBOX_"
_MOST_BODY = 1_000_000  # bytes; nobody sends the sandbox more than a few faults


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the sandbox is set up; each field is also an environment variable MILEPOST_SANDBOX_<FIELD>.

    `tracks` names a folder of GPX files, whose vehicles replace the seeded ones and whose traces end at
    `start` (unset: now). `limits` switches the vendors' rate limits. `prerender` keeps every whole hour
    that was once written, so that measurements leave the simulator's own cost out. `faults` are in force
    from the beginning, as `read_faults` reads them.
    """

    seed: int = 7
    vehicles: int = 10
    tracks: Path | None = None
    limits: bool = True
    start: datetime | None = None
    prerender: bool = False
    page_readings: int | None = None
    page_records: int | None = None
    faults: str = ""

    def environment(self) -> dict[str, str]:
        """Spell these settings for a child process."""
        shown = msgspec.to_builtins(self, builtin_types=(datetime, Path), enc_hook=str)
        return {
            f"{_PREFIX}{name.upper()}": value.isoformat() if name == "start" else str(value)
            for name, value in shown.items()
            if value is not None
        }


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment; raise SetupError where one is no good."""
    given = {
        name.removeprefix(_PREFIX).lower(): value.lower() if value in ("True", "False") else value
        for name, value in environment.items()
        if name.startswith(_PREFIX) and value
    }
    try:
        return msgspec.convert(
            given, Settings, strict=False, dec_hook=lambda type_, value: type_(value)
        )
    except msgspec.ValidationError as error:
        raise SetupError(f"A setting {_PREFIX}… is no good: {error}") from None


def make_world(settings: Settings) -> World:
    """Make the fleet: real traces where a folder is given, else a seeded one."""
    if settings.tracks is None:
        return SyntheticWorld(settings.seed, settings.vehicles)
    try:
        return TrackWorld(settings.tracks, settings.start or clock.now(), seed=settings.seed)
    except (OSError, ValueError) as error:
        raise SetupError(f"The sandbox cannot read its tracks: {error}") from None


def create_app() -> Sandbox:
    """Make the application as the environment says; granian's factory."""
    return Sandbox(read_settings(), registry.load().simulators())


class Sandbox:
    """The ASGI application; `world`, `faults` and `log` are open to tests in the same process."""

    def __init__(self, settings: Settings, simulators: Mapping[str, ModuleType]) -> None:
        self.settings = settings
        self.world = make_world(settings)
        self.simulators = dict(simulators)
        self.faults = FaultBook()
        for fault in read_faults(settings.faults):
            self.faults.add(fault)
        self.log = RequestLog()
        self._controls = Controls(self.world, self.faults, self.log, self.prerender)
        self._shelf: dict[Any, Any] | None = {} if settings.prerender else None
        self.grants = {code: Grants() for code in simulators}
        self._throttles = {code: Throttle() for code in simulators} if settings.limits else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    def prerender(self, start: datetime, end: datetime) -> int:
        """Write the positions of a window ahead; return how many (0 where nothing is kept)."""
        if self._shelf is None:
            return 0
        return sum(
            simulator.prerender(self.world, self._conditions(code, []), start, end)
            for code, simulator in self.simulators.items()
            if hasattr(simulator, "prerender")
        )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(CONTROLS) or path == "/":
            query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            body = await _read(receive)
            await _send(send, self._controls.answer(scope["method"], path, query, body))
            return
        raw_query: str = scope["query_string"].decode("latin-1")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        body = b"" if scope["method"] in ("GET", "HEAD") else await _read(receive)
        struck = self.faults.strike(path, raw_query, headers.get("authorization", ""), body)
        for fault in struck:
            if fault.kind == "slow":
                await asyncio.sleep(SLOW_S if fault.seconds is None else fault.seconds)
        answer = self._simulate(scope["method"], path, raw_query, headers, body, struck)
        self.log.note(path, raw_query, answer.status, len(answer.body))
        kinds = {fault.kind for fault in struck}
        if "truncated" in kinds:
            answer = msgspec.structs.replace(answer, body=answer.body[: len(answer.body) // 2])
        await _send(send, answer, cut="cut" in kinds)

    def _simulate(
        self,
        method: str,
        path: str,
        raw_query: str,
        headers: Mapping[str, str],
        body: bytes,
        struck: Sequence[Fault],
    ) -> SimAnswer:
        code, _, rest = path[1:].partition("/")
        simulator = self.simulators.get(code)
        if simulator is None:
            known = ", ".join(f"/{code}" for code in self.simulators)
            message = f"There is no simulator here; there are: {known}."
            return SimAnswer(status=404, body=msgspec.json.encode({"message": message}))
        request = SimRequest(
            method=method,
            path=f"/{rest}",
            query=parse_qs(raw_query, keep_blank_values=True),
            headers=headers,
            body=body,
        )
        world = without(self.world, struck)
        found: SimAnswer = simulator.answer(
            request, world, clock.now(), self._conditions(code, struck)
        )
        return found

    def _conditions(self, code: str, struck: Sequence[Fault]) -> Conditions:
        return Conditions(
            throttle=self._throttles.get(code),
            mishaps=frozenset(MISHAPS & {fault.kind for fault in struck}),
            retry_after=next((f.seconds for f in struck if f.kind == "throttled"), None),
            page_readings=self.settings.page_readings,
            page_records=self.settings.page_records,
            shelf=self._shelf,
            grants=self.grants.get(code),
        )


class CutOff(Exception):
    """Raised to make the server break the connection: this is the fault, not a failure."""


async def _send(send: Send, answer: SimAnswer, *, cut: bool = False) -> None:
    headers = {"content-length": str(len(answer.body)), **answer.headers}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    if cut:
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise CutOff
    await send({"type": "http.response.body", "body": answer.body})


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body") or sum(map(len, parts)) > _MOST_BODY:
            return b"".join(parts)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
