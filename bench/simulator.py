"""Serves the provider simulators as their `MILEPOST_SANDBOX_*` variables say: `python -m bench.simulator PORT`."""

from __future__ import annotations

import sys

from granian import Granian
from granian.constants import Interfaces

if __name__ == "__main__":
    Granian(
        "milepost.sandbox.app:create_app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGI,
        factory=True,
        websockets=False,
        log_access=False,
    ).serve()
