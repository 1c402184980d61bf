"""Credentials, the manifest, and the brands laid over it."""

from __future__ import annotations

from uuid import UUID

import pytest

from milepost.errors import LoginLost
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.login import Pocket
from milepost.providers.samsara.client import bearer
from milepost.providers.samsara.streams import TYPES


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel", "\x00"])
async def test_a_key_that_no_header_can_hold_is_a_lost_login_and_never_shown(key: str) -> None:
    connector = registry.load().connect("samsara", Pocket({"apiKey": key}), Identity(UUID(int=1)))

    with pytest.raises(LoginLost) as caught:
        await connector.account()

    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("typed", ["plain", "two words", "名前", "a:b@c", ""])
def test_a_sandbox_login_may_hold_anything(typed: str) -> None:
    token = bearer("{username!b}.{password!b}", {"username": typed, "password": typed})

    assert token.isascii()
    assert token.isprintable()


def test_manifest_and_brand_are_told_apart_and_complete() -> None:
    providers = registry.load()
    samsara, sandbox = providers.manifest("samsara"), providers.manifest("sandbox")

    assert (sandbox.base_code, sandbox.status) == ("samsara", "sandbox")
    assert sandbox.streams == samsara.streams
    assert sandbox.limits.keys() == samsara.limits.keys()
    assert {field.name for field in sandbox.logins[0]} == {"username", "password"}
    series = {spec.name for spec in samsara.streams if spec.kind == "series"}
    assert series == TYPES.keys()
