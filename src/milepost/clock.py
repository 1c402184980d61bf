"""Time: aware UTC everywhere, one spelling on the wire, and a clock that tests can hold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

_held: datetime | None = None


def now() -> datetime:
    """Return the present instant, aware UTC."""
    return _held or datetime.now(UTC)


@contextlib.contextmanager
def held_at(instant: datetime) -> Iterator[None]:
    """Hold the clock of this process at `instant` (for tests)."""
    global _held  # noqa: PLW0603  One clock a process is the point.
    before, _held = _held, instant
    try:
        yield
    finally:
        _held = before


def iso(instant: datetime) -> str:
    """Spell an aware instant as the contract does: UTC with milliseconds, `2021-01-06T03:24:53.000Z`."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse(text: str) -> datetime:
    """Read an RFC 3339 instant with any offset; raise ValueError when it has no offset or no such day."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("the time has no offset; write it like 2021-01-06T03:24:53.000Z")
    return instant.astimezone(UTC)
