"""Whether a webhook is Samsara's: its signature, and the time that it was signed at. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

# How far the vendor's clock and ours may be apart; what is older is a replay.
_TOLERANCE_SECONDS = 300


def genuine(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Say whether `X-Samsara-Signature` is `v1=` and the HMAC-SHA256 of `v1:{timestamp}:{body}` in hex.

    The key is the secret, decoded from base64 [D, L: README, “Webhooks”]. `headers` have lower-case names.
    """
    timestamp = headers.get("x-samsara-timestamp", "")
    try:
        key = base64.b64decode(secret, validate=True)
        age = abs(now.timestamp() - float(timestamp))
    except (binascii.Error, ValueError):
        return False
    signed = hmac.new(key, b"v1:" + timestamp.encode() + b":" + body, hashlib.sha256)
    given = headers.get("x-samsara-signature", "").encode()
    # NaN is within no distance of anything.
    return (
        hmac.compare_digest(given, f"v1={signed.hexdigest()}".encode())
        and age <= _TOLERANCE_SECONDS
    )
