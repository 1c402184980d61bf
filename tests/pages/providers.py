"""Writes `docs/providers/*.md`: what each manifest says of a provider, and the traps that its notes name."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.pages.models import grounds

from milepost.kit.contract import Manifest, StreamSpec
from milepost.kit.registry import Registry

ROOT = Path(__file__).parents[2] / "docs/providers"
SOURCE = "../../src/milepost/providers"

HEAD = """Made of the manifest by `make docs`; a test compares. Where each claim comes from, and how it is mapped:
[the connector's notes]({notes}). Which field it carries: [coverage](../reference/coverage.md).
"""


def pages(registry: Registry) -> dict[Path, str]:
    """Write a page for each platform, and the list of all."""
    cards = {code: registry.manifest(code) for code in registry.codes}
    platforms = {code: card for code, card in cards.items() if card.base_code is None}
    brands = {
        code: [card for card in cards.values() if card.base_code == code] for code in platforms
    }
    made = {
        ROOT / f"{code}.md": page(card, brands[code], registry.package(code))
        for code, card in platforms.items()
    }
    return {**made, ROOT / "README.md": listing(platforms, brands)}


def listing(platforms: Mapping[str, Manifest], brands: Mapping[str, list[Manifest]]) -> str:
    lines = ["# Providers", "", "Made of the manifests by `make docs`; a test compares.", ""]
    lines += ["| provider | code | status | models | brands |", "|---|---|---|---|---|"]
    for code, card in platforms.items():
        carried = sum(support == "supported" for support in card.supported_models.values())
        lines.append(
            f"| [{card.name}]({code}.md) | `{code}` | {card.status} | {carried} | {len(brands[code]) or ''} |"
        )
    return "\n".join(lines) + "\n"


def page(card: Manifest, brands: list[Manifest], package: str) -> str:
    """Write one provider's page."""
    folder = importlib.resources.files(package)
    notes = f"{SOURCE}/{package.rpartition('.')[2]}/README.md"
    parts = [
        f"# {card.name}",
        f"Code `{card.code}`, status {card.status}. {HEAD.format(notes=notes)}".rstrip(),
        *_login(card),
    ]
    if card.streams:
        parts += [_limits(card), _streams(card.streams), _history(card)]
    parts.append(_models(card))
    if card.file_formats:
        formats = ", ".join(f"`{each}`" for each in card.file_formats)
        parts.append(f"## Files\nReads {formats}: see [files](../how-to/files.md).")
    if traps := _traps(folder.joinpath("README.md").read_text()):
        parts.append(f"## Traps\n{traps}")
    if brands:
        parts.append(_brands(brands))
    if card.references or card.sources:
        lines = [f"- [{each['label']}]({each['url']})" for each in card.references]
        lines += [f"- <{url}>" for url in card.sources]
        parts.append("## Read at the source\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _login(card: Manifest) -> Iterator[str]:
    forms = []
    for form in card.logins:
        fields = [
            f"`{field.name}` ({field.label}{', secret' if field.secret else ''})" for field in form
        ]
        forms.append(f"- {' and '.join(fields) or 'nothing to fill in'}")
    if not card.logins:
        return
    text = "## Login\nOne of these forms:\n\n" if len(forms) > 1 else "## Login\n"
    text += "\n".join(forms)
    if card.oauth is not None:
        text += f"\n\nOAuth 2: a fleet agrees at <{card.oauth.authorize_url}>, tokens come from <{card.oauth.token_url}>."
        if card.oauth.scopes:
            text += f" Scopes: {', '.join(f'`{scope}`' for scope in card.oauth.scopes)}."
    hosts = ", ".join(f"`{host}`" for host in card.hosts)
    if card.streams:
        text += f"\n\nCalled at <{card.base_url}>." + (
            f" A login goes to no other hosts than {hosts}." if hosts else ""
        )
    yield text


def _limits(card: Manifest) -> str:
    lines = ["## Limits", "Calls a second, shared by all that reads the same account.", ""]
    overall = [
        ("all calls of an account", card.organization_limit),
        ("all calls of a login", card.login_limit),
    ]
    lines += ["| calls | a second | found out by use, up to |", "|---|---|---|"]
    lines += [f"| {name} | {rate:g} | |" for name, rate in overall if rate]
    for name, rate in card.limits.items():
        most = f"{card.learned_limits[name]:g}" if name in card.learned_limits else ""
        lines.append(f"| `{name}` | {f'{rate:g}' if rate else 'not limited'} | {most} |")
    return "\n".join(lines)


def _streams(streams: list[StreamSpec]) -> str:
    lines = [
        "## Streams",
        "“Window” is the most that one piece of history covers, “read again” how far each sync looks back, because",
        "records come late or are edited. A feed tells only what is new.",
        "",
        "| stream | title | right that it needs | how | window | read again |",
        "|---|---|---|---|---|---|",
    ]
    for spec in streams:
        how = "whole list" if spec.kind == "listing" else ("feed" if spec.feed else "windows")
        window = "" if spec.kind == "listing" else _span(spec.window_hours)
        again = _span(spec.look_back_hours) if spec.look_back_hours and not spec.feed else ""
        lines.append(
            f"| `{spec.name}` | {spec.title} | {spec.permission} | {how} | {window} | {again} |"
        )
    return "\n".join(lines)


def _span(hours: int) -> str:
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"


def _history(card: Manifest) -> str:
    text = f"## History\nAsked for up to {card.history_days:,} days back; the vendor keeps: {card.available_history}."
    text += f" Positions come every: {card.sample_rate}."
    if card.provider_requests:
        text += (
            f" Out-of-band requests: {', '.join(f'`{each}`' for each in card.provider_requests)}."
        )
    return text


def _models(card: Manifest) -> str:
    lines = ["## Models", "| model | support | rests on |", "|---|---|---|"]
    for model, support in card.supported_models.items():
        rests = grounds(card.evidence.get(model, [])) if support == "supported" else ""
        name = f"[{model}](../reference/models/{model}.md)"
        lines.append(f"| {name} | `{support}` | {rests} |")
    return "\n".join(lines)


def _brands(brands: list[Manifest]) -> str:
    lines = [
        "## Brands",
        "The same dialect under other names.",
        "",
        "| brand | code | status |",
        "|---|---|---|",
    ]
    lines += [f"| {card.name} | `{card.code}` | {card.status} |" for card in brands]
    return "\n".join(lines)


def _traps(notes: str) -> str:
    """Cut the section “Traps” out of a connector's notes, with the links that they define."""
    found = re.search(r"^## Traps\n(.*?)(?=^## |\Z)", notes, re.MULTILINE | re.DOTALL)
    if found is None:
        return ""
    text = found[1].strip()
    links = re.findall(r"^(\[(\w+)\]: \S+)$", notes, re.MULTILINE)
    used = [link for link, label in links if f"[{label}]" in text]
    return text + ("\n\n" + "\n".join(used) if used else "")
