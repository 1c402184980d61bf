"""Strict JSON bodies: decoded without leniency, and every problem of a body named with its path."""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
import types
import typing
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from milepost.errors import BadRequest, Problem

# A body of the contract is some kilobytes; lists of ten thousand ids reach half a megabyte.
MOST_BYTES = 10_000_000
_MOST_READ = 50_000_000

_AT = re.compile(r" - at `(?:key in )?\$(.*)`$", re.DOTALL)
_ROOT = "{requestBody}"
_INVALID = "Invalid request body"

# What the decoder calls by Python's names.
_NAMES = {
    "float": "a number",
    "int": "an integer",
    "str": "a string",
    "bool": "true or false",
    "datetime": "a time",
    "object": "an object",
    "array": "an array",
    "null": "null",
}

# A body may be wrong in a million places; this many are named.
_MOST_PROBLEMS = 50
# And so many entries of its lists are looked at one by one, some 0.1 ms each; msgspec judges the rest as a whole.
_MOST_WALKED = 500
_LONGEST_PATH = 200


async def receive(request: Request[Any, Any, Any]) -> bytes:
    """Read a request's body whole; raise a 413 for one that is too large.

    What is too much is read nevertheless, within reason, and thrown away: a client that is still
    sending when the connection closes sees a reset instead of the answer.
    """
    chunks: list[bytes] = []
    size = 0
    while size <= _MOST_READ:
        message = await request.receive()
        if message["type"] != "http.request":
            raise BadRequest("The request body ended too soon", [Problem("is cut off", _ROOT)])
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MOST_BYTES:
            chunks.append(chunk)
        if not message.get("more_body"):
            break
    if size > MOST_BYTES:
        raise HTTPException(status_code=413)
    return b"".join(chunks)


async def stream(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """Yield a body as it comes; raise BadRequest where it is packed, or ends before its own length."""
    if request.headers.get("content-encoding", "identity") != "identity":
        problem = Problem(
            "must not be given; send the file as it is", "{requestHeader}.Content-Encoding"
        )
        raise BadRequest(_INVALID, [problem])
    declared = request.headers.get("content-length", "")
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise BadRequest("The request body ended too soon", [Problem("is cut off", _ROOT)])
        chunk = message.get("body", b"")
        size += len(chunk)
        more = message.get("more_body", False)
        if not more and declared.isdigit() and size < int(declared):
            raise BadRequest("The request body ended too soon", [Problem("is cut off", _ROOT)])
        if chunk:
            yield chunk


async def drain(body: AsyncIterator[bytes]) -> None:
    """Read and throw away what is left of a body, within reason, so that its sender sees the answer."""
    size = 0
    with contextlib.suppress(Exception):
        async for chunk in body:
            size += len(chunk)
            if size > _MOST_READ:
                return


def decode(body: bytes, type_: Any) -> Any:
    """Read a body strictly; raise BadRequest that names every field that is wrong.

    An empty body counts as `{}`. Types are never coerced, unknown fields and null are refused.
    """
    try:
        if b"\\u0000" in body and (path := _path_of_nul(msgspec.json.decode(body))) is not None:
            raise BadRequest(_INVALID, [Problem("must not contain NUL characters", path)])
        return _decoder(type_).decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise BadRequest(_INVALID, _problems(body, type_) or [_problem(error, _ROOT)]) from None
    except RecursionError:
        raise BadRequest(_INVALID, [Problem("is nested too deeply", _ROOT)]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        said = str(error)[:_LONGEST_PATH]
        raise BadRequest("The request body is not JSON", [Problem(said, _ROOT)]) from None


@functools.cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_, strict=True)


def _problems(body: bytes, type_: Any) -> list[Problem]:
    try:
        entries = itertools.repeat(None, _MOST_WALKED)
        found = _collect(type_, msgspec.json.decode(body), _ROOT, entries)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return found[:_MOST_PROBLEMS]


def _problem(error: Exception, base: str) -> Problem:
    text = str(error)
    at = _AT.search(text)
    path = base + (at.group(1) if at else "")
    said = text[: at.start()] if at else text
    for python, json in _NAMES.items():
        said = said.replace(f"`{python}`", json)
    return Problem(said, path[:_LONGEST_PATH])


def _members(type_: Any) -> list[Any]:
    """List what a type may be, through unions and annotations."""
    origin = typing.get_origin(type_)
    if origin is typing.Annotated:
        return _members(typing.get_args(type_)[0])
    if origin in (typing.Union, types.UnionType):
        return [member for each in typing.get_args(type_) for member in _members(each)]
    return [type_]


def _collect(type_: Any, value: Any, base: str, entries: Iterator[None]) -> list[Problem]:
    """Walk the structs and lists that a value should be made of; msgspec judges the leaves.

    `entries` ends when enough entries of lists were looked at.
    """
    members = _members(type_)
    structs = [m for m in members if isinstance(m, type) and issubclass(m, msgspec.Struct)]
    if isinstance(value, dict) and len(structs) == 1:
        return _collect_struct(structs[0], value, base, entries)
    lists = [member for member in members if typing.get_origin(member) is list]
    if isinstance(value, list) and len(lists) == 1:
        (inner,) = typing.get_args(lists[0])
        found: list[Problem] = []
        for (place, item), _ in zip(enumerate(value), entries, strict=False):
            found += _collect(inner, item, f"{base}[{place}]", entries)
            if len(found) >= _MOST_PROBLEMS:
                return found
        if found:
            return found
    try:
        _decoder(type_).decode(msgspec.json.encode(value))
    except (msgspec.ValidationError, RecursionError) as error:
        return [_problem(error, base)]
    return []


def _collect_struct(
    struct: type[msgspec.Struct], value: dict[str, Any], base: str, entries: Iterator[None]
) -> list[Problem]:
    hints = _hints(struct)
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    found: list[Problem] = []
    for name, field in fields.items():
        if name in value:
            found += _collect(hints[field.name], value[name], f"{base}.{name}", entries)
        elif field.required:
            found.append(Problem("is required", f"{base}.{name}"))
    if struct.__struct_config__.forbid_unknown_fields:
        unknown = [name for name in value if name not in fields][:_MOST_PROBLEMS]
        found += [Problem("is not a field", f"{base}.{name}"[:_LONGEST_PATH]) for name in unknown]
    return found


@functools.cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(struct, include_extras=True)


def _path_of_nul(value: Any) -> str | None:
    """Find a NUL character, which PostgreSQL's text cannot hold."""
    waiting = [(_ROOT, value)]
    while waiting:
        path, at = waiting.pop()
        if isinstance(at, str) and "\x00" in at:
            return path
        if isinstance(at, dict):
            if any("\x00" in name for name in at):
                return path
            waiting += [(f"{path}.{name}"[:_LONGEST_PATH], item) for name, item in at.items()]
        elif isinstance(at, list):
            waiting += [(f"{path}[{place}]", item) for place, item in enumerate(at)]
    return None
