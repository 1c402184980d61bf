"""`milepost key`: a new key for MILEPOST_SECRET_KEYS."""

from __future__ import annotations

from milepost.vault import new_installation_key


def key() -> None:
    """Print a new secret key. To rotate: put it before the old one, separated by a comma."""
    print(new_installation_key())
