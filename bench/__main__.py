"""`python -m bench`: measure, and print what was found."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from bench import (
    allowance,
    beginnings,
    depths,
    dialects,
    figures,
    newest,
    throughput,
    trips,
    webhooks,
)
from bench.figures import Figure
from bench.installation import Installation, installed
from milepost import log
from milepost.cli import running

Name = Literal[
    "throughput", "beginnings", "depths", "webhooks", "dialects", "allowance", "trips", "newest"
]

_TITLES: dict[Name, str] = {
    "throughput": "Sync throughput, memory and size",
    "beginnings": "From request to work",
    "depths": "Pages of history",
    "webhooks": "Webhooks",
    "dialects": "Three dialects",
    "allowance": "Use of providers' allowances",
    "trips": "Eighteen months of trips",
    "newest": "Newest first",
}

app = App(name="python -m bench", help_format="plaintext")


@app.default
def bench(
    *,
    only: Annotated[list[Name], Parameter(negative="")] | None = None,
    rows: int = 1_000_000,
    json: bool = False,
) -> int:
    """Measure Milepost on this machine; nothing is asserted.

    Args:
        only: Measure only this; may be given several times.
        rows: Locations that a measured sync brings, at least.
        json: Print the figures as JSON.
    """
    log.configure("console", "warning")
    wanted = only or list(_TITLES)
    return running.run(_measure(wanted, rows, json=json))


async def _measure(wanted: list[Name], rows: int, *, json: bool) -> int:
    measures: dict[Name, Callable[[Installation], Awaitable[list[Figure]]]] = {
        "throughput": lambda site: throughput.measure(site, rows),
        "beginnings": beginnings.measure,
        "depths": depths.measure,
        "webhooks": webhooks.measure,
        "dialects": dialects.measure,
        "allowance": allowance.measure,
        "trips": trips.measure,
        "newest": newest.measure,
    }
    console = Console() if sys.stdout.isatty() else Console(width=140)
    found: dict[str, list[Figure]] = {}
    for name in wanted:
        with contextlib.nullcontext() if json else console.status(f"Measuring {name} …"):
            async with installed() as site:
                found[name] = await measures[name](site)
        if not json:
            figures.show(console, _TITLES[name], found[name])
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    return 0


if __name__ == "__main__":
    app()
