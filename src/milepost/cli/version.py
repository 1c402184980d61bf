"""`milepost version`: which Milepost this is."""

from __future__ import annotations

import importlib.metadata


def version() -> None:
    """Print the version."""
    print(installed())


def installed() -> str:
    """Return the version of the installed package."""
    return importlib.metadata.version("milepost")
