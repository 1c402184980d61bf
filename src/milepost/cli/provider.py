"""`milepost provider`: hold a connector to the laws, show its card, begin a new one."""

from __future__ import annotations

import asyncio
import importlib.resources
import json as jsonlib
import keyword
import re
import secrets
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from milepost import clock, ids
from milepost.cli import evidence, running, scaffold
from milepost.config import Settings
from milepost.errors import SetupError
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.contract import Connector, Manifest
from milepost.kit.laws import book, capturing, visiting
from milepost.kit.laws.book import Verdict
from milepost.kit.laws.reading import CARRIED
from milepost.kit.laws.stage import Stage
from milepost.kit.login import Pocket
from milepost.sandbox.world import SyntheticWorld

_MARKS = {"kept": "[green]✓[/]", "broken": "[red]✗[/]", "beside": "[dim]·[/]"}
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Enough vehicles that listings have pages, few enough for all laws in some seconds.
_TRUCKS = 4


def check(
    code: str,
    /,
    *,
    document: Path | None = None,
    account: Path | None = None,
    write: bool = False,
    json: bool = False,
) -> int:
    """Try every law on a provider, at its own simulator, and print its card; exit status 0 if none is broken.

    Nothing leaves this machine, unless an account is given: then the newest of every stream is read there, nothing
    is written and nothing of it is kept. A law with nothing to be tried on is shown as such, and is no tick.

    Args:
        code: The provider's code, such as samsara; of a brand, its platform is tried.
        document: The vendor's OpenAPI document, as JSON, that requests are compared with.
        account: A file with the credentials of a real account, as JSON; `/dev/stdin` reads them from there.
        write: Write into the manifest that the models were read from the account, with date and count.
        json: Print `{"code", "status", "laws": [{"law", "sentence", "outcome", "note"}], "evidence"}`.
    """
    known = registry.load()
    if code not in known:
        raise SetupError(f"There is no provider {code} here; there are: {', '.join(known.codes)}.")
    if account is not None:
        return running.run(_visit(running.settings(), code, _read(account), write=write, json=json))
    return running.run(_check(code, known.manifest(code), _read(document), json=json))


def new(code: str, /, *, name: str | None = None, folder: Path | None = None) -> int:
    """Begin a provider: a folder that works end to end for one listing, to be grown from there.

    Its laws hold as it stands; `milepost provider check` tells what is still without proof.

    Args:
        code: The provider's code, such as acme-eld.
        name: The vendor's name as people write it.
        folder: Where to put it; beside the built-in providers unless told.
    """
    if not _CODE.fullmatch(code) or len(code) > 40:
        raise SetupError(
            "A code is made of small letters, digits and single hyphens, like acme-eld."
        )
    package = code.replace("-", "_")
    if keyword.iskeyword(package):
        raise SetupError(f"{package} is a word of Python; take another code.")
    if code in registry.load():
        raise SetupError(f"There is a provider {code} already.")
    place = (folder or Path(str(scaffold.built_in()))) / package
    if place.exists():
        raise SetupError(f"{place} exists already.")
    written = scaffold.write(place, code, name or code.replace("-", " ").title())
    console = Console()
    for file in written:
        console.print(f"wrote {file}", highlight=False, markup=False, soft_wrap=True)
    ready = (
        "" if folder is None else f"install the package that {place} is in, with an entry point; "
    )
    console.print(
        f"\nNow {ready}`milepost provider check {code}`, and CONTRIBUTING.md, “Add a provider”.",
        soft_wrap=True,
    )
    return 0


def fixture(
    code: str,
    stream: str,
    /,
    *,
    account: Path,
    pages: int = 50,
    out: Path | None = None,
) -> int:
    """Capture a fixture from a real account: what a stream asks, what it is answered, what becomes of it.

    Texts, ids and places are replaced by others of the same form, links between records stay. Read it before you
    commit it all the same.

    Args:
        code: The provider's code.
        stream: One of its streams, as the card names them.
        account: A file with the credentials of the account, as JSON.
        pages: A stream with more pages than this is too long for a fixture.
        out: Where to write it; standard output unless told.
    """
    settings = running.settings()
    known = registry.load(settings.provider_urls, settings.provider_pace, settings.oauth_apps)
    if code not in known or stream not in [s.name for s in known.manifest(code).streams]:
        raise SetupError(f"There is no stream {stream} of {code} here.")
    return running.run(_fixture(settings, code, stream, _login(_read(account)), pages, out))


async def _fixture(
    settings: Settings, code: str, stream: str, login: dict[str, str], pages: int, out: Path | None
) -> int:
    known = registry.load(settings.provider_urls, settings.provider_pace, settings.oauth_apps)

    def connect(base_url: str) -> Connector:
        moved = registry.load({code: base_url}, settings.provider_pace, settings.oauth_apps)
        return moved.connect(code, Pocket(login), Identity(ids.new()))

    stage = Stage(code, registry.load, SyntheticWorld(seed=7, vehicles=1, drivers=1))
    found = await capturing.capture(
        connect, known.base_url(code), login, stage, stream, secrets.token_bytes(16), pages
    )
    text = jsonlib.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        await asyncio.to_thread(out.write_text, text)
    return 0


def _login(credentials: Any) -> dict[str, str]:
    if not isinstance(credentials, dict) or not all(
        isinstance(v, str) for v in credentials.values()
    ):
        raise SetupError(
            "The credentials must be a JSON object of texts, as the login form names them."
        )
    if credentials.keys() & {"code", "refresh_token"}:
        raise SetupError("A grant would be renewed and lost to its connection: use a key.")
    return credentials


async def _check(code: str, manifest: Manifest, document: Any, *, json: bool) -> int:
    stage = Stage(
        manifest.base_code or code,
        registry.load,
        SyntheticWorld(seed=7, vehicles=_TRUCKS, drivers=_TRUCKS),
    )
    console = Console()
    if not json:
        show_card(console, manifest)
    verdicts: list[Verdict] = []
    for law in book.SENTENCES:
        verdict = await book.held(stage, law, document)
        verdicts.append(verdict)
        if not json:
            note = f" [dim]{_plain(verdict.note)}[/]" if verdict.note else ""
            console.print(f"{_MARKS[verdict.outcome]} {verdict.sentence}{note}", highlight=False)
    broken = [each for each in verdicts if each.outcome == "broken"]
    if json:
        shown = {
            "code": code, "status": manifest.status, "laws": verdicts, "evidence": manifest.evidence,
        }  # fmt: skip
        print(jsonlib.dumps(msgspec.to_builtins(shown)))
    else:
        kept = sum(each.outcome == "kept" for each in verdicts)
        console.print(f"\n{kept} laws kept, {len(broken)} broken, "
                      f"{len(verdicts) - kept - len(broken)} with nothing to be tried on.")  # fmt: skip
    return 1 if broken else 0


async def _visit(
    settings: Settings, code: str, credentials: Any, *, write: bool, json: bool
) -> int:
    known = registry.load(settings.provider_urls, settings.provider_pace, settings.oauth_apps)
    manifest, console = known.manifest(code), Console()
    connector = known.connect(code, Pocket(_login(credentials)), Identity(ids.new()))
    try:
        visited = await visiting.visit(connector, manifest, known.package(code), clock.now())
    finally:
        await connector.aclose()
    found = visiting.grounds(visited, clock.now().date().isoformat())
    if json:
        print(
            jsonlib.dumps(
                msgspec.to_builtins({"code": code, "streams": visited, "evidence": found})
            )
        )
    else:
        for each in visited:
            console.print(
                f"{_MARKS[each.outcome]} {each.stream} [dim]{_plain(each.note)}[/]", highlight=False
            )
    if write:
        place = Path(str(importlib.resources.files(known.package(code)).joinpath("manifest.toml")))
        evidence.write(place, found)
        console.print(f"wrote {place}", highlight=False, markup=False, soft_wrap=True)
    elif not json:
        for model, ground in sorted(found.items()):
            console.print(
                f"{model} rests on the account: {evidence.spelt(ground)}",
                highlight=False,
                markup=False,
            )
    return 1 if any(each.outcome == "broken" for each in visited) else 0


def show_card(console: Console, manifest: Manifest) -> None:
    """Print who a provider is, how one logs in, what it gives, and what each claim rests on."""
    of = f", of the platform {manifest.base_code}" if manifest.base_code else ""
    console.print(f"[bold]{manifest.name}[/] ({manifest.code}), {manifest.status}{of}")
    forms = [" + ".join(field.label for field in form) for form in manifest.logins]
    console.print(f"  login    {' or '.join(forms) or 'none'}", highlight=False)
    console.print(f"  history  {manifest.available_history}, every {manifest.sample_rate}")
    limits = ", ".join(f"{name} {rate:g}/s" for name, rate in manifest.limits.items())
    console.print(f"  limits   {limits or 'none'}", highlight=False)
    streams = Table(box=SIMPLE)
    for name in ("stream", "model", "kind", "window", "look-back", "feed", "rests on"):
        streams.add_column(name)
    for spec in manifest.streams:
        grounds = manifest.evidence.get(CARRIED[spec.model], [])
        timed = spec.kind != "listing"
        streams.add_row(
            spec.name,
            spec.model,
            spec.kind,
            f"{spec.window_hours} h" if timed else "",
            f"{spec.look_back_hours} h" if timed and not spec.feed else "",
            "yes" if timed and spec.feed else "",
            ", ".join(dict.fromkeys(_ground(each) for each in grounds)) or "?",
        )
    console.print(streams)


def _ground(ground: Any) -> str:
    seen = f" {ground.date}, {ground.records:,} records" if ground.on == "account" else ""
    return f"{ground.on}{seen}"


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _read(document: Path | None) -> Any:
    if document is None:
        return None
    try:
        return jsonlib.loads(document.read_bytes())
    except (OSError, ValueError) as error:
        raise SetupError(f"{document} cannot be read as JSON: {error}") from None
