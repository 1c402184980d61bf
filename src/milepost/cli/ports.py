"""Ports that a verb is told to listen at, and ports that are free."""

from __future__ import annotations

import socket
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from milepost.errors import SetupError

_IN_RANGE = Parameter(validator=Number(gte=0, lte=65_535))

Port = Annotated[int, _IN_RANGE]
"""The number of a port; 0 lets the system choose where a verb says so."""

PortIfGiven = Annotated[int | None, _IN_RANGE]


def require_free(host: str, port: int) -> None:
    """Raise SetupError when the port cannot be listened on."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise SetupError(
            f"Port {port} of {host} cannot be used ({error.strerror}): choose another with --port."
        ) from None


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])
