"""Seals secrets at rest: credentials and tokens with the installation's keys, raw data with each connection's own.

The installation's keys are Fernet keys (https://github.com/fernet/spec), the first of which seals and all
of which open, so that they can be rotated without downtime. Raw pages are sealed with AES-256-GCM under a
key that belongs to one connection: destroy that key and nothing of the connection can be read again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from milepost.errors import MilepostError, SetupError

_NONCE_BYTES = 12
_STANDARD = str.maketrans("-_", "+/")


class Unreadable(MilepostError):
    """A sealed value cannot be opened with the keys at hand."""


def new_installation_key() -> str:
    """Make a key for MILEPOST_SECRET_KEYS."""
    return Fernet.generate_key().decode()


class Vault:
    """Seals and opens with the installation's keys."""

    def __init__(self, keys: list[str]) -> None:
        if not keys:
            raise SetupError("There is no secret key: set MILEPOST_SECRET_KEYS.")
        try:
            self._fernet = MultiFernet([Fernet(_spelt(key)) for key in keys])
        except ValueError:
            raise SetupError(
                "MILEPOST_SECRET_KEYS holds something that is not a key: each must be 32 bytes in "
                "base64 or hexadecimal, as `milepost key` prints them, and they are separated by commas."
            ) from None

    def seal(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raise Unreadable when none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise Unreadable from None


def _spelt(key: str) -> bytes:
    """Spell a key as Fernet wants it: base64 of either alphabet, padded or not, and hexadecimal are taken."""
    if len(key) == 64:
        return base64.urlsafe_b64encode(bytes.fromhex(key))
    text = key.rstrip("=").translate(_STANDARD)
    return base64.urlsafe_b64encode(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))


class ConnectionKey:
    """The key of one connection's raw data: 32 bytes, kept sealed beside the connection."""

    def __init__(self, key: bytes) -> None:
        self.bytes = key
        self._cipher = AESGCM(key)

    @classmethod
    def new(cls) -> ConnectionKey:
        return cls(AESGCM.generate_key(bit_length=256))

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Seal `plain`; `about` says what it is, so that sealed values cannot be swapped."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return what was sealed under the same `about`; raise Unreadable otherwise."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
        except InvalidTag:
            raise Unreadable from None


class Pepper:
    """Keys the hashes by which API keys and connection tokens are found; never leaves memory in clear."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @staticmethod
    def new() -> bytes:
        return secrets.token_bytes(32)

    def digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode(), hashlib.sha256)


def new_token(prefix: str) -> str:
    """Make a token of 192 random bits after `prefix`, for example `sk_prod_…`."""
    alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return prefix + "".join(secrets.choice(alphabet) for _ in range(33))
