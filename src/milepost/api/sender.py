"""Who sends a request: the address of the peer, or what proxies that are trusted say of it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:]*))(?::\d+)?")
# One customer of a network holds a whole /64, and could take another address for every request.
_ONE_SENDER = 64
_LONGEST = 64


def networks(text: Sequence[str]) -> tuple[Network, ...]:
    """Read networks like `10.0.0.0/8` or single addresses; raise ValueError for what is none."""
    return tuple(ipaddress.ip_network(each) for each in text)


def sender(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Name the sender by its address, IPv6 by its /64; `forwarded` are the X-Forwarded-For headers in order.

    Each proxy writes at the end whom it heard; so the list is believed from its end, as far as whoever
    wrote an entry is trusted, and no further. What is no address ends it.
    """
    address = _read(peer or "")
    if address is None:
        return ""
    said = [each for line in forwarded for each in line.split(",")]
    while said and any(address in network for network in trusted):
        before = _read(said.pop().strip())
        if before is None:
            break
        address = before
    if address.version == 6:
        return str(ipaddress.ip_network((address, _ONE_SENDER), strict=False).network_address)
    return str(address)


def _read(text: str) -> Address | None:
    if len(text) > _LONGEST:
        return None
    found = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((found[1] or found[2]) if found else text)
    except ValueError:
        return None
    if address.version == 6:
        return address.ipv4_mapped or ipaddress.IPv6Address(int(address))  # Without its zone.
    return address
