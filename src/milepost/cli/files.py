"""`milepost files upload`: files of exported data to a connection, with what becomes of them."""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from milepost.cli import running
from milepost.cli.caller import Caller
from milepost.errors import SetupError

_LOCAL = "http://127.0.0.1:8080"
_CHUNK = 1 << 18
_LOOK_SECONDS = 0.25


def upload(
    files: list[Path],
    /,
    *,
    key: Annotated[str, Parameter(env_var="MILEPOST_CLIENT_KEY")],
    token: Annotated[
        str, Parameter(name=["--connection", "--token"], env_var="MILEPOST_CLIENT_TOKEN")
    ],
    url: Annotated[str, Parameter(env_var="MILEPOST_CLIENT_URL")] = _LOCAL,
    vehicle: str | None = None,
    time_zone: str | None = None,
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Upload files and wait until they are merged; exit status 0 only if all of them were.

    CSV tracks, GPX and ELD output files are read; docs/how-to/files.md shows them. The same file again
    changes nothing.

    Args:
        files: The files.
        key: The application's secret key, sk_…
        token: The connection's token, con_tkn_…
        url: Where the API is.
        vehicle: Whom the files are about, where they name no vehicle.
        time_zone: The zone of times without one, like America/Chicago.
        dry_run: Only say what would be read; nothing is kept.
        json: Print one JSON object a file, and nothing else.
    """
    for file in files:
        if not file.is_file():
            raise SetupError(f"{file} is no file that can be read.")
    about = {"vehicle": vehicle, "timeZone": time_zone, "dryRun": "true" if dry_run else None}
    given = {name: value for name, value in about.items() if value is not None}
    return running.run(_upload(files, url, key, token, given, json=json))


async def _upload(
    files: list[Path], url: str, key: str, token: str, given: dict[str, str], *, json: bool
) -> int:
    merged = True
    async with Caller(url, key, token) as caller:
        for place, file in enumerate(files, 1):
            query = {**given, "name": os.fsencode(file.name).decode(errors="replace")}
            if place < len(files):
                query["more"] = "true"
            made = await _send(caller, file, query, quiet=json)
            if "id" in made:
                made = await _merged(caller, made)
                merged = merged and made["status"] == "completed"
            print(jsonlib.dumps(made) if json else _said(made), flush=True)
    return 0 if merged else 1


async def _send(
    caller: Caller, file: Path, query: dict[str, str], *, quiet: bool
) -> dict[str, Any]:
    size = (await asyncio.to_thread(file.stat)).st_size
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=Console(stderr=True, quiet=quiet), transient=True,
    )  # fmt: skip
    with bar, file.open("rb") as opened:
        task = bar.add_task(query["name"], total=size)

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await asyncio.to_thread(opened.read, _CHUNK):
                yield chunk
                bar.advance(task, len(chunk))

        made: dict[str, Any] = await caller.send("/files", chunks(), size, **query)
    return made


async def _merged(caller: Caller, made: dict[str, Any]) -> dict[str, Any]:
    while made["status"] == "received":
        await asyncio.sleep(_LOOK_SECONDS)
        made = await caller.get(f"/files/{made['id']}")
    return made


def _said(made: dict[str, Any]) -> str:
    held = made["contents"]
    counts = {
        "vehicles": held["vehicles"],
        "drivers": held["drivers"],
        "positions": held["vehicleLocations"],
        "readings": held["vehicleStats"],
        "duty statuses": held["hosLogs"],
    }
    listed = ", ".join(f"{count:,} {noun}" for noun, count in counts.items() if count)
    verb = "would be read" if made["status"] == "read" else made["status"]
    span = f"from {held['startsAt']} to {held['endsAt']}"
    return f"{made['name']} ({held['format']}) {verb}: {listed}, {span}"
