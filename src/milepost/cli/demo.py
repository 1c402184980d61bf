"""`milepost demo`: an installation of its own, a simulated fleet, a sync, and what it brought."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from milepost import log
from milepost.cli import progress, running, summary, tree
from milepost.cli.application import new_application
from milepost.cli.caller import Caller
from milepost.cli.ports import Port, free_port
from milepost.cli.sync import show_issues
from milepost.cli.up import answered
from milepost.config import PREFIX, Settings, keys_for
from milepost.errors import MilepostError, SetupError
from milepost.kit import registry
from milepost.store import embedded
from milepost.store.migrate import migrate

_FOLDER = Path(".milepost/demo")
_HOST = "127.0.0.1"
# The processes are up within 3 s on two slow cores; a sync moves several times a second.
_START_LIMIT_SECONDS = 120.0
_PATIENCE_SECONDS = 120.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for on the command line."""

    folder: Path
    api_port: int
    sandbox_port: int
    days: float
    vehicles: int
    tracks: Path | None
    leave: bool

    @property
    def api_url(self) -> str:
        return f"http://{_HOST}:{self.api_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{_HOST}:{self.sandbox_port}"


def demo(
    *,
    exit_: Annotated[bool, Parameter(name="--exit", negative="")] = False,
    tracks: Path | None = None,
    days: Annotated[float, Parameter(validator=lambda _kind, days: _require_days(days))] = 7,
    vehicles: Annotated[int, Parameter(validator=Number(gte=1))] = 10,
    port: Port = 0,
    sandbox_port: Port = 0,
) -> int:
    """Run a whole Milepost of its own on a simulated fleet, sync it, and serve until Ctrl-C.

    Args:
        exit_: End after the summary, with status 0 only if the sync completed.
        tracks: Folder of GPX files for the fleet to drive, one vehicle a file, re-dated to end now.
        days: How many days of history to sync.
        vehicles: How many vehicles the seeded fleet has, where no tracks are given.
        port: Port of the API; by default a free one.
        sandbox_port: Port of the simulator; by default a free one.
    """
    if tracks is not None and not any(tracks.glob("*.[gG][pP][xX]")):
        raise SetupError(
            f"There are no GPX files in {tracks}: give --tracks a folder that holds some."
        )
    log.configure("console", "warning")
    plan = Plan(
        folder=_FOLDER.absolute(),
        api_port=port or free_port(),
        sandbox_port=sandbox_port or free_port(),
        days=days,
        vehicles=vehicles,
        tracks=tracks.absolute() if tracks else None,
        leave=exit_,
    )
    with fresh(plan.folder):
        return running.run(_show(plan, wide_console()))


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """Empty the demo's folder and keep other demos out of it meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(f"Another demo runs in {folder}: stop it first.") from None
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "logs").mkdir(parents=True)
        yield


def wide_console() -> Console:
    """Return the terminal, or something wide enough for the tables where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=120)


async def _show(plan: Plan, console: Console) -> int:
    children: list[tree.Child] = []
    shown = False
    try:
        starting = f"Starting PostgreSQL, the API, a worker and the simulator in {plan.folder}"
        console.print(starting, soft_wrap=True, highlight=False, markup=False)
        async with embedded.serve(plan.folder / "postgres") as url:
            await migrate(url)
            keys = keys_for(Settings(data_dir=plan.folder))
            application = await new_application(url, keys, "demo")
            children += _children(plan, url)
            async with tree.running(children, restart=False):
                completed = await _play(plan, console, application["secretKey"])
                shown = True
                if not plan.leave:
                    console.print("Serving until Ctrl-C.")
                    await asyncio.Event().wait()
    except asyncio.CancelledError:
        if shown:
            return 0
        raise
    except MilepostError as error:
        # What went wrong comes last: whoever sees only the end of a long output sees that.
        for child in children:
            print(f"--- the last lines of the {child.name} ---\n{child.tail()}", file=sys.stderr)
        print(f"milepost: {error}", file=sys.stderr)
        return 1
    return 0 if completed else 1


def _children(plan: Plan, database_url: str) -> list[tree.Child]:
    simulated = registry.load().simulated(plan.sandbox_url)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environ |= {
        "MILEPOST_DATA_DIR": str(plan.folder),
        "MILEPOST_DATABASE_URL": database_url,
        "MILEPOST_API_HOST": _HOST,
        "MILEPOST_API_PORT": str(plan.api_port),
        "MILEPOST_PROVIDER_URLS": json.dumps(simulated),
    }
    fleet = ["--tracks", str(plan.tracks)] if plan.tracks else ["--vehicles", str(plan.vehicles)]
    sandbox = ["sandbox", "--host", _HOST, "--port", str(plan.sandbox_port), *fleet]
    return [
        tree.Child(name, verb, environ, plan.folder / "logs" / f"{name}.log")
        for name, verb in [("sandbox", sandbox), ("api", ["api"]), ("worker", ["worker"])]
    ]


async def _play(plan: Plan, console: Console, key: str) -> bool:
    """Connect the fleet, sync it, print what came of it; return whether the sync completed."""
    try:
        async with asyncio.timeout(_START_LIMIT_SECONDS):
            await answered(f"{plan.sandbox_url}/_sandbox/requests")
            await answered(f"{plan.api_url}/readyz")
    except TimeoutError:
        raise MilepostError(f"Not everything was up within {_START_LIMIT_SECONDS:.0f} s.") from None
    async with Caller(plan.api_url, key) as caller:
        token = await _connect(caller)
        console.print("Connected a Samsara fleet; its first sync looks who is there.")
        for first in (await caller.get("/syncs"))["results"]:
            await progress.watch(
                caller, first["id"], progress.Silence(), patience_seconds=_PATIENCE_SECONDS
            )
        asked = await caller.post("/syncs", {"days": plan.days})
        console.print(
            f'POST /tsp/v1/syncs {{"days": {plan.days:g}}} → {asked["id"]}', highlight=False
        )
        view = progress.view_on(console)
        ended = await progress.watch(caller, asked["id"], view, patience_seconds=_PATIENCE_SECONDS)
        console.print_json(data=ended)
        show_issues(console, ended)
        holdings = await summary.read(caller, asked["startFrom"])
        summary.show(console, holdings)
        if plan.tracks:
            async with httpx2.AsyncClient(trust_env=False) as client:
                world = (await client.get(f"{plan.sandbox_url}/_sandbox/world")).json()
            summary.show_files(console, world, holdings)
    if not plan.leave:
        _tell(plan, console, key, token, holdings)
    return bool(ended["status"] == "completed")


async def _connect(caller: Caller) -> str:
    body: dict[str, Any] = {
        "provider": "samsara",
        "credentials": {"apiKey": "samsara_api_demo"},
        "company": {"name": "Demo Freight"},
        "externalId": "demo",
        "syncMode": "manual",
    }
    connection = await caller.post("/connections", body)
    token: str = connection["token"]
    caller.use(token)
    return token


def _tell(plan: Plan, console: Console, key: str, token: str, holdings: summary.Holdings) -> None:
    one = next((each.id for each in holdings.vehicles if each.last), "vcl_…")
    headers = '-H "Authorization: Bearer $KEY" -H "Connection-Token: $TOKEN"'
    lines = [
        "Go on with:",
        f"  export KEY={key} TOKEN={token} API={plan.api_url}/tsp/v1",
        f"  curl $API/vehicles {headers}",
        f"  curl '{plan.api_url}/tsp/v1/vehicles/{one}/locations?limit=5' {headers}",
        f"  curl $API/vehicles/locations {headers}",
        f"  curl $API/syncs {headers} -H 'Content-Type: application/json' -d '{{\"days\": 7}}'",
        f"  {_command()} sync --url {plan.api_url} --key $KEY --token $TOKEN --days 7",
        f"The API is described at {plan.api_url}/docs; logs are in {plan.folder / 'logs'}.",
    ]
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def _command() -> str:
    """Return how this program is called here: by its name where a shell finds that, else by its place."""
    name = "milepost"
    beside = Path(sys.executable).with_name(name)
    return name if shutil.which(name) else os.path.relpath(beside)


def _require_days(days: float) -> None:
    if not 0 <= days <= 36_500:
        raise ValueError("must be from 0 to 36500")
