"""Laws of failure and of manners: names of errors, secrets, the budget, the vendor's own document."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import floor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from milepost.errors import (
    Changed,
    CursorLost,
    LoginLost,
    NotAllowed,
    NotOffered,
    ProviderError,
    SlowDown,
    TryAgain,
)
from milepost.kit.contract import Slice
from milepost.kit.laws.reading import fixtures
from milepost.kit.laws.stage import SECRET, Beside, Broken, Line, Stage, cuts_of
from milepost.kit.loopback import Asked, Said
from milepost.kit.simulation import Mishap

NAMED: dict[Mishap, tuple[type[ProviderError], ...]] = {
    "token_revoked": (LoginLost,),
    "scope_revoked": (NotAllowed,),
    "feature_missing": (NotOffered, NotAllowed),
    "throttled": (SlowDown,),
    "broken": (TryAgain,),
    "broken_text": (TryAgain,),
    "cursor_lost": (CursorLost,),
}
_HIDDEN = re.compile(
    r"password|secret|session_?id|api_?key|access_?token|refresh_?token", re.IGNORECASE
)


async def failures_are_named(stage: Stage) -> str:
    tried = _first_of_each_kind(stage)
    named = 0
    for mishap, meant in NAMED.items():
        raised = 0
        for slice_ in tried:
            error = await _failure(stage, slice_, mishap)
            if error is None:
                continue
            raised += 1
            if not isinstance(error, meant):
                raise Broken(f"{slice_.stream}, {mishap}: {type(error).__name__} ({error})")
        if not raised and mishap not in {"cursor_lost", "feature_missing"}:
            raise Broken(f"{mishap} goes unnoticed")
        named += bool(raised)
    for body in (b'{"data": [', b"<html>", b"null", b"[]"):
        async with stage.line(answer=lambda _, body=body: Said(body)) as line:  # type: ignore[misc]
            try:
                await line.read(tried[0])
            except ProviderError as error:
                if not isinstance(error, Changed | TryAgain):
                    raise Broken(f"the answer {body!r} is called {type(error).__name__}") from None
            else:
                raise Broken(f"the answer {body!r} goes unnoticed")
    return f"{named} kinds of failure"


def _first_of_each_kind(stage: Stage) -> list[Slice]:
    kinds = {spec.kind: spec for spec in reversed(stage.streams)}
    return [stage.slice_of(spec) for spec in kinds.values()]


async def _failure(stage: Stage, slice_: Slice, mishap: Mishap) -> ProviderError | None:
    cursor = None
    if mishap == "cursor_lost":
        async with stage.line(page=2) as line:
            cursor = next((p.cursor for p in await line.read(slice_) if not p.last), None)
        if cursor is None:
            return None
    async with stage.line(page=2, mishaps=[mishap]) as line:
        try:
            await line.read(msgspec.structs.replace(slice_, cursor=cursor))
        except ProviderError as error:
            return error
    return None


async def no_secret_shows(stage: Stage) -> str:
    written, places = io.StringIO(), 0
    with (
        _listening(written),
        contextlib.redirect_stdout(written),
        contextlib.redirect_stderr(written),
    ):
        for slice_ in _first_of_each_kind(stage):
            for mishaps in ((), ("token_revoked",), ("scope_revoked",)):
                async with stage.line(mishaps=mishaps) as line:
                    shown = await _shown(line, slice_)
                    shown += [asked.target for asked in line.server.asked]
                    shown += [repr(line.connector), repr(line.server.asked[0].path)]
                places += len(shown)
                if any(SECRET in text for text in shown):
                    raise Broken(f"a secret of the login shows in {slice_.stream}")
    if SECRET in written.getvalue():
        raise Broken("a secret of the login was written to the log")
    with contextlib.suppress(Beside):
        for name, given in fixtures(stage).items():
            if found := next(_secrets(given), None):
                raise Broken(f"fixture {name} holds a {found}")
    return f"{places} places"


async def _shown(line: Line, slice_: Slice) -> list[str]:
    try:
        pages = await line.read(slice_)
    except ProviderError as error:
        held = (error, error.__cause__, error.__context__)
        return [repr(each) + str(each) for each in held if each is not None]
    return [cut.body.decode() + repr(cut.records) for cut in cuts_of(pages)]


@contextlib.contextmanager
def _listening(written: io.StringIO) -> Iterator[None]:
    handler, root = logging.StreamHandler(written), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _secrets(value: Any) -> Iterator[str]:
    """Find what looks like a login in a fixture, and is neither a placeholder nor empty."""
    if isinstance(value, dict):
        for name, below in value.items():
            if _HIDDEN.fullmatch(name) and isinstance(below, str) and below not in ("", "redacted"):
                yield name
            yield from _secrets(below)
    elif isinstance(value, list):
        for below in value:
            yield from _secrets(below)


async def the_budget_holds(stage: Stage) -> str:
    """Every request was granted, and no window holds more than its rate; the clock moves only by waiting."""
    busiest = 0
    async with stage.line(page=1) as line:
        for spec in stage.streams:
            await line.read(stage.slice_of(spec))
        requests, till = len(line.server.asked), line.till
        if requests > till.calls:
            raise Broken(f"{requests} requests were sent, {till.calls} were granted")
        taken: dict[bytes, list[float]] = defaultdict(list)
        rules = {rule.key: rule for rule, _ in till.granted}
        for rule, at in till.granted:
            taken[rule.key].append(at)
        for key, times in taken.items():
            calls, top = max(1, floor(rules[key].top)), rules[key].top
            for first, last in zip(times, times[calls:], strict=False):
                if top and last - first < calls / top - 1e-9:
                    raise Broken(
                        f"{calls + 1} calls went in {last - first:.2f} s, {top} a second may"
                    )
            busiest = max(busiest, len(times))
    return f"{requests} requests, {till.now:.0f} s of waiting"


async def the_document_agrees(stage: Stage, document: Mapping[str, Any] | None) -> str:
    """Hold the path and the parameters of every request against the vendor's OpenAPI document."""
    if document is None:
        raise Beside("no document of the vendor was given")
    async with stage.line() as line:
        for spec in stage.streams:
            await line.read(stage.slice_of(spec))
        await line.connector.account()
        asked = list(line.server.asked)
    for each in asked:
        for problem in request_problems(document, each):
            raise Broken(problem)
    return f"{len(asked)} requests to {len({each.path for each in asked})} paths"


def request_problems(document: Mapping[str, Any], asked: Asked) -> Iterator[str]:
    """Say what the document does not know of a request: its path, method, parameters or their values."""
    found = next((p for p in _templates(document["paths"]) if p[1].fullmatch(asked.path)), None)
    if found is None or asked.method.lower() not in document["paths"][found[0]]:
        yield f"{asked.method} {asked.path} is not in the document"
        return
    known = {
        each["name"]: each
        for each in document["paths"][found[0]][asked.method.lower()].get("parameters", [])
        if each.get("in") == "query"
    }
    given = parse_qs(urlsplit(asked.target).query, keep_blank_values=True)
    for name, values in given.items():
        schema = known.get(name, {}).get("schema", {})
        allowed = schema.get("enum")
        if name not in known:
            yield f"{asked.path} has no parameter {name}"
        elif allowed and any(value not in map(str, allowed) for value in values):
            yield f"{asked.path} knows no {name} of {', '.join(values)}"
    for name, each in known.items():
        if each.get("required") and name not in given:
            yield f"{asked.path} must be asked with {name}"


def _templates(paths: Sequence[str] | Mapping[str, Any]) -> Iterator[tuple[str, re.Pattern[str]]]:
    for path in sorted(paths, key=lambda each: "{" in each):
        yield path, re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path)))
