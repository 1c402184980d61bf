"""Sealing: who holds a key opens, and a key is taken however tools print it."""

from __future__ import annotations

import base64

import pytest

from milepost.errors import SetupError
from milepost.vault import Unreadable, Vault, new_installation_key

KEY = b"\xfb\xff" * 16  # In base64, full of the letters in which the alphabets differ.


@pytest.mark.parametrize(
    "spelling",
    [
        base64.urlsafe_b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode().rstrip("="),
        base64.b64encode(KEY).decode(),
        KEY.hex(),
    ],
)
def test_a_key_is_the_same_key_in_every_spelling(spelling: str) -> None:
    sealed = Vault([spelling]).seal(b"secret")

    assert Vault([base64.urlsafe_b64encode(KEY).decode()]).open(sealed) == b"secret"


def test_after_a_rotation_the_new_key_seals_and_the_old_one_still_opens() -> None:
    old, new = new_installation_key(), new_installation_key()
    before = Vault([old]).seal(b"secret")

    rotated = Vault([new, old])

    assert rotated.open(before) == b"secret"
    assert Vault([new]).open(rotated.seal(b"later")) == b"later"
    with pytest.raises(Unreadable):
        Vault([new]).open(before)


@pytest.mark.parametrize("wrong", ["", "short", "z" * 64, "a" * 43 + "\u00e9"])
def test_what_is_no_key_is_refused_in_words_and_not_repeated(wrong: str) -> None:
    with pytest.raises(SetupError, match="MILEPOST_SECRET_KEYS") as refused:
        Vault([wrong])

    assert not wrong or wrong not in refused.value.message
