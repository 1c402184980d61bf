"""`milepost up`: the whole of Milepost in one process tree."""

from __future__ import annotations

import asyncio
import json
import os

import httpx2
import structlog

from milepost.cli import running, tree
from milepost.cli.database import database
from milepost.cli.ports import PortIfGiven, require_free
from milepost.config import KEY_FILE, Settings, keys_for
from milepost.kit import registry
from milepost.store.migrate import migrate

log = structlog.get_logger()

_LOOK_SECONDS = 0.1


def up(*, host: str | None = None, port: PortIfGiven = None, sandbox: bool = False) -> int:
    """Run the API, a worker and, unless MILEPOST_DATABASE_URL is set, the embedded database.

    Processes that die are started again. Ctrl-C or SIGTERM stops everything in order.

    Args:
        host: Address that the API listens on [MILEPOST_API_HOST].
        port: Port that the API listens on [MILEPOST_API_PORT].
        sandbox: Run the provider simulators too, and point every provider at its own, but for those that
            MILEPOST_PROVIDER_URLS names.
    """
    settings = running.settings()
    host, port = host or settings.api_host, settings.api_port if port is None else port
    require_free(host, port)
    if sandbox:
        require_free("127.0.0.1", settings.sandbox_port)
    status = running.run(_up(settings, host, port, sandbox=sandbox))
    return 0 if status >= 128 else status  # To be told to stop is how this ends well.


async def _up(settings: Settings, host: str, port: int, *, sandbox: bool) -> int:
    keys_for(settings)
    async with database(settings) as url:
        for name in await migrate(url):
            log.info("applied a migration", name=name)
        environ = {
            **os.environ,
            "MILEPOST_DATABASE_URL": url,
            "MILEPOST_API_HOST": host,
            "MILEPOST_API_PORT": str(port),
        }
        children = []
        if sandbox:
            simulated = registry.load().simulated(f"http://127.0.0.1:{settings.sandbox_port}")
            environ["MILEPOST_PROVIDER_URLS"] = json.dumps({**simulated, **settings.provider_urls})
            verb = ["sandbox", "--host", "127.0.0.1", "--port", str(settings.sandbox_port)]
            children.append(tree.Child("sandbox", verb, environ))
        children.append(tree.Child("API", ["api"], environ))
        children.append(tree.Child("worker", ["worker"], environ))
        async with tree.running(children, restart=True):
            base = f"http://{reachable_as(host)}:{port}"
            await answered(f"{base}/readyz")
            _tell(settings, base, sandbox=sandbox)
            await asyncio.Event().wait()
    return 0


async def answered(url: str) -> None:
    """Return as soon as `url` is answered with 200."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx2.TransportError:
                pass  # It does not listen yet.
            await asyncio.sleep(_LOOK_SECONDS)


def reachable_as(host: str) -> str:
    """Return how this machine reaches what listens on `host`, as it stands in an address."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  Translated, not bound.
    return f"[{here}]" if ":" in here else here


def _tell(settings: Settings, base: str, *, sandbox: bool) -> None:
    where = (
        "MILEPOST_DATABASE_URL" if settings.database_url else str(settings.data_dir / "postgres")
    )
    keys = "MILEPOST_SECRET_KEYS" if settings.secret_keys else str(settings.data_dir / KEY_FILE)
    lines = [
        "Milepost is up.",
        f"  API          {base}/tsp/v1   (described at {base}/docs)",
        f"  database     {where}",
        f"  secret keys  {keys}",
    ]
    if sandbox:
        platforms = ", ".join(registry.load().simulators())
        where = f"http://127.0.0.1:{settings.sandbox_port}"
        lines.append(f"  simulators   {where}   (of {platforms}, and of their brands)")
    provider = "sandbox" if sandbox else "samsara"
    login = {"username": "any", "password": "any"} if sandbox else {"apiKey": "samsara_api_…"}
    body = json.dumps(
        {"provider": provider, "credentials": login, "company": {"name": "A fleet"}},
        ensure_ascii=False,
    )
    lines += [
        "Next, in another terminal:",
        "  milepost app create my-app          makes an application and prints its keys",
        f"  curl {base}/tsp/v1/connections -H 'Authorization: Bearer sk_…' \\",
        f"    -H 'Content-Type: application/json' -d '{body}'",
        f"  milepost sync --url {base} --key sk_… --token con_tkn_… --days 7",
        "Ctrl-C stops everything.",
    ]
    print("\n".join(lines), flush=True)
