"""Finds provider folders and brand files; everybody asks here, nobody imports a provider by name."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.resources
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

from milepost.errors import Unprocessable
from milepost.ids import Identity
from milepost.kit.access import RENEWALS, Access, ConnectorFactory, OAuthApp
from milepost.kit.contract import Connector, Manifest
from milepost.kit.files import FileFormats
from milepost.kit.limits import Budget, Lender, Limits, Payer, Till
from milepost.kit.login import Wallet

BUILT_IN = "milepost.providers"

Genuine = Callable[[str, Mapping[str, str], bytes, datetime], bool]
"""Secret, headers by lower-case name, body and instant → whether the provider has sent this just now."""

# Renewals are rare; a storm of them would be a fault of ours.
TOKEN_RATE = 5.0


class UnknownProvider(Unprocessable):
    """There is no provider of that code here; there was one perhaps, when a connection was made."""


class Entry(msgspec.Struct, frozen=True):
    """One provider code: its manifest, and the package that speaks its dialect."""

    manifest: Manifest
    package: str


class Registry:
    """All providers that are installed, by code."""

    def __init__(
        self,
        entries: Mapping[str, Entry],
        base_urls: Mapping[str, str],
        pace: Mapping[str, float],
        apps: Mapping[str, OAuthApp],
    ) -> None:
        self._entries = {
            code: Entry(_paced(entry.manifest, pace.get(code, 1.0)), entry.package)
            for code, entry in sorted(entries.items())
        }
        self._base_urls = dict(base_urls)
        self._apps = dict(apps)
        self._till = Till()

    @property
    def codes(self) -> list[str]:
        return list(self._entries)

    def __contains__(self, code: str) -> bool:
        return code in self._entries

    def manifest(self, code: str) -> Manifest:
        return self._entry(code).manifest

    def package(self, code: str) -> str:
        """Name the package that speaks the provider's dialect."""
        return self._entry(code).package

    def base_url(self, code: str) -> str:
        """Where the provider is: as configured for this code, else as its manifest says."""
        return self._base_urls.get(code, self.manifest(code).base_url)

    def app(self, code: str) -> OAuthApp | None:
        """The operator's OAuth app at the provider, or at the platform that a brand belongs to."""
        return self._apps.get(code) or self._apps.get(self.manifest(code).base_code or code)

    def connect(
        self,
        code: str,
        wallet: Wallet,
        identity: Identity,
        *,
        lender: Lender | None = None,
        organization: str | None = None,
        live: bool = False,
    ) -> Connector:
        """Make a connector; it opens nothing before it is asked for something.

        It spends of the budgets that `lender` keeps, this process's own without one. `organization` is
        the provider's id of the account, if known; `live` says that somebody waits for the answer.
        """
        entry = self._entry(code)
        factory: ConnectorFactory = importlib.import_module(entry.package).connect
        base_url, manifest = self.base_url(code), entry.manifest
        limits = Limits(
            classes={RENEWALS: TOKEN_RATE, **manifest.limits},
            organization=manifest.organization_limit,
            login=manifest.login_limit,
            learned=manifest.learned_limits,
        )
        payer = Payer(wallet.owner, organization, live)
        return factory(
            Access(
                manifest=manifest,
                wallet=wallet,
                identity=identity,
                base_url=base_url,
                budget=Budget(limits, lender or self._till, payer, base_url),
                app=self.app(code),
            )
        )

    def name(self, code: str) -> str:
        """What people call a provider; one that is installed no longer is called by its code."""
        return self._entries[code].manifest.name if code in self._entries else code

    def webhook(self, code: str) -> Genuine | None:
        """What tells a provider's genuine webhooks from others; None where its package reads none."""
        package = importlib.import_module(self._entry(code).package)
        genuine: Genuine | None = getattr(package, "genuine", None)
        return genuine

    def files(self, code: str) -> FileFormats:
        """What reads the files of a provider: its own package, or the first that knows formats of files."""
        entries = [self._entry(code), *self._entries.values()]
        package = next(each.package for each in entries if each.manifest.file_formats)
        formats: FileFormats = importlib.import_module(package).files
        return formats

    def simulators(self) -> dict[str, Any]:
        """Each platform's `sim` module, by the code of the platform (brands share their platform's).

        What is not called has none: a provider without streams.
        """
        packages = {
            e.manifest.base_code or e.manifest.code: e.package
            for e in self._entries.values()
            if e.manifest.streams
        }
        return {
            code: importlib.import_module(f"{package}.sim") for code, package in packages.items()
        }

    def simulated(self, sandbox_url: str) -> dict[str, str]:
        """Where a sandbox simulates each code: a brand is where its platform is."""
        return {
            code: f"{sandbox_url}/{entry.manifest.base_code or code}"
            for code, entry in self._entries.items()
        }

    def _entry(self, code: str) -> Entry:
        try:
            return self._entries[code]
        except KeyError:
            raise UnknownProvider(f"The provider {code} is not installed here.") from None


def load(
    base_urls: Mapping[str, str] | None = None,
    pace: Mapping[str, float] | None = None,
    apps: Mapping[str, Mapping[str, str]] | None = None,
) -> Registry:
    """Read every built-in folder and every package announced as entry point `milepost.providers`.

    `pace` multiplies a provider's request limits, by code: 2 for an account whose limits were raised,
    0 for none at all. `apps` are the operator's OAuth apps, by code: `client_id`, `client_secret` and,
    where the provider wants it, `redirect_uri`.
    """
    made = {code: msgspec.convert(app, OAuthApp) for code, app in (apps or {}).items()}
    return Registry(_entries(), base_urls or {}, pace or {}, made)


def _paced(manifest: Manifest, factor: float) -> Manifest:
    return msgspec.structs.replace(
        manifest,
        limits={name: rate * factor for name, rate in manifest.limits.items()},
        learned_limits={name: rate * factor for name, rate in manifest.learned_limits.items()},
        organization_limit=manifest.organization_limit * factor,
        login_limit=manifest.login_limit * factor,
    )


@functools.cache
def _entries() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    packages = [
        f"{BUILT_IN}.{folder.name}"
        for folder in importlib.resources.files(BUILT_IN).iterdir()
        if folder.is_dir() and folder.joinpath("manifest.toml").is_file()
    ]
    packages += [point.value for point in importlib.metadata.entry_points(group=BUILT_IN)]
    for package in packages:
        folder = importlib.resources.files(package)
        card = msgspec.toml.decode(folder.joinpath("manifest.toml").read_bytes())
        if (seen := folder.joinpath("lacking.json")).is_file():
            card["lacking"] = msgspec.json.decode(seen.read_bytes())
        for laid_over in [{}, *_brands(folder)]:
            manifest = msgspec.convert({**card, **laid_over}, Manifest)
            found[manifest.code] = Entry(manifest, package)
    return found


def _brands(folder: Traversable) -> list[dict[str, Any]]:
    brands = folder.joinpath("brands")
    if not brands.is_dir():
        return []
    return [
        msgspec.toml.decode(file.read_bytes())
        for file in brands.iterdir()
        if file.name.endswith(".toml")
    ]
