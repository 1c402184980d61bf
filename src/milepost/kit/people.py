"""Names and telephone numbers of people, out of the single fields that providers hold them in."""

from __future__ import annotations

import re

import phonenumbers

_SUFFIXES = {"jr", "sr", "ii", "iii", "iv"}

_EXTENSION = re.compile(r"\s*(?:ext\.?|x|#).*$", re.IGNORECASE)
_NORTH_AMERICAN = re.compile(r"1[2-9]\d{2}[2-9]\d{6}")


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
    region = country.upper()
    # Abroad is dialled as 00 in most countries, and some fleets write it so wherever they are.
    if text.startswith("00"):
        text = f"+{text[2:]}"
    try:
        read = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    number = phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164)[1:]
    # Numbers of films and samples (555…) are of no region, and yet a form that somebody typed.
    possible = phonenumbers.is_possible_number(read)
    if read.country_code == 1 and not _NORTH_AMERICAN.fullmatch(number):
        return None
    # The contract takes 10 to 14 digits.
    return f"+{number}" if possible and 10 <= len(number) <= 14 else None
