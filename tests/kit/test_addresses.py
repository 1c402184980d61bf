"""Where webhooks may go: nowhere private, however the address is spelt, unless it is allowed by name."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.errors import SetupError
from milepost.kit.addresses import (
    IP,
    NONE_ALLOWED,
    CheckedNetwork,
    Forbidden,
    allowed,
    check_url,
    may_be_sent_to,
)

ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)
PRIVATE = [
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
    "100.64.0.0/10", "224.0.0.0/4", "0.0.0.0/8", "240.0.0.0/4", "198.18.0.0/15",
]  # fmt: skip
PRIVATE_6 = ["::1/128", "fc00::/7", "fe80::/10", "ff00::/8", "::/96"]
METADATA = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"]


def wrapped(address: ipaddress.IPv4Address) -> list[IP]:
    """Spell an IPv4 address in the ways of IPv6."""
    number = int(address)
    return [
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address(number),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number),
        ipaddress.IPv6Address(0x2002 << 112 | number << 80),
    ]


@given(ADDRESSES)
def test_what_python_calls_private_local_or_multicast_is_never_sent_to(address: IP) -> None:
    special = (
        address.is_private or address.is_loopback or address.is_link_local
        or address.is_multicast or address.is_reserved or address.is_unspecified
    )  # fmt: skip
    mapped = getattr(address, "ipv4_mapped", None)
    if special and mapped is None and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert not may_be_sent_to(address, "receiver.example", NONE_ALLOWED)


@given(st.sampled_from(PRIVATE).flatmap(lambda n: st.ip_addresses(network=n)))
def test_private_addresses_are_refused_in_every_spelling(address: ipaddress.IPv4Address) -> None:
    for each in [address, *wrapped(address)]:
        assert not may_be_sent_to(each, "receiver.example", NONE_ALLOWED), each


@given(st.sampled_from(PRIVATE_6).flatmap(lambda n: st.ip_addresses(network=n)))
def test_private_addresses_of_ipv6_are_refused(address: ipaddress.IPv6Address) -> None:
    assert not may_be_sent_to(address, "receiver.example", NONE_ALLOWED)


@given(st.sampled_from(["8.8.8.0/24", "93.184.216.0/24", "1.1.1.0/24"]).flatmap(
    lambda n: st.ip_addresses(network=n)))  # fmt: skip
def test_public_addresses_are_sent_to(address: ipaddress.IPv4Address) -> None:
    assert may_be_sent_to(address, "receiver.example", NONE_ALLOWED)
    assert may_be_sent_to(wrapped(address)[0], "receiver.example", NONE_ALLOWED)


@given(ADDRESSES)
def test_a_network_that_is_allowed_allows_its_addresses_only(address: IP) -> None:
    but = allowed(["10.1.0.0/16", "fd12::/16"])
    inside = any(
        address in ipaddress.ip_network(n)
        for n in ("10.1.0.0/16", "fd12::/16")
        if ipaddress.ip_network(n).version == address.version
    )
    if inside:
        assert may_be_sent_to(address, "x", but)
    elif not may_be_sent_to(address, "x", NONE_ALLOWED) and not isinstance(
        address, ipaddress.IPv6Address
    ):
        assert not may_be_sent_to(address, "x", but)


@pytest.mark.parametrize("text", METADATA)
def test_what_tells_a_machine_its_secrets_is_never_sent_to(text: str) -> None:
    address = ipaddress.ip_address(text)
    everything = allowed(["0.0.0.0/0", "::/0", "metadata.internal"])
    spellings = [address]
    if isinstance(address, ipaddress.IPv4Address):
        spellings += wrapped(address)

    for each in spellings:
        assert not may_be_sent_to(each, "metadata.internal", everything), each


@pytest.mark.parametrize(
    "url",
    ["http://999.1.1.1/", "http://1.2.3.04/", "http://08.8.8.8", "http://[v1.x]/", "http://[::"],
)
def test_what_who_sends_could_not_read_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="must be a URL"):
        check_url(url, NONE_ALLOWED)


def test_a_host_is_allowed_by_name() -> None:
    but = allowed(["Receiver.Internal"])

    assert may_be_sent_to(ipaddress.ip_address("10.0.0.1"), "receiver.internal.", but)
    assert not may_be_sent_to(ipaddress.ip_address("10.0.0.1"), "other.internal", but)
    with pytest.raises(SetupError):
        allowed(["http://x/"])


async def test_a_name_that_leads_inside_is_refused_when_it_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_url("http://rebound.example/", NONE_ALLOWED)  # It looks like any other.

    def resolve(host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        assert host == "rebound.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with httpcore2.AsyncConnectionPool(network_backend=CheckedNetwork(NONE_ALLOWED)) as pool:
        with pytest.raises(Forbidden):
            await pool.request("POST", "http://rebound.example:8080/")
