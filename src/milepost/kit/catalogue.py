"""The provider codes of the contract: who a fleet may name, whether or not there is a connector yet."""

from __future__ import annotations

import base64
import functools
import importlib.resources
from collections.abc import Mapping


@functools.cache
def names() -> Mapping[str, str]:
    """Return the contract's provider codes, each with the name that people know, by code.

    Source: the credentials of the reference's OpenAPI document of 2026-02-23, 273 codes.
    """
    text = importlib.resources.files("milepost.kit").joinpath("catalogue.tsv").read_text()
    pairs = (line.split("\t") for line in text.splitlines())
    return dict(sorted((code, name) for code, name in pairs))


def mark(name: str) -> str:
    """Draw a provider's sign, its first letter or digit in a grey square, as a `data:` URI.

    A company's own logo is not ours to ship; a connector's manifest may bring one.
    """
    letter = next((sign for sign in name.upper() if sign.isascii() and sign.isalnum()), "?")
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" '
        'fill="#6b7280"/><text x="16" y="22" font-family="sans-serif" font-size="18" font-weight="700" '
        f'fill="#fff" text-anchor="middle">{letter}</text></svg>'
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
