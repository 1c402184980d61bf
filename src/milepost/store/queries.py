"""Named queries: each `.sql` file of `store/sql` holds those of one noun, each under `-- name: what_it_does`."""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Mapping

_NAME = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)


@functools.cache
def queries(noun: str) -> Mapping[str, str]:
    """Read the queries of one noun, by name; the text between two names is one statement."""
    text = importlib.resources.files("milepost.store").joinpath("sql", f"{noun}.sql").read_text()
    parts = _NAME.split(text)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
