"""Every error Milepost raises on purpose; the class says what happens next.

    MilepostError
    ├── ProviderError            a provider did not give what was asked
    │   ├── LoginLost            stop; the fleet must link again
    │   ├── NotAllowed           skip the stream, report an issue, go on
    │   ├── NotOffered           skip the stream, report an issue of its own, go on
    │   ├── BeyondHistory        clamp the window, report an issue, go on
    │   ├── SlowDown             give the worker back, come back at `until`
    │   ├── CursorLost           start the slice again from its beginning
    │   ├── TryAgain             back off; counts as an attempt
    │   └── Changed              fail the slice and name the fields
    ├── Refusal                  a request to our own API that cannot be carried out
    │   ├── BadRequest           400, with the path of each wrong field
    │   ├── Unauthorized         401
    │   ├── Forbidden            403
    │   ├── NotFound             404
    │   ├── Conflict             409
    │   ├── Unprocessable        422, with one of the contract's codes
    │   ├── TooManyRequests      429, with the seconds to wait
    │   ├── NotSupported         501, the provider has no such model
    │   ├── ProviderUnavailable  502
    │   └── ProviderTimeout      504
    └── SetupError               Milepost cannot start; the message says what to do

A bad record is not an exception: a mapping returns it as a `Reject` beside the good ones.
"""

from __future__ import annotations

import math
from datetime import datetime

import msgspec


class MilepostError(Exception):
    """Something went wrong in a way that Milepost knows by name."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        """The sentence that a person reads."""
        return str(self.args[0])


class ProviderError(MilepostError):
    """The provider did not give what was asked."""


class LoginLost(ProviderError):
    """The provider no longer accepts the credentials; the connection must be linked again."""


class NotAllowed(ProviderError):
    """The credentials may not read this stream.

    `permission` is the provider's own name of what is missing, for example "Read Vehicle Statistics".
    """

    def __init__(self, permission: str, message: str | None = None) -> None:
        super().__init__(
            message or f"The provider's credentials lack the permission “{permission}”."
        )
        self.permission = permission


class NotOffered(ProviderError):
    """The account does not have this feature, whoever asks: it is not booked, or not switched on."""


class BeyondHistory(ProviderError):
    """The provider keeps nothing from before `earliest` (aware UTC)."""

    def __init__(self, earliest: datetime, message: str | None = None) -> None:
        super().__init__(message or f"The provider keeps no history before {earliest.isoformat()}.")
        self.earliest = earliest


class SlowDown(ProviderError):
    """The provider asks to come back at `until` (aware UTC); this is a normal answer, not a failure."""

    def __init__(self, until: datetime, message: str | None = None) -> None:
        super().__init__(message or f"The provider asks to wait until {until.isoformat()}.")
        self.until = until


class CursorLost(ProviderError):
    """The provider no longer knows the cursor; the slice starts again from its beginning."""


class TryAgain(ProviderError):
    """The provider failed in a way that passes: a 5xx, a time-out, a connection cut off."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Changed(ProviderError):
    """The provider's answer no longer has the shape that its connector knows."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with a request: `path` names the field as `{requestBody}.x` or `{requestQuery}.x`."""

    message: str
    path: str


class Refusal(MilepostError):
    """A request that cannot be carried out."""

    status = 400
    code = "bad_request"

    def __init__(
        self,
        message: str | None = None,
        detail: str | list[Problem] | None = None,
        *,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.detail = detail
        if code is not None:
            self.code = code


class BadRequest(Refusal):
    """Invalid request"""


class Unauthorized(Refusal):
    """Unauthorized Request"""

    status = 401
    code = "unauthorized"


class Forbidden(Refusal):
    """Forbidden Request"""

    status = 403
    code = "forbidden"


class NotFound(Refusal):
    """Resource not found"""

    status = 404
    code = "not_found"


class Conflict(Refusal):
    """Conflict"""

    status = 409
    code = "conflict"


class Unprocessable(Refusal):
    """The request is well formed but cannot be carried out as things stand."""

    status = 422
    code = "unprocessable_entity"


class TooManyRequests(Refusal):
    """Too Many Requests"""

    status = 429
    code = "too_many_requests"

    def __init__(self, limited: str, wait_seconds: float) -> None:
        super().__init__(detail=f"The limit for this {limited} is reached. Please try again later.")
        # Whole seconds: common clients fail on others, though the header of the reference has fractions.
        self.retry_after = max(1, math.ceil(wait_seconds))


class NotSupported(Refusal):
    """Not Implemented"""

    status = 501
    code = "not_implemented"


class ProviderUnavailable(Refusal):
    """Provider Unavailable"""

    status = 502
    code = "bad_gateway"


class ProviderTimeout(Refusal):
    """Gateway Timeout"""

    status = 504
    code = "gateway_timeout"


class SetupError(MilepostError):
    """Milepost cannot start as it is set up."""
