"""Chance that repeats itself: the same words give the same draws, in every process and every year."""

from __future__ import annotations

import random


def seeded(*words: object) -> random.Random:
    return random.Random("/".join(map(str, words)))  # noqa: S311  Scenery, not secrets.
