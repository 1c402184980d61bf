"""Where Milepost may send what customers tell it to send: to public addresses, and to private ones that are allowed.

What counts is the address that a connection is made to, so it is checked there: a name that resolves to
something else than it did a moment ago leads nowhere new.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

import httpcore2
import httpx2
import msgspec

from milepost.errors import MilepostError, SetupError

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# As long as a resolver's answer is kept where nobody says for how long.
_KNOWN_SECONDS = 30.0
_RESOLVE_SECONDS = 5.0
_LONGEST_URL = 2000

# The registries of special addresses: https://www.iana.org/assignments/iana-ipv4-special-registry and its
# IPv6 sibling, with multicast and what is reserved.
_SPECIAL = [
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
# Of IPv6, only what is given out to the public is public; the rest of the space is not used.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_6 = [
    ipaddress.IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
# Where clouds tell a machine its own secrets.
_METADATA = frozenset(
    ipaddress.ip_address(each)
    for each in (
        "169.254.169.254", "169.254.169.253", "169.254.170.2", "169.254.170.23", "100.100.100.200",
        "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
    )
)  # fmt: skip
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


class Forbidden(MilepostError):
    """The address is not one that Milepost sends to."""


class Allowed(msgspec.Struct, frozen=True):
    """The private networks and the hosts, by name, that may be sent to all the same."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()


NONE_ALLOWED = Allowed()


def allowed(words: Iterable[str]) -> Allowed:
    """Read networks (`10.0.0.0/8`, `192.168.1.7`) and host names; raise SetupError for what is neither."""
    networks: list[Network] = []
    hosts: set[str] = set()
    for word in words:
        try:
            networks.append(ipaddress.ip_network(word.strip("[]"), strict=False))
        except ValueError:
            if not word or "/" in word or ":" in word or not word.isascii():
                raise SetupError(
                    "MILEPOST_WEBHOOKS_ALLOW must be networks or names of hosts, separated by commas, "
                    "like 10.0.0.0/8,receiver.internal."
                ) from None
            hosts.add(word.rstrip(".").lower())
    return Allowed(tuple(networks), frozenset(hosts))


def spellings(address: IP) -> list[IP]:
    """List the addresses that an address leads to: itself, and an IPv4 address that is wrapped in it."""
    found: list[IP] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        low = int(address) & 0xFFFFFFFF
        if (
            address.ipv4_mapped is not None
            or int(address) >> 32 == 0
            or any(address in network for network in _NAT64)
        ):
            found.append(ipaddress.IPv4Address(low))
        if address.sixtofour is not None:
            found.append(address.sixtofour)
        if address.teredo is not None:
            found.append(address.teredo[1])
    return found


def may_be_sent_to(address: IP, host: str, but: Allowed) -> bool:
    """Whether a connection to `address`, for the sake of `host`, is allowed."""
    wrapped = spellings(address)
    if any(each in _METADATA for each in wrapped):
        return False
    if host.rstrip(".").lower() in but.hosts:
        return True
    # A wrapped address is the one that counts; where it is named as allowed, so is what wraps it.
    for each in wrapped:
        if any(each.version == n.version and each in n for n in but.networks):
            return True
    stands_for_another = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped is not None or address in _NAT64[0]
    )
    return all(_public(each) for each in (wrapped[1:] if stands_for_another else wrapped))


def check_url(url: str, but: Allowed) -> None:
    """Raise ValueError with what the URL of an endpoint must be; names are resolved at each connection."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be a URL of printable ASCII characters, up to 2000 of them")
    try:
        parts = urlsplit(url)
        port = parts.port
        httpx2.URL(url)  # Who sends reads it by this, which is stricter with addresses.
    except (ValueError, httpx2.InvalidURL):
        raise ValueError("must be a URL like https://example.com/webhooks") from None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError("must be an http or https URL like https://example.com/webhooks")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or a password")
    address = _literal(host)
    named_here = host.rstrip(".").lower() in ("localhost", "localhost.localdomain")
    private = address is not None and not may_be_sent_to(address, host, but)
    # Where loopback is allowed as a network, so is its name.
    here = ipaddress.ip_address("127.0.0.1")
    if private or (named_here and not may_be_sent_to(here, host, but)):
        raise ValueError("must not lead to a private address; MILEPOST_WEBHOOKS_ALLOW can allow it")


async def resolve(host: str, port: int, but: Allowed) -> list[str]:
    """Resolve a host; return the addresses that may be connected to.

    Raises Forbidden where none of them may be, and OSError where the name leads nowhere.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_RESOLVE_SECONDS):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    good = [a for a in addresses if may_be_sent_to(_parsed(a), host, but)]
    if not good:
        raise Forbidden(f"{host} is a private address.")
    return good


class CheckedNetwork(httpcore2.AnyIOBackend):
    """Connects to checked addresses only; TLS and the Host header keep the name."""

    def __init__(self, but: Allowed) -> None:
        self._but = but

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  The library's own signature.
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses: Sequence[str] = await resolve(host, port, self._but)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"The name {host} leads nowhere.") from error
        failure: Exception | None = None
        for address in addresses[:3]:
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Sends requests to checked addresses only; TLS and the Host header keep the name.

    A name is looked up again after some seconds, and what is connected to is what was checked. Raises
    Forbidden where a host leads to private addresses only.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, but: Allowed) -> None:
        self._inner = inner
        self._but = but
        self._known: dict[tuple[str, int], tuple[float, str]] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host, port = request.url.host, request.url.port or 443
        until, address = self._known.get((host, port), (0.0, ""))
        if time.monotonic() >= until:
            try:
                address = (await resolve(host, port, self._but))[0]
            except (OSError, UnicodeError) as error:
                raise httpx2.ConnectError(f"The name {host} leads nowhere.") from error
            self._known[host, port] = (time.monotonic() + _KNOWN_SECONDS, address)
        if address != host:
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host=address)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _public(address: IP) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL)
    return address in _PUBLIC_6 and not any(address in network for network in _SPECIAL_6)


def _literal(host: str) -> IP | None:
    """Read a host that is an address, also in the old spellings of IPv4 (`127.1`, `0x7f000001`)."""
    try:
        return _parsed(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None


def _parsed(text: str) -> IP:
    return ipaddress.ip_address(text.partition("%")[0])
