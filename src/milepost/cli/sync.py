"""`milepost sync`: request a sync of a connection and watch it."""

from __future__ import annotations

import asyncio
import json as jsonlib
import math
import sys
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from milepost.cli import progress, running
from milepost.cli.caller import Caller, Refused
from milepost.errors import SetupError

LOCAL = "http://127.0.0.1:8080"

_CONFLICT = 409
_BASES = {"measured": "the last syncs", "typical": "an ordinary fleet"}


def sync(
    *,
    key: Annotated[str, Parameter(env_var="MILEPOST_CLIENT_KEY")],
    token: Annotated[str, Parameter(env_var="MILEPOST_CLIENT_TOKEN")],
    url: Annotated[str, Parameter(env_var="MILEPOST_CLIENT_URL")] = LOCAL,
    days: float | None = None,
    start_from: str | None = None,
    refetch: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Request a sync and watch it until it ends; exit status 0 only if it completed.

    Where another is under way, that one is watched first. Ctrl-C ends the watching, not the sync.

    Args:
        key: The application's secret key, sk_…
        token: The connection's token, con_tkn_…
        url: Where the API is.
        days: How many days back from now to sync.
        start_from: From when to sync instead, like 2026-01-06T03:24:53Z.
        refetch: Fetch once more what is held already.
        dry_run: Say how many calls, records, bytes and seconds it would take, and start nothing.
        json: Print the sync object as it ended, or the estimate, and nothing else.
    """
    if days is not None and start_from is not None:
        raise SetupError("Give --days or --start-from, not both.")
    if days is not None and not math.isfinite(days):
        raise SetupError("--days must be a number of days.")
    body: dict[str, Any] = {} if days is None else {"days": days}
    if start_from is not None:
        body["startFrom"] = start_from
    if refetch:
        body["refetch"] = True
    if dry_run:
        return running.run(_estimate(url, key, token, body, json=json))
    return running.run(_sync(url, key, token, body, json=json))


async def _sync(url: str, key: str, token: str, body: dict[str, Any], *, json: bool) -> int:
    console = Console()
    async with Caller(url, key, token) as caller:
        asked = await _asked(caller, body, console, json=json)
        if not json:
            console.print(f"{asked['id']} requested, from {asked['startFrom']}", highlight=False)
        ended = await _watch(caller, asked["id"], console, json=json)
    if json:
        print(jsonlib.dumps(ended))
    else:
        words = [ended["id"], ended["status"], ended.get("failureReason", "")]
        console.print(" ".join(filter(None, words)), highlight=False, markup=False)
        show_issues(console, ended)
    return 0 if ended["status"] == "completed" else 1


async def _asked(caller: Caller, body: dict[str, Any], console: Console, *, json: bool) -> Any:
    """Request a sync, after the one that is under way; a connection has one at a time."""
    while True:
        try:
            return await caller.post("/syncs", body)
        except Refused as refused:
            if refused.status != _CONFLICT:
                raise
        # None of them may be at work any more, if it ended since.
        for sync in (await caller.get("/syncs"))["results"]:
            if sync["status"] not in progress.ENDED:
                if not json:
                    console.print(f"{sync['id']} is under way; yours follows.", highlight=False)
                await _watch(caller, sync["id"], console, json=json)


async def _watch(caller: Caller, sync_id: str, console: Console, *, json: bool) -> dict[str, Any]:
    view = progress.Silence() if json else progress.view_on(console)
    try:
        return await progress.watch(caller, sync_id, view)
    except asyncio.CancelledError:
        print(f"milepost: {sync_id} goes on without being watched.", file=sys.stderr)
        raise


async def _estimate(url: str, key: str, token: str, body: dict[str, Any], *, json: bool) -> int:
    async with Caller(url, key, token) as caller:
        estimate = await caller.post("/syncs/estimate", body)
    if json:
        print(jsonlib.dumps(estimate))
        return 0
    table = Table("Stream", "Slices", "Calls", "Records", "MB", "Reckoned by", box=None)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for each in estimate["streams"]:
        numbers = [f"{each[name]:,}" for name in ("slices", "calls", "records")]
        table.add_row(each["title"], *numbers, f"{each['bytes'] / 1e6:,.1f}", _BASES[each["basis"]])
    console = Console()
    console.print(f"A sync from {estimate['startFrom']} would take", highlight=False)
    console.print(table)
    console.print(_in_all(estimate), highlight=False)
    return 0


def _in_all(estimate: dict[str, Any]) -> str:
    seconds = estimate["seconds"]
    said = [
        f"{estimate['calls']:,} calls",
        f"{estimate['records']:,} records",
        f"{estimate['bytes'] / 1e6:,.1f} MB of answers",
        f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes",
    ]
    return f"In all {', '.join(said)}, for {estimate['vehicles']:,} vehicles."


def show_issues(console: Console, ended: dict[str, Any]) -> None:
    """Print the issues of a sync, in words where they came expanded."""
    for issue in ended.get("issues", []):
        said = issue if isinstance(issue, str) else f"{issue['id']} {issue['error']['message']}"
        console.print(f"  issue {said}", highlight=False, markup=False)
