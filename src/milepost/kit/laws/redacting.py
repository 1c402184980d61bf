"""Makes an answer of a real account into one of nobody's: forms and links stay, persons and places do not. Pure."""

from __future__ import annotations

import hashlib
import random
import re
import string
from typing import Any

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
_WORD = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")
# What a word under such a name says may be of a person, a place or a customer.
_PERSONAL = re.compile(
    r"name|mail|phone|user|address|street|city|zip|place|location|note|comment|remark|label|title|descri"
    r"|plate|licen|serial|vin|first|second|last|company|driver|group|tag|text",
    re.IGNORECASE,
)
_PLACE = re.compile(r"lat|lng|lon|latitude|longitude", re.IGNORECASE)
_ID = re.compile(r"(^|_|[a-z])(id|ids|imei|esn)$", re.IGNORECASE)
_DEGREES = 0.5  # So far, at the most, all places of a fixture are moved, and all by the same.


class Redactor:
    """Replaces values the same way wherever they stand; another redactor replaces them otherwise."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._ids: dict[str, str] = {}
        chance = random.Random(salt)  # noqa: S311  It moves places; the salt is the secret.
        self._moved = [round(chance.uniform(-_DEGREES, _DEGREES), 6) for _ in range(2)]

    def body(self, value: Any, name: str = "") -> Any:
        """Return JSON in which every text, id and place is another; times, words and amounts stay."""
        match value:
            case dict():
                return {key: self.body(each, key) for key, each in value.items()}
            case list():
                return [self.body(each, name) for each in value]
            case str():
                return self._text(value, name)
            case bool() | None:
                return value
            case int() | float():
                return self._number(value, name)
            case _:
                raise TypeError(f"{type(value).__name__} is no JSON")

    def word(self, value: str) -> str:
        """Return what a part of an address or a parameter became, if it stood in an answer as an id."""
        return self._ids.get(value, value)

    def _text(self, value: str, name: str) -> str:
        if not value or _TIME.fullmatch(value):
            return value
        if _ID.search(name):
            return self._ids.setdefault(value, self._shaped(value))
        if _WORD.fullmatch(value) and not _PERSONAL.search(name):
            return value
        return self._shaped(value)

    def _number(self, value: float, name: str) -> float:
        if _PLACE.fullmatch(name):
            return round(value + self._moved[name.lower().startswith("lo") or name == "lng"], 6)
        if isinstance(value, int) and _ID.search(name):
            return int(self._ids.setdefault(str(value), self._shaped(str(value))))
        return value

    def _shaped(self, value: str) -> str:
        """Return another text of the same form: a letter for a letter, a digit for a digit."""
        seed = hashlib.blake2b(value.encode(), key=self._salt, digest_size=16).digest()
        chance = random.Random(seed)  # noqa: S311  It makes up values; the salt is the secret.
        kinds = (string.ascii_lowercase, string.ascii_uppercase, "123456789")
        return "".join(
            next((chance.choice(kind) for kind in kinds if each in kind or (each == "0" and kind[0] == "1")),
                 each if each.isascii() else "x")
            for each in value
        )  # fmt: skip
