"""The settings: one frozen struct, read once from the `MILEPOST_*` variables at the edges of a process."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from milepost.errors import SetupError
from milepost.vault import new_installation_key

PREFIX = "MILEPOST_"
KEY_FILE = "secret.keys"
# What tests, `milepost sync` and the sandbox read by themselves.
_ELSEWHERE = (f"{PREFIX}TEST_", f"{PREFIX}CLIENT_", f"{PREFIX}SANDBOX_")

Port = Annotated[int, Meta(ge=0, le=65535)]
# What retention may be set for; sync.retention says what each kind is.
Retained = Literal["raw", "positions", "stats", "documents", "versions", "events", "deliveries"]
Rate = Annotated[float, Meta(ge=0, le=1_000_000)]
PollKind = Literal["vehicle_location", "trailer_location", "available_time"]
PollSeconds = Annotated[float, Meta(ge=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set from outside; the variable of a field is `MILEPOST_` and its name in capitals."""

    data_dir: Annotated[
        Path,
        Meta(
            description="Folder of the embedded database and of the secret keys",
            extra={"default": "`~/.local/share/milepost`; for root `/var/lib/milepost`"},
        ),
    ]
    database_url: Annotated[
        str | None,
        Meta(
            description="Any PostgreSQL from 15 on, `postgresql://user:password@host/name`",
            extra={"default": "the embedded server"},
        ),
    ] = None
    secret_keys: Annotated[
        tuple[str, ...],
        Meta(
            description="Keys that seal secrets, separated by commas; the first seals, all of them open "
            "(`milepost key` makes one)",
            extra={"default": "the file `secret.keys` of the data folder, made at the first start"},
        ),
    ] = ()
    provider_urls: Annotated[
        dict[str, str],
        Meta(
            description='Where a provider is, if not where its manifest says: JSON, `{"samsara": '
            '"http://127.0.0.1:8765/samsara"}`',
            extra={"default": "none"},
        ),
    ] = {}
    provider_pace: Annotated[
        dict[str, float],
        Meta(
            description='What a provider\'s request limits are multiplied by: JSON, `{"samsara": 2}` for an '
            "account whose limits were raised, 0 for no limit of our own",
            extra={"default": "none"},
        ),
    ] = {}
    oauth_apps: Annotated[
        dict[str, dict[str, str]],
        Meta(
            description="Your own OAuth apps, for fleets that connect by consent instead of a key: JSON, "
            '`{"samsara": {"client_id": "…", "client_secret": "…"}}`, with `redirect_uri` where the provider '
            "wants it",
            extra={"default": "none"},
        ),
    ] = {}
    public_url: Annotated[
        str | None,
        Meta(
            description="Address under which customers reach this installation, for the links that the API gives "
            "out (`linkUrl`, short links); the pages behind them are not served yet",
            extra={"default": "`http://` with the host and port of the API"},
        ),
    ] = None
    api_host: Annotated[str, Meta(description="Address that the API listens on")] = "127.0.0.1"
    api_port: Annotated[Port, Meta(description="Port that the API listens on")] = 8080
    api_workers: Annotated[Count, Meta(description="Processes that answer the API")] = 1
    api_stop_seconds: Annotated[
        Count, Meta(description="Seconds that open requests get to end when the API stops")
    ] = 10
    rate_connection: Annotated[
        Rate,
        Meta(description="Requests a second to the API for one connection token; 0 for no limit"),
    ] = 100.0
    rate_application: Annotated[
        Rate,
        Meta(description="Requests a second to the API for one application; 0 for no limit"),
    ] = 400.0
    rate_address: Annotated[
        Rate,
        Meta(description="Requests a second from one address without a valid key; 0 for no limit"),
    ] = 20.0
    rate_history: Annotated[
        Rate,
        Meta(
            description="Pages a second of locations or of stats from one past month of one connection, "
            "5 with the reference; 0 for no limit"
        ),
    ] = 0.0
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks or addresses of proxies, separated by commas, whose `X-Forwarded-For` "
            "is believed",
            extra={"default": "none"},
        ),
    ] = ()
    database_pool_size: Annotated[
        Count, Meta(description="Database connections that one process holds for requests, at most")
    ] = 8
    sandbox_port: Annotated[
        Port, Meta(description="Port that the provider simulators listen on")
    ] = 8765
    worker_concurrency: Annotated[
        Count, Meta(description="Syncs that one worker works on at the same time")
    ] = 4
    worker_silence_seconds: Annotated[
        float,
        Meta(
            description="Seconds that a worker may show no sign of life before its syncs go to another "
            "(one whose process has ended is noticed at once)",
            ge=1,
            le=3600,
        ),
    ] = 20.0
    sync_turn_seconds: Annotated[
        float,
        Meta(
            description="Seconds that a sync works before it gives its place to another",
            gt=0,
            le=3600,
        ),
    ] = 30.0
    sync_cadence_minutes: Annotated[
        float,
        Meta(
            description="Minutes between two scheduled syncs of a connection",
            gt=0,
            le=60 * 24 * 366,
        ),
    ] = 120.0
    poll_vehicle_locations_seconds: Annotated[
        PollSeconds,
        Meta(
            description="Managed polling: seconds between two polls of where vehicles are, 0 for none"
        ),
    ] = 0.0
    poll_trailer_locations_seconds: Annotated[
        PollSeconds,
        Meta(
            description="Managed polling: seconds between two polls of where trailers are, 0 for none"
        ),
    ] = 0.0
    poll_available_time_seconds: Annotated[
        PollSeconds,
        Meta(
            description="Managed polling: seconds between two polls of the time that drivers have left, "
            "0 for none"
        ),
    ] = 0.0
    poll_concurrency: Annotated[
        Count, Meta(description="Managed polls that one worker makes at the same time")
    ] = 8
    drop_folder: Annotated[
        Path | None,
        Meta(
            description="Folder with a folder `conn_…` for each connection, into which files of exported "
            "data are put for it",
            extra={"default": "none"},
        ),
    ] = None
    deletion_grace_hours: Annotated[
        float,
        Meta(
            description="Hours in which the deletion of a connection can be taken back",
            ge=0,
            le=24 * 366,
        ),
    ] = 24.0
    retention_days: Annotated[
        dict[str, float],
        Meta(
            description="Days for which each kind of data is kept, the others for ever: JSON, "
            '`{"raw": 90, "positions": 400}`; the kinds are `raw`, `positions`, `stats`, `documents`, '
            "`versions`, `events` and `deliveries`",
            extra={"default": "everything is kept"},
        ),
    ] = {}
    webhooks_allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Private networks and hosts that webhooks may be sent to all the same, separated by "
            "commas: `127.0.0.0/8,receiver.internal`; never what tells a cloud's machine its secrets",
            extra={"default": "none"},
        ),
    ] = ()
    log_format: Annotated[
        Literal["auto", "console", "json"],
        Meta(description="`json`, `console`, or `auto`: console on a terminal, else JSON"),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least level that is logged"),
    ] = "info"

    @property
    def polled(self) -> dict[PollKind, timedelta]:
        """How often each kind of live answer is polled; what is not polled is not in it."""
        seconds: dict[PollKind, float] = {
            "vehicle_location": self.poll_vehicle_locations_seconds,
            "trailer_location": self.poll_trailer_locations_seconds,
            "available_time": self.poll_available_time_seconds,
        }
        return {kind: timedelta(seconds=each) for kind, each in seconds.items() if each}

    @property
    def link_base(self) -> str:
        """The address that links of this installation begin with, without a slash at the end."""
        if self.public_url is not None:
            return self.public_url
        host = "127.0.0.1" if self.api_host in {"0.0.0.0", "::"} else self.api_host  # noqa: S104  Compared, not bound.
        return f"http://{f'[{host}]' if ':' in host else host}:{self.api_port}"


# What a value must look like, in the words of whoever sets it; other variables are described by their type.
_MUST_BE = {
    "database_url": "an address like postgresql://user:password@host:5432/milepost",
    "provider_urls": 'a JSON object of provider code to address, {"samsara": "http://127.0.0.1:8765/samsara"}',
    "provider_pace": 'a JSON object of provider code to factor, {"samsara": 2}',
    "oauth_apps": 'a JSON object of provider code to app, {"samsara": {"client_id": "…", "client_secret": "…"}}',
    "public_url": "an http or https address like https://milepost.example.com",
    "trusted_proxies": "networks or addresses like 10.0.0.0/8, 192.0.2.7, separated by commas",
    "retention_days": 'a JSON object of kind to days above 0, {"raw": 90}; the kinds are '
    + ", ".join(get_args(Retained)),
    "secret_keys": "keys as `milepost key` prints them, separated by commas",
}


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raise SetupError naming the variable and what it must look like.

    An empty variable counts as not set.
    """
    fields = {field.name: field for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or not text.strip():
            continue
        if name not in fields:
            continue
        values[name] = _value(variable, name, fields[name].type, text.strip())
    values.setdefault("data_dir", _default_data_dir(environ))
    return Settings(**values)


def unknown(environ: Mapping[str, str]) -> list[str]:
    """List the variables that begin with `MILEPOST_` and are no setting: misspelt ones, most likely."""
    known = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}
    return sorted(
        variable
        for variable in environ
        if variable.startswith(PREFIX)
        and variable not in known
        and not variable.startswith(_ELSEWHERE)
    )


def keys_for(settings: Settings) -> list[str]:
    """Return the installation's secret keys: those set, else those of the key file, made if missing.

    The file is readable by its owner only and stands outside the database's folder, so that a copy of
    the database alone opens nothing.
    """
    if settings.secret_keys:
        return list(settings.secret_keys)
    file = settings.data_dir / KEY_FILE
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _write_once(file, new_installation_key() + "\n")
        keys = file.read_text().split()
    except OSError as error:
        raise SetupError(
            f"The key file {file} cannot be used ({error.strerror}): make it readable for this user, or "
            "set MILEPOST_SECRET_KEYS."
        ) from None
    if not keys:
        raise SetupError(
            f"The key file {file} is empty: put the keys of this installation back into it."
        )
    return keys


def _write_once(file: Path, text: str) -> None:
    """Write a private file whole or not at all; of two processes that do so at once, the first wins."""
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name)  # Made for its owner only.
    try:
        with os.fdopen(handle, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        Path(draft).unlink()


def _default_data_dir(environ: Mapping[str, str]) -> Path:
    if os.geteuid() == 0:
        # Root's home is closed to the user that the embedded server runs as.
        return Path("/var/lib/milepost")
    share = environ.get("XDG_DATA_HOME") or str(
        Path(environ.get("HOME") or Path.home()) / ".local/share"
    )
    return Path(share) / "milepost"


def _value(variable: str, name: str, kind: Any, text: str) -> Any:
    try:
        return _parse(name, kind, text)
    except (ValueError, msgspec.MsgspecError):
        # The value itself is not repeated: it may be a secret.
        raise SetupError(f"{variable} must be {_MUST_BE.get(name) or _describe(kind)}.") from None


def _parse(name: str, kind: Any, text: str) -> Any:
    match name:
        case "data_dir" | "drop_folder":
            return Path(text).expanduser().absolute()
        case "secret_keys" | "webhooks_allow":
            return tuple(key for key in re.split(r"[,\s]+", text) if key)
        case "trusted_proxies":
            return tuple(
                str(ipaddress.ip_network(each)) for each in re.split(r"[,\s]+", text) if each
            )
        case "database_url":
            if urlsplit(text).scheme not in {"postgresql", "postgres"}:
                raise ValueError
            return text
        case "public_url":
            return _http_address(text)
        case "provider_urls":
            urls = msgspec.json.decode(text, type=dict[str, str])
            return {code: _http_address(url) for code, url in urls.items()}
        case "oauth_apps":
            apps = msgspec.json.decode(text, type=dict[str, dict[str, str]])
            least, most = (
                {"client_id", "client_secret"},
                {"client_id", "client_secret", "redirect_uri"},
            )
            if not all(least <= app.keys() <= most and all(app.values()) for app in apps.values()):
                raise ValueError
            return apps
        case "retention_days":
            days = Annotated[float, Meta(gt=0, le=100 * 366)]
            return msgspec.json.decode(text, type=dict[Retained, days])
        case "provider_pace":
            return msgspec.json.decode(text, type=dict[str, Annotated[float, Meta(ge=0, le=1000)]])
        case _:
            return msgspec.convert(text, kind, strict=False)


def _http_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError
    return text.rstrip("/")


def _describe(kind: Any) -> str:
    schema = msgspec.json.schema(kind)
    if choices := schema.get("enum"):
        return "one of " + ", ".join(sorted(choices))
    word = {"integer": "a whole number", "number": "a number", "string": "text"}[schema["type"]]
    least, above, most = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
    if most is None:
        return word
    return f"{word} {f'above {above:g}' if above is not None else f'from {least:g}'} up to {most:g}"
