"""Structured logging: one line an event, as JSON or for a person's eye, and never a secret in it."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"

log = structlog.get_logger()

# Compared with what is left of a key without case, dashes and underscores: `Connection-Token`, `api_key`.
_SECRET_KEY = re.compile(
    r"(token|authorization|password|passwd|secret|secrets|apikey|secretkeys?|credentials?|cookie|pepper)$"
)
# Our own tokens, bearer headers, passwords in addresses, and `password=…` pairs inside longer strings.
_SECRET_TEXT = re.compile(
    r"\b(?:sk|pk|con_tkn|whsec|pub_tkn|samsara_api)_[A-Za-z0-9_\-+/=]+"
    r"|(?<=Bearer )\S+|(?<=Basic )\S+"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
    r"|(?<=password=)[^\s&]+|(?<=token=)[^\s&]+|(?<=apiKey=)[^\s&]+",
    re.IGNORECASE,
)


def configure(
    format_: Literal["auto", "console", "json"] = "auto", level: str = "info", *, stream: Any = None
) -> None:
    """Send the log of this process, and of the libraries in it, to `stream` (standard error by default)."""
    out = stream or sys.stderr
    for_people = format_ == "console" or (format_ == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Exceptions become text before redaction, since their messages quote what was sent.
    last: list[Processor] = (
        [
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(colors=out.isatty()),
        ]
        if for_people
        else [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The HTTP client tells of every request at info level; our own lines say what it was for.
    for chatty in ("httpx2", "httpcore2", "procrastinate"):
        logging.getLogger(chatty).setLevel(
            max(logging.getLevelName(level.upper()), logging.WARNING)
        )


@contextlib.contextmanager
def going_on(event: str, **which: object) -> Iterator[None]:
    """Log whatever goes wrong with one of many, so that it stands in the way of no other, at every look."""
    try:
        yield
    except Exception:
        log.exception(event, **which)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide the values of secret keys, and whatever looks like a secret within other values, at any depth."""
    return {key: HIDDEN if _is_secret(key) else hide(value) for key, value in event.items()}


def hide(value: Any) -> Any:
    """Return `value` with everything hidden in it that looks like a secret or stands under a secret's key."""
    match value:
        case str():
            return _SECRET_TEXT.sub(HIDDEN, value)
        case bytes():
            return hide(value.decode(errors="replace"))
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {
                hide(key): HIDDEN if _is_secret(key) else hide(item) for key, item in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [hide(item) for item in value]
        case _:
            # A struct or an exception is shown by its own spelling, which may quote a secret as well.
            return hide(repr(value))


def _is_secret(key: object) -> bool:
    return bool(_SECRET_KEY.search(re.sub(r"[-_\s]", "", str(key)).lower()))
