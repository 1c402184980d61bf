"""Names and telephone numbers of people, out of the single fields that providers hold them in."""

from __future__ import annotations

import re

_SUFFIXES = {"jr", "sr", "ii", "iii", "iv"}

# Calling code, and whether a leading 0 of the national number is dropped abroad (ITU-T E.164 and
# https://www.itu.int/oth/T0202.aspx?parent=T0202).
_CALLING: dict[str, tuple[str, bool]] = {
    "us": ("1", False),
    "ca": ("1", False),
    "pr": ("1", False),
    "mx": ("52", False),
    "gb": ("44", True),
    "ie": ("353", True),
    "fr": ("33", True),
    "de": ("49", True),
    "at": ("43", True),
    "be": ("32", True),
    "nl": ("31", True),
    "ch": ("41", True),
    "lu": ("352", False),
    "es": ("34", False),
    "it": ("39", False),
}
_EXTENSION = re.compile(r"\s*(?:ext\.?|x|#).*$", re.IGNORECASE)
_NORTH_AMERICAN = re.compile(r"^1[2-9]\d{2}[2-9]\d{6}$")


def split_name(name: str) -> tuple[str | None, str | None, str | None]:
    """Split a full name into first, middle and last; both “Ada B. Lovelace” and “Lovelace, Ada B.”.

    A single word is a first name. What follows the name (Jr., III) stays with the last name.
    """
    before, comma, after = (" ".join(part.split()) for part in name.partition(","))
    if comma and before and after and after.rstrip(".").lower() not in _SUFFIXES:
        first, _, middle = after.partition(" ")
        return first, middle or None, before
    words = f"{before} {after}".split()
    tail = [words.pop()] if len(words) > 2 and words[-1].rstrip(".").lower() in _SUFFIXES else []
    if len(words) < 2:
        return (words[0] if words else None), None, None
    return words[0], " ".join(words[1:-1]) or None, " ".join([words[-1], *tail])


def e164(phone: str, country: str) -> str | None:
    """Spell a telephone number as E.164, read as one of `country` (ISO 3166, lower case) unless it
    says which; None where it cannot be told.
    """
    text = _EXTENSION.sub("", phone.strip())
    digits = re.sub(r"\D", "", text)
    if text.startswith("+"):
        number = digits
    elif digits.startswith("00"):
        number = digits[2:]
    elif digits.startswith("011") and country in {"us", "ca", "pr"}:
        number = digits[3:]
    elif country in _CALLING:
        code, trunk = _CALLING[country]
        if code == "1":
            number = digits if len(digits) == 11 else code + digits
        else:
            number = code + (digits.removeprefix("0") if trunk else digits)
    else:
        return None
    if number.startswith("1") and not _NORTH_AMERICAN.match(number):
        return None
    # The contract takes 10 to 14 digits; no country's code begins with 0.
    return f"+{number}" if 10 <= len(number) <= 14 and number[0] != "0" else None
