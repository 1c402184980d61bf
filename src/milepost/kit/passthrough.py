"""What may pass between a customer and its provider: which paths, and which headers in either direction."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import unquote

LONGEST_PATH = 8_000
# So many layers of percent signs are taken off; one more is refused.
_LAYERS = 3

_PATH = re.compile(r"/(?!/)[!-~]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t -~]{0,8000}")

# The connection's login is ours to send, whatever a provider calls it.
_CREDENTIALS = frozenset({
    "authorization", "proxy-authorization", "cookie", "cookie2", "x-api-key", "api-key", "apikey",
    "x-auth-token", "x-access-token", "x-authorization", "authentication",
})  # fmt: skip
# What belongs to one line between two machines (RFC 9110, 7.6.1), or says how a body was packed on it.
_ONE_LINE = frozenset({
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    "content-length", "accept-encoding", "content-encoding", "expect", "host", "http2-settings",
})  # fmt: skip
_WHERE_FROM = re.compile(r"x-forwarded-.*|forwarded|via|x-real-ip|x-original-.*|x-rewrite-.*|:.*")
_LOGIN_ANSWERS = frozenset({
    "set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate", "authentication-info",
    "proxy-authentication-info",
})  # fmt: skip


def check_path(path: str) -> None:
    """Raise ValueError, with what it must be, unless the path stays below the provider's base URL.

    No scheme and no host, no `//`, no backslash and no step upwards, also not behind percent signs; a
    query may follow.
    """
    if not _PATH.fullmatch(path) or len(path) > LONGEST_PATH or "#" in path or "\\" in path:
        raise ValueError(
            "must be a path on the provider's host like /reports?page=2: it begins with one slash and is "
            "written in printable ASCII without backslashes and fragments"
        )
    plain = path.partition("?")[0]
    for _ in range(_LAYERS):
        unwrapped = unquote(plain, errors="replace")
        if unwrapped == plain:
            break
        plain = unwrapped
    else:
        if unquote(plain, errors="replace") != plain:
            raise ValueError("must not be encoded again and again")
    if "\\" in plain or "//" in plain or not plain.isprintable():
        raise ValueError("must not hide slashes, backslashes or control characters")
    if any(step.partition(";")[0] in (".", "..") for step in plain.split("/")):
        raise ValueError("must not lead upwards with . or ..")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise ValueError where a header cannot be sent."""
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("must have names that are tokens, and values in printable ASCII")


def outgoing(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of the customer's headers that go on to the provider, in lower case."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    dropped = _CREDENTIALS | _ONE_LINE | _listed(named)
    return {
        name: value
        for name, value in named.items()
        if name not in dropped and not _WHERE_FROM.fullmatch(name)
    }


def incoming(headers: Mapping[str, str], secrets: Collection[str]) -> dict[str, str]:
    """Return those of the provider's headers that go back to the customer: none that holds a secret."""
    named = {name.lower(): value for name, value in headers.items()}
    dropped = _CREDENTIALS | _ONE_LINE | _LOGIN_ANSWERS | _listed(named)
    return {
        name: value
        for name, value in named.items()
        if name not in dropped and not any(secret in value for secret in secrets)
    }


def _listed(headers: Mapping[str, str]) -> set[str]:
    return {name.strip().lower() for name in headers.get("connection", "").split(",")}
