"""Reads the description of the API as a client's generator would: what to send, and whether an answer fits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from openapi_schema_validator import OAS31Validator

from milepost.api.app import OPERATIONS
from milepost.api.openapi import document

OURS = document(OPERATIONS, "https://milepost.test", "0")
VERBS = ("get", "post", "patch", "delete")


class Described(NamedTuple):
    """One operation of the description."""

    verb: str
    path: str
    about: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.about["operationId"])

    @property
    def parameters(self) -> list[dict[str, Any]]:
        found = [resolved(each) for each in self.about["parameters"]]
        return [each for each in found if each["in"] in ("path", "query")]

    @property
    def body(self) -> dict[str, Any] | None:
        given = self.about.get("requestBody", {}).get("content", {}).get("application/json")
        return resolved(given["schema"]) if given else None

    @property
    def streams(self) -> bool:
        """Whether the body is bytes of any kind."""
        return "application/octet-stream" in self.about.get("requestBody", {}).get("content", {})


def described() -> Iterator[Described]:
    for path, verbs in OURS["paths"].items():
        for verb, about in verbs.items():
            if verb in VERBS:
                yield Described(verb.upper(), path, about)


def resolved(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Follow a reference to what it stands for."""
    while "$ref" in schema:
        found: Any = OURS
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return dict(schema)


def values(schema: Mapping[str, Any], known: Mapping[str, Any]) -> list[Any]:
    """Return values that a schema allows: each word of an enumeration, one of anything else.

    `known` has ids by their prefix and formats by their name.
    """
    schema = resolved(schema)
    if "enum" in schema:
        return list(schema["enum"])
    if "examples" in schema:
        return list(schema["examples"])
    pattern = re.match(r"\^([a-z_]+?)_[\[\\]", schema.get("pattern", ""))
    if pattern and pattern[1] in known:
        return [known[pattern[1]]]
    if "@" in schema.get("pattern", ""):
        return ["someone@milepost.test"]
    if schema.get("format") in known:
        return [known[schema["format"]]]
    if "anyOf" in schema:
        return [value for each in schema["anyOf"] for value in values(each, known)]
    match schema.get("type"):
        case "boolean":
            return [True, False]
        case "integer" | "number":
            return [schema.get("minimum", schema.get("default", 1))]
        case "string":
            return ["x"]
        case "array":
            return [[], *([value] for value in values(schema["items"], known))]
        case "object":
            return objects(schema, known)
        case _:
            pass
    raise AssertionError(f"no value is known for {schema}")


def objects(schema: Mapping[str, Any], known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return bodies that a schema allows: with what it requires, and with each other field in turn."""
    fields = schema.get("properties", {})
    needed = {name: values(fields[name], known)[0] for name in schema.get("required", [])}
    others = [
        {**needed, name: value}
        for name, field in fields.items()
        if name not in needed
        for value in values(field, known)
    ]
    return [needed, *others]


def misfits(operation: Described, status: int, media_type: str, content: Any) -> list[str]:
    """Say how an answer departs from what the description says of it."""
    stated = operation.about["responses"].get(str(status))
    if stated is None:
        return [f"{status} is not among its statuses"]
    contents = resolved(stated).get("content")
    if contents is None:
        return [] if content is None else [f"{status} has a body"]
    media = contents.get(media_type, contents.get("*/*"))
    if media is None:
        return [f"{status} is {media_type or 'empty'}"]
    if "schema" not in media:
        return []
    validator = OAS31Validator(
        {**media["schema"], "components": OURS["components"]},
        format_checker=OAS31Validator.FORMAT_CHECKER,
    )
    return [
        f"{status} at {'/'.join(map(str, error.path))}: {error.message[:200]}"
        for error in validator.iter_errors(content)
    ]
