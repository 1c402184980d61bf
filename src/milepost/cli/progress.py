"""A sync as it goes on: one bar a stream on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from milepost.cli.caller import Caller, Refused
from milepost.errors import MilepostError

ENDED = {"completed", "failed"}
_LOOK_SECONDS = 0.25
_PLAIN_LINE_SECONDS = 2.0


class View(Protocol):
    """Shows the state of a sync and of its streams."""

    def show(self, sync: dict[str, Any], streams: list[dict[str, Any]]) -> None: ...
    def close(self) -> None: ...


class StoodStill(MilepostError):
    """A sync neither moved nor ended."""


async def watch(
    caller: Caller, sync_id: str, view: View, *, patience_seconds: float = math.inf
) -> dict[str, Any]:
    """Follow a sync until it ends; return it as it ended.

    Raises StoodStill when nothing at all changes for as long as `patience_seconds`.
    """
    seen, seen_at = None, time.monotonic()
    try:
        while True:
            sync: dict[str, Any] = await caller.get(f"/syncs/{sync_id}", expand="issues")
            streams = await _streams(caller, sync_id)
            view.show(sync, streams)
            if sync["status"] in ENDED:
                return sync
            if seen != (sync, streams):
                seen, seen_at = (sync, streams), time.monotonic()
            if time.monotonic() - seen_at > patience_seconds:
                raise StoodStill(f"{sync_id} has not moved for {patience_seconds:.0f} s.")
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        view.close()


def view_on(console: Console) -> View:
    """Choose bars for a terminal and lines for anything else."""
    return Bars(console) if console.is_terminal else Lines(console)


async def _streams(caller: Caller, sync_id: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = (await caller.get(f"/syncs/{sync_id}/streams"))["results"]
    except Refused as refusal:
        if (
            refusal.status == 404
        ):  # Another server of the contract: streams are an extension of ours.
            return []
        raise
    return found


class Silence:
    """Shows nothing."""

    def show(self, sync: dict[str, Any], streams: list[dict[str, Any]]) -> None: ...
    def close(self) -> None: ...


class Bars:
    """One bar a stream, and one for the whole."""

    def __init__(self, console: Console) -> None:
        # Titles and bars share what the figures leave of the line: 34 columns of 80.
        flexible = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._progress = Progress(
            TextColumn("{task.description}", table_column=flexible),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TaskProgressColumn(table_column=Column(no_wrap=True, min_width=4)),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True, min_width=28)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            console=console,
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._moved: dict[str, tuple[int, float]] = {}
        self._began = time.monotonic()
        self._progress.start()

    def show(self, sync: dict[str, Any], streams: list[dict[str, Any]]) -> None:
        for stream in streams:
            refused = stream["status"] in {"refused", "failed"}
            title = f"{stream['title']} ({stream['status']})" if refused else stream["title"]
            self._put(stream["stream"], title, stream["progress"], stream["records"])
        total = sum(stream["records"] for stream in streams)
        self._put("", f"Sync {_words(sync['status'])}", sync.get("progress", 0), total)

    def close(self) -> None:
        self._progress.stop()

    def _put(self, name: str, title: str, percent: float, records: int) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(title, total=100, figures="")
        before, at = self._moved.get(name, (0, self._began))
        if records != before:
            at = time.monotonic()
            self._moved[name] = (records, at)
        speed = records / max(at - self._began, 0.001)
        self._progress.update(
            self._tasks[name],
            description=title,
            completed=percent,
            figures=f"{records:>9,} records {speed:>8,.0f}/s",
        )


class Lines:
    """A line when the status changes, and every two seconds in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._last = 0.0
        self._status = ""

    def show(self, sync: dict[str, Any], streams: list[dict[str, Any]]) -> None:
        now = time.monotonic()
        if sync["status"] == self._status and now - self._last < _PLAIN_LINE_SECONDS:
            return
        self._last, self._status = now, sync["status"]
        seconds = max(now - self._began, 0.001)
        total = sum(stream["records"] for stream in streams)
        words = [f"{seconds:5.1f} s", f"{_words(sync['status'])} {sync.get('progress', 0):.0f} %"]
        words.append(f"{total:,} records, {total / seconds:,.0f}/s, {_remaining(seconds, sync)}")
        going = [each for each in streams if each["progress"] < 100]
        words.append(f"{len(streams) - len(going)} of {len(streams)} streams done")
        words += [
            f"{each['title']} {each['progress']:.0f} % ({each['records']:,})"
            for each in going
            if each["records"]
        ]
        self._console.print(" · ".join(words), soft_wrap=True, highlight=False, markup=False)

    def close(self) -> None: ...


def _remaining(seconds: float, sync: dict[str, Any]) -> str:
    done = sync.get("progress", 0)
    if sync["status"] in ENDED:
        return "done"
    return f"ETA {seconds / done * (100 - done):.0f} s" if done else "ETA unknown"


def _words(status: str) -> str:
    return status.replace("_", " ")
