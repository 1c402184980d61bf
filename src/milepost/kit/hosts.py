"""Which hosts a provider's login may be sent to: those of its manifest, and the one that the operator set."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

import httpx2

from milepost.errors import Changed, SetupError
from milepost.kit.addresses import NONE_ALLOWED, Allowed

_NAME = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
)


class Hosts:
    """The hosts of one provider.

    The base URL is the operator's or the manifest's word and is always allowed, with its scheme and
    port. Beyond it, what the provider itself names (a login's answer, a redirect, an absolute URL) must
    be a host of the manifest's `hosts`: a name, or `*.` and a name for all below it; over https, on
    the usual port, without userinfo. No IP address ever matches. Where the operator moved the base URL
    off those hosts, to a proxy or a simulator, none of them is allowed: all traffic stays there.
    """

    def __init__(self, provider: str, base_url: str, patterns: Sequence[str]) -> None:
        self._provider = provider
        try:
            self.base = httpx2.URL(base_url.rstrip("/"))
        except httpx2.InvalidURL:
            raise SetupError(f"The base URL of {provider} is not a URL.") from None
        if self.base.scheme not in {"http", "https"} or not self.base.host:
            raise SetupError(f"The base URL of {provider} must begin with http:// or https://.")
        home = any(_fits(self.base.host, pattern) for pattern in patterns)
        self._patterns = tuple(patterns) if home and self.base.scheme == "https" else ()
        # A proxy or a simulator of the operator's may be at a private address; nobody else's host may.
        self.reachable = (
            NONE_ALLOWED if self._patterns else Allowed(hosts=frozenset({self.base.host}))
        )

    def at(self, host: str | None) -> httpx2.URL:
        """Return the base URL at another host that the provider named: a host, with a port if need be.

        Raises Changed where it is none of the provider's, so that no login is sent there.
        """
        if host is None:
            return self.base
        return self._checked(f"{self.base.scheme}://{host}").copy_with(path=self.base.path)

    def below(self, url: str) -> httpx2.URL:
        """Check an absolute URL that the provider named, and return it; raises Changed as `at` does."""
        return self._checked(url)

    def _checked(self, text: str) -> httpx2.URL:
        try:
            url = httpx2.URL(text)
        except httpx2.InvalidURL:
            raise self._stranger() from None
        if url.userinfo or url.fragment or "\\" in text or not text.isascii():
            raise self._stranger()
        if (url.scheme, url.host, url.port) == (self.base.scheme, self.base.host, self.base.port):
            return url
        if url.scheme != "https" or url.port not in (None, 443):
            raise self._stranger()
        if not any(_fits(url.host, pattern) for pattern in self._patterns):
            raise self._stranger()
        return url

    def _stranger(self) -> Changed:
        # The name is not repeated: it is whatever an answer held.
        return Changed(
            f"{self._provider} named a host that is none of its own; nothing was sent there."
        )


def _fits(host: str, pattern: str) -> bool:
    """Say whether a host is one of a pattern's; addresses never are."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return False
    if not _NAME.fullmatch(host):
        return False
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return host == pattern
