"""Writes into a provider's manifest that its models were read from a real account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from milepost.kit.contract import Ground

_ACCOUNT = re.compile(r",? *\{[^{}]*on *= *\"account\"[^{}]*\}")


def spelt(ground: Ground) -> str:
    return f'{{ on = "{ground.on}", date = "{ground.date}", records = {ground.records} }}'


def added(text: str, found: Mapping[str, Ground]) -> str:
    """Return a manifest's text with the account's grounds in `[evidence]`, in the place of older ones."""
    head, table, rest = text.partition("[evidence]\n")
    if not table:
        head, table, rest = text.rstrip() + "\n\n", "[evidence]\n", "\n"
    body, gap, tail = rest.partition("\n[")
    lines = body.rstrip("\n").split("\n") if body.strip() else []
    for model, ground in sorted(found.items()):
        at = next((i for i, line in enumerate(lines) if re.match(rf"{model} *=", line)), None)
        if at is None:
            lines.append(f"{model} = [{spelt(ground)}]")
        else:
            kept = _ACCOUNT.sub("", lines[at]).rstrip().removesuffix("]")
            comma = "" if kept.rstrip().endswith("[") else ", "
            lines[at] = f"{kept}{comma}{spelt(ground)}]"
    return f"{head}{table}" + "\n".join(lines) + "\n" + (f"{gap}{tail}" if gap else "")


def write(manifest: Path, found: Mapping[str, Ground]) -> None:
    """Add the grounds to a manifest's file; raises OSError where it cannot be written."""
    manifest.write_text(added(manifest.read_text(), found))
