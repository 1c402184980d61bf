"""Writes what is carried: `docs/reference/models/*.md`, `docs/reference/coverage.md`, and each provider's
`lacking.json`, which `GET /providers` tells of.
"""

from __future__ import annotations

import importlib
import importlib.resources
import inspect
import json
import pkgutil
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UnsetType

from milepost import models as package
from milepost.kit import registry
from milepost.kit.contract import Ground, Manifest
from milepost.kit.laws.carried import MODELS, Seen
from milepost.models.meta import Model
from milepost.models.stats import STAT_TYPES, VALUE_FIELDS

ROOT = Path(__file__).parents[2] / "docs/reference"
Carried = Mapping[str, Seen]

# Added by the store or on request, whoever the provider is.
OURS = {"id", "provider", "metadata", "raw", "derived"}
# What Milepost knows of a record by how it was asked for, or adds up itself.
_KNOWN = {
    "VehicleLocation": {"vehicle"}, "VehicleUtilization": {"startAt", "endAt"},
    "VehicleStatLog": {"type", "timestamp", "vehicle"},
}  # fmt: skip
_COMMENT = re.compile(r"^    (\w+): .*?  # (?!type:|noqa)(.+)$")


class Field(NamedTuple):
    path: str
    type: str
    note: str


def every_model() -> dict[str, type[Model]]:
    found: dict[str, type[Model]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found |= {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, type)
            and issubclass(value, Model)
            and value.__module__ == module.__name__
        }
    return found


def fields(model: type[Model], within: str = "") -> Iterator[Field]:
    """Yield a model's fields in order, those of nested objects below them."""
    hints = typing.get_type_hints(model, include_extras=True)
    notes = {}
    for base in reversed(model.__mro__):
        if issubclass(base, Model):
            for line in inspect.getsource(base).splitlines():
                if found := _COMMENT.match(line):
                    notes[found[1]] = found[2]
    for field in msgspec.structs.fields(model):
        path = f"{within}{field.encode_name}"
        spelt, below = _type(hints[field.name], field.encode_name)
        yield Field(path, spelt, notes.get(field.name, ""))
        if below is not None and field.encode_name not in OURS:
            yield from fields(below, f"{path}.")


def _type(hint: Any, name: str) -> tuple[str, type[Model] | None]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        if hint in _NAMED:
            return _NAMED[hint], None
        return _type(arguments[0], name)
    if origin in (typing.Union, types.UnionType):
        real = [each for each in arguments if each not in (UnsetType, types.NoneType)]
        if str in real and len(real) > 1:
            other = next(each for each in real if each is not str)
            return f"id of {_short(other)}, or the whole", None
        return _type(real[0], name) if len(real) == 1 else (" or ".join(map(_short, real)), None)
    if origin is Literal:
        return _NAMED.get(hint) or " \\| ".join(f"`{word}`" for word in arguments), None
    if origin is list:
        spelt, below = _type(arguments[0], name)
        return f"list of {spelt}", below
    if isinstance(hint, type) and issubclass(hint, Model):
        return "object", None if name in OURS else hint
    return _NAMED.get(hint, _short(hint)), None


def _short(hint: Any) -> str:
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))


def _named() -> dict[Any, str]:
    from milepost.models import driver, location, meta  # noqa: PLC0415

    return {
        meta.State: "US state or Canadian province", meta.Instant: "instant", meta.Day: "day", driver.Phone: "phone in E.164",
        location.Percentage: "number from 0 to 100",
    }  # fmt: skip


_NAMED = _named()


LEGEND = """Below a provider stands the raw field that it comes from, a tick where several make it up, a dash where the
provider has nothing for it. “Milepost” fills what is ours. Made by `make docs`; a test compares."""


def model_page(name: str, cards: Mapping[str, Manifest], carried: Carried) -> str:
    """Write one model's page."""
    model = every_model()[name]
    codes = list(carried)
    says = inspect.cleandoc(model.__doc__ or "")
    head = " | ".join(["field", "type", "unit, note", *(cards[code].name for code in codes)])
    lines = [f"# {name}", "", says, "", LEGEND, "", f"| {head} |", "|" + "---|" * (3 + len(codes))]
    listed = {field.path for field in fields(model)}
    for field in fields(model):
        if any(other.startswith(f"{field.path}.") for other in listed) and field.path not in OURS:
            continue
        cells = [_cell(name, field.path, carried[code].get(name)) for code in codes]
        lines.append(f"| `{field.path}` | {field.type} | {field.note} | {' | '.join(cells)} |")
    if name == "VehicleStatLog":
        lines += [
            "",
            "## Types of readings",
            "",
            f"| type | value field | {' | '.join(cards[c].name for c in codes)} |",
        ]
        lines.append("|" + "---|" * (2 + len(codes)))
        for kind in STAT_TYPES:
            cells = [_cell("", kind, carried[code].get(name)) for code in codes]
            lines.append(f"| `{kind}` | `{VALUE_FIELDS[kind]}` | {' | '.join(cells)} |")
    lines += ["", "What each claim rests on:", ""]
    lines += [f"- {cards[code].name}: {grounds(cards[code].evidence.get(name, []))}"
              for code in codes if carried[code].get(name)]  # fmt: skip
    return "\n".join(lines) + "\n"


def _cell(model: str, path: str, seen: Mapping[str, set[str]] | None) -> str:
    if seen is None:
        return ""
    if path.partition(".")[0] in OURS | _KNOWN.get(model, set()):
        return "Milepost"
    if model == "VehicleStatLog" and path in VALUE_FIELDS.values():
        return "by type"
    if path not in seen:
        return "–"  # noqa: RUF001
    return "<br>".join(f"`{each}`" for each in sorted(seen[path])) or "✓"


def grounds(of: list[Ground]) -> str:
    words = {
        "document": "the vendor's document", "sdk": "the vendor's SDK", "recorded": "recorded answers",
        "account": "a real account",
    }  # fmt: skip
    told = [
        " ".join(
            filter(None, [words[g.on], g.date, f"({g.records:,} records)" if g.records else ""])
        )
        for g in of
    ]
    return ", ".join(told) or "nothing named"


HEAD = """# Who carries what

Made by `make docs`; a test compares. A field is carried where the connector fills it, seen in its fixtures and in what
its simulator tells of a fleet; nothing here is claimed without that. Brands are as their platform. Beside the number of
fields stands what the claim rests on. The page of a model says where in the provider's data each field comes from; what
Milepost derives (`?derived=true` on vehicles and fault codes) is never in the provider's fields.
"""


def coverage_page(cards: Mapping[str, Manifest], carried: Carried) -> str:
    """Write the matrix: by model, how many fields each provider carries, and which it lacks."""
    codes = list(carried)
    lines = [HEAD, f"| model | {' | '.join(cards[c].name for c in codes)} |"]
    lines.append("|" + "---|" * (1 + len(codes)))
    for name in MODELS:
        paths = _leaves(name)
        cells = []
        for code in codes:
            seen = carried[code].get(name)
            rests = ", ".join(dict.fromkeys(g.on for g in cards[code].evidence.get(name, [])))
            count = len(paths & seen.keys()) if seen else 0
            cells.append(f"{count} of {len(paths)}; {rests or 'nothing named'}" if seen else "–")  # noqa: RUF001
        lines.append(f"| [{name}](models/{name}.md) | {' | '.join(cells)} |")
    lines += ["", "## What is lacking", ""]
    for code in codes:
        lines += [f"### {cards[code].name}", ""]
        for name in MODELS:
            seen = carried[code].get(name)
            if seen is None:
                why = cards[code].absent.get(name, "not read by Milepost yet")
                lines.append(f"- {name}: not at all; {why}")
            elif absent := _lacking(name, seen):
                lines.append(f"- {name}: {', '.join(f'`{each}`' for each in absent)}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _lacking(name: str, seen: Mapping[str, set[str]]) -> list[str]:
    return sorted(_leaves(name) - seen.keys())


def _leaves(name: str) -> set[str]:
    if name == "VehicleStatLog":
        return set(STAT_TYPES)
    paths = [field.path for field in fields(every_model()[name])]
    return {
        path for path in paths
        if path.partition(".")[0] not in OURS and not path.startswith("extensions")
        and path not in _KNOWN.get(name, set())
        and not any(other.startswith(f"{path}.") for other in paths)
    }  # fmt: skip


def pages(cards: Mapping[str, Manifest], carried: Carried) -> dict[Path, str]:
    """Write all pages, by their places."""
    made = {ROOT / "models" / f"{name}.md": model_page(name, cards, carried) for name in MODELS}
    for code, seen in carried.items():
        lacking = {name: absent for name in sorted(seen) if (absent := _lacking(name, seen[name]))}
        place = Path(str(importlib.resources.files(registry.load().package(code))))
        made[place / "lacking.json"] = json.dumps(lacking, indent=1) + "\n"
    return {**made, ROOT / "coverage.md": coverage_page(cards, carried)}
