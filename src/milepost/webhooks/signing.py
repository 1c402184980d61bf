"""Signs what is delivered, as Standard Webhooks say (https://www.standardwebhooks.com), and as Svix spells it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"
_BYTES = 24


def new_secret() -> str:
    """Make the secret of an endpoint: `whsec_` and 24 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def headers(keys: Sequence[str], id_: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove a delivery; during a rotation it is signed with both secrets."""
    stamp = str(int(at.timestamp()))
    signed = f"{id_}.{stamp}.".encode() + body
    signature = " ".join(f"v1,{_sign(key, signed)}" for key in keys)
    values = {"id": id_, "timestamp": stamp, "signature": signature}
    return {f"{scheme}-{k}": v for scheme in ("webhook", "svix") for k, v in values.items()}


def _sign(key: str, signed: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(raw, signed, hashlib.sha256)).decode()
