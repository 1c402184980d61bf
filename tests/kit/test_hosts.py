"""A login is sent to a provider's own hosts only, whatever its answers name."""

from __future__ import annotations

import pytest

from milepost.errors import Changed
from milepost.kit.hosts import Hosts

HOME = Hosts("Acme", "https://my.acme.example/v1", ["my.acme.example", "*.fleet.acme.example"])


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "https://my.acme.example/v1"),
        ("my.acme.example", "https://my.acme.example/v1"),
        ("my30.fleet.acme.example", "https://my30.fleet.acme.example/v1"),
        ("A.B.fleet.acme.example:443", "https://a.b.fleet.acme.example/v1"),
    ],
)
def test_a_host_of_the_manifest_may_be_named_by_a_login(host: str | None, url: str) -> None:
    assert str(HOME.at(host)) == url


@pytest.mark.parametrize(
    "host",
    [
        "", "acme.example", "fleet.acme.example", "evil.example", "evilfleet.acme.example",
        "x.fleet.acme.example.evil.example", "x.fleet.acme.example:8443", "u@x.fleet.acme.example",
        "evil.example/x.fleet.acme.example", "evil.example#.fleet.acme.example",
        "evil.example?.fleet.acme.example", "evil.example\\.fleet.acme.example", "127.0.0.1", "[::1]",
        "10.0.0.1", "2130706433", "0x7f.1", "localhost", "x.fleet.acme.example.", "-.fleet.acme.example",
        "..fleet.acme.example", "x..fleet.acme.example", "x y.fleet.acme.example", "ü.fleet.acme.example",
        "x.fleet.acme.example\n.evil.example", "%2e.fleet.acme.example", "169.254.169.254",
    ],
)  # fmt: skip
def test_no_other_host_ever_gets_a_login(host: str) -> None:
    with pytest.raises(Changed, match="none of its own"):
        HOME.at(host)


@pytest.mark.parametrize(
    "url",
    [
        "http://my.acme.example/next", "https://my.acme.example:8443/next", "ftp://my.acme.example/",
        "https://evil.example/next", "https://u:p@my.acme.example/next", "https:///next", "//my.acme.example",
    ],
)  # fmt: skip
def test_an_absolute_url_must_be_one_of_the_provider_too(url: str) -> None:
    with pytest.raises(Changed):
        HOME.below(url)


def test_an_absolute_url_of_a_listed_host_is_followed() -> None:
    assert HOME.below("https://x.fleet.acme.example/a?b=1").host == "x.fleet.acme.example"


def test_where_the_operator_moved_the_provider_all_traffic_stays_there() -> None:
    moved = Hosts("Acme", "http://127.0.0.1:8765/acme", ["*.fleet.acme.example"])

    assert str(moved.at(None)) == "http://127.0.0.1:8765/acme"
    assert str(moved.at("127.0.0.1:8765")) == "http://127.0.0.1:8765/acme"
    for other in ("x.fleet.acme.example", "127.0.0.1", "127.0.0.1:8766", "localhost:8765"):
        with pytest.raises(Changed):
            moved.at(other)
