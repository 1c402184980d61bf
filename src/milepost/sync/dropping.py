"""The drop folder: a file put into a connection's folder is received, and moved as it gets on.

    FOLDER/conn_…/trip.csv            put here by whoever exports
    FOLDER/conn_…/taken/              received; a worker merges it
    FOLDER/conn_…/done/               merged
    FOLDER/conn_…/refused/            not readable; `trip.csv.txt` beside it says why

A file that is still being written is left alone: it is taken once it has not changed for some seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import structlog

from milepost import ids
from milepost.errors import BadRequest, MilepostError, Refusal
from milepost.kit.files import BrokenFile
from milepost.store import connections, files
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.sync.receiving import Given, Receiver, TooLarge

log = structlog.get_logger()

# Slow writers pause for less than this; who pauses longer writes under another name and renames.
_STILL_SECONDS = 5.0
_CHUNK = 1 << 20
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", "~")
_WHERE_TO = {"completed": "done", "cancelled": "refused"}


_Looks = tuple[int, int, int]
"""By what a file is told from another of its name: inode, size, and when it changed."""


class StillWritten(MilepostError):
    """The file changed while it was read."""


class DropFolder:
    """Watches the folders of connections in one folder; several workers may watch the same."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        receiver: Receiver,
        *,
        still_seconds: float = _STILL_SECONDS,
    ) -> None:
        self._folder = folder
        self._database = database
        self._receiver = receiver
        self._still_seconds = still_seconds
        self._seen: dict[Path, _Looks] = {}
        self._said: set[Path] = set()

    async def look(self) -> int:
        """Take what is ready, and move on what is merged; return how many files were received."""
        taken = 0
        for connection_id, folder in await asyncio.to_thread(self._folders):
            ready: list[Path] = []
            with self._alone(folder):
                await self._move_on(connection_id, folder)
                ready = await asyncio.to_thread(self._ready, folder)
            for path in ready:
                with self._alone(path):
                    taken += await self._take(connection_id, path)
        return taken

    @contextlib.contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """Let what goes wrong with one file or folder stand in no other's way; it is told of once."""
        try:
            yield
        except Exception:
            if path not in self._said:
                log.exception("what was dropped could not be taken", path=_name(path))
            self._said.add(path)

    def _folders(self) -> list[tuple[UUID, Path]]:
        found = []
        for each in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            with contextlib.suppress(ValueError):
                if each.is_dir() and not each.is_symlink():
                    found.append((ids.read("connection", each.name), each))
        return found

    def _ready(self, folder: Path) -> list[Path]:
        """List the files that have not changed since the last look, nor for some seconds."""
        ready = []
        now = time.time()
        seen: dict[Path, _Looks] = {}
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
                continue
            with contextlib.suppress(FileNotFoundError):
                about = path.lstat()
                if stat.S_ISREG(about.st_mode):
                    seen[path] = _looks(about)
                    still = now - about.st_mtime >= self._still_seconds
                    if still and self._seen.get(path) == seen[path]:
                        ready.append(path)
        gone = [each for each in self._seen if each.parent == folder]
        for each in gone:
            del self._seen[each]
        self._seen |= seen
        return ready

    async def _take(self, connection_id: UUID, path: Path) -> bool:
        async with self._database.session() as session:
            connection = await connections.get(session, connection_id)
        if connection is None or connection.gone:
            return False
        try:
            file_id = await self._receive(connection, path)
        except (BrokenFile, BadRequest, TooLarge) as refused:
            await asyncio.to_thread(_refuse, path, refused.message)
            log.warning("a dropped file was refused", file=_name(path), why=refused.message)
            return False
        except (Refusal, StillWritten) as later:
            if path not in self._said:
                log.warning("a dropped file waits", file=_name(path), why=later.message)
            self._said.add(path)
            return False
        except FileNotFoundError:
            return False  # Another worker was quicker.
        named = f"{ids.show('file', file_id)}.{path.name}"
        looks = self._seen.get(path)
        await asyncio.to_thread(_move, path, path.parent / "taken" / named, looks)
        return True

    async def _receive(self, connection: ConnectionRow, path: Path) -> UUID:
        row = await self._receiver.receive(connection, _read(path), Given(name=_name(path)))
        return row.id

    async def _move_on(self, connection_id: UUID, folder: Path) -> None:
        taken = folder / "taken"
        for path in sorted(taken.iterdir()) if taken.is_dir() else ():
            with contextlib.suppress(ValueError):
                file_id = ids.read("file", path.name.partition(".")[0])
                async with self._database.session() as session:
                    row = await files.get(session, connection_id, file_id)
                if row is not None and row.status in _WHERE_TO:
                    where = folder / _WHERE_TO[row.status] / path.name
                    await asyncio.to_thread(_move, path, where)


async def _read(path: Path) -> AsyncIterator[bytes]:
    """Yield a file's bytes; raise StillWritten where it changes meanwhile. A link is not followed."""
    number = await asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(number, "rb", buffering=0) as opened:
        before = os.fstat(number)
        while chunk := await asyncio.to_thread(opened.read, _CHUNK):
            yield chunk
        after = os.fstat(number)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise StillWritten


def _looks(about: os.stat_result) -> _Looks:
    return about.st_ino, about.st_size, about.st_mtime_ns


def _name(path: Path) -> str:
    """Spell a file's name, which may be no text at all."""
    return os.fsencode(path.name).decode(errors="replace")


def _move(path: Path, where: Path, looks: _Looks | None = None) -> None:
    """Move a file; one that is another by now than it looked is left where it is, to be read as well."""
    where.parent.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # Another worker was quicker.
        if looks is None or _looks(path.lstat()) == looks:
            path.replace(where)


def _refuse(path: Path, why: str) -> None:
    where = path.parent / "refused" / path.name
    _move(path, where)
    where.with_name(f"{where.name}.txt").write_text(f"{why}\n")
