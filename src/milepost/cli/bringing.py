"""`milepost import`: connections and ids from another system."""

from __future__ import annotations

import contextlib
import json as jsonlib
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import msgspec

from milepost import ids
from milepost.cli import running
from milepost.cli.database import database, require_migrated
from milepost.config import Settings, keys_for
from milepost.errors import SetupError
from milepost.kit import registry
from milepost.store.pool import Database
from milepost.sync.importing import Importer, Line, read_line
from milepost.vault import Vault

_BATCH = 1_000
_LINE_EVERY_SECONDS = 2.0


def bring(
    file: Path, /, *, application: str | None = None, dry_run: bool = False, json: bool = False
) -> int:
    """Import connections and records' ids from a file of JSON lines; importing it again changes nothing.

    A thousand lines are imported together or not at all. docs/how-to/move-here.md shows the lines.

    Args:
        file: The file; `-` reads standard input.
        application: The application of connections that name none, `app_…`.
        dry_run: Check everything and write nothing.
        json: Print `{"connectionsAdded", "connectionsUnchanged", "idsAdded", "idsUnchanged", "dryRun"}`.
    """
    try:
        application_id = ids.read("application", application) if application else None
    except ValueError as error:
        raise SetupError(f"--application {error}.") from None
    return running.run(_bring(running.settings(), file, application_id, dry_run=dry_run, json=json))


async def _bring(
    settings: Settings, file: Path, application_id: UUID | None, *, dry_run: bool, json: bool
) -> int:
    async with database(settings) as url:
        await require_migrated(url)
        place = Database(url, Vault(keys_for(settings)), pool_size=1)
        await place.open()
        try:
            importer = Importer(
                place,
                registry.load(settings.provider_urls, settings.provider_pace),
                application_id,
                timedelta(minutes=settings.sync_cadence_minutes),
            )
            await _take(place, importer, file, dry_run=dry_run)
        finally:
            await place.close()
    counted = msgspec.to_builtins(importer.counted)
    if json:
        print(jsonlib.dumps({**counted, "dryRun": dry_run}))
        return 0
    verb = "would be added" if dry_run else "added"
    print(f"Connections  {counted['connectionsAdded']} {verb}, "
          f"{counted['connectionsUnchanged']} were there already")  # fmt: skip
    print(
        f"Ids          {counted['idsAdded']} {verb}, {counted['idsUnchanged']} were there already"
    )
    return 0


async def _take(place: Database, importer: Importer, file: Path, *, dry_run: bool) -> None:
    said = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(place.session())
        if dry_run:
            # One transaction that is taken back, so that later lines see earlier ones.
            await stack.enter_async_context(session.transaction(force_rollback=True))
        for batch in _batches(file):
            async with session.transaction():
                await importer.take(session, batch)
            if time.monotonic() - said >= _LINE_EVERY_SECONDS:
                said = time.monotonic()
                print(f"{batch[-1][0]:,} lines", file=sys.stderr, flush=True)


def _batches(file: Path) -> Iterator[list[tuple[int, Line]]]:
    """Read numbered lines, a batch at a time; empty ones are passed over."""
    try:
        with _opened(file) as source:
            batch: list[tuple[int, Line]] = []
            for number, text in enumerate(source, 1):
                if text.strip():
                    batch.append((number, read_line(number, text)))
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
            if batch:
                yield batch
    except OSError as error:
        raise SetupError(f"{file} cannot be read ({error.strerror}).") from None


def _opened(file: Path) -> BinaryIO:
    return sys.stdin.buffer if str(file) == "-" else file.open("rb")
