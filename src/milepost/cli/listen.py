"""`milepost listen`: events as they happen, in a terminal, and on to a local URL."""

from __future__ import annotations

import asyncio
import json as jsonlib
import sys
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx2
import msgspec
from cyclopts import Parameter
from rich.console import Console

from milepost import clock
from milepost.cli import running
from milepost.cli.caller import Caller, Refused
from milepost.cli.sync import LOCAL
from milepost.errors import SetupError
from milepost.webhooks import signing

_LOOK_SECONDS = 0.5
_AWAY_SECONDS = 1.0
_AT_ONCE = 100
_FORWARD_SECONDS = 15.0


def listen(
    *,
    key: Annotated[str, Parameter(env_var="MILEPOST_CLIENT_KEY")],
    url: Annotated[str, Parameter(env_var="MILEPOST_CLIENT_URL")] = LOCAL,
    type_: Annotated[list[str] | None, Parameter(name="--type", negative="")] = None,
    connection: str | None = None,
    forward: str | None = None,
    secret: Annotated[str | None, Parameter(env_var="MILEPOST_CLIENT_WEBHOOK_SECRET")] = None,
    after: int | None = None,
    json: bool = False,
) -> int:
    """Print an application's events as they happen, until Ctrl-C.

    Args:
        key: The application's secret key, sk_…
        url: Where the API is.
        type_: Only events of this type; may be given several times.
        connection: Only events of this connection, conn_…
        forward: Post each event, signed, to this URL too, such as http://localhost:3000/webhooks.
        secret: Sign what is forwarded with this secret, whsec_…; by default with a new one.
        after: Begin after the event with this number; by default with the next one that happens.
        json: Print each event as a line of JSON, and nothing else.
    """
    query: dict[str, Any] = {}
    if type_:
        query["types"] = ",".join(type_)
    if connection is not None:
        query["connectionId"] = connection
    return running.run(_listen(url, key, query, forward, secret, after, json=json))


async def _listen(
    url: str,
    key: str,
    query: dict[str, Any],
    forward: str | None,
    secret: str | None,
    after: int | None,
    *,
    json: bool,
) -> int:
    console = Console(highlight=False)
    # What was asked for is checked before anybody is called.
    forwarder = None if forward is None else Forwarder(forward, secret or signing.new_secret())
    async with Caller(url, key) as caller:
        try:
            place = await _newest(caller) if after is None else after
            if not json:
                console.print(f"Listening to {url} from event {place + 1} on. Ctrl-C ends.")
                if forwarder is not None:
                    console.print(f"Forwarding to {forward}, signed with {forwarder.secret}")
            async for event in events(caller, query, place):
                outcome = "" if forwarder is None else await forwarder.post(event)
                if json:
                    print(jsonlib.dumps(event), flush=True)
                else:
                    console.print(_line(event, outcome), markup=False, soft_wrap=True)
        finally:
            if forwarder is not None:
                await forwarder.aclose()
    return 0


async def events(
    caller: Caller, query: dict[str, Any], after: int
) -> AsyncIterator[dict[str, Any]]:
    """Yield events after a number, and then those that happen, for ever, also when the API is away for a while."""
    away = False
    while True:
        try:
            page = await caller.get("/events", **query, afterNumber=after, limit=_AT_ONCE)
        except (SetupError, Refused) as error:
            if isinstance(error, Refused) and error.status < 500 and error.status != 429:
                raise
            if not away:
                print(f"milepost: {error} It is asked again.", file=sys.stderr, flush=True)
            away = True
            await asyncio.sleep(_AWAY_SECONDS)
            continue
        away = False
        for event in page["results"]:
            after = event["number"]
            yield event
        if "next" not in page:
            await asyncio.sleep(_LOOK_SECONDS)


class Forwarder:
    """Posts events to a URL of the developer's, as the delivery does, once."""

    def __init__(self, url: str, secret: str) -> None:
        self.url = url
        self.secret = secret
        if not url.startswith(("http://", "https://")):
            raise SetupError("--forward must be a URL like http://localhost:3000/webhooks.")
        try:
            signing.headers([secret], "", clock.now(), b"")
        except ValueError:
            secret = ""
        if not secret.startswith("whsec_"):
            raise SetupError("--secret must be a secret like those of endpoints, whsec_…")
        self._client = httpx2.AsyncClient(timeout=_FORWARD_SECONDS, trust_env=False)

    async def post(self, event: dict[str, Any]) -> str:
        """Post an event; return what came of it, in a word or two."""
        told = {name: event[name] for name in ("id", "type", "timestamp", "detail")}
        body = msgspec.json.encode(told)
        headers = signing.headers([self.secret], event["id"], clock.now(), body)
        started = time.monotonic()
        try:
            answer = await self._client.post(
                self.url, content=body, headers={"content-type": "application/json", **headers}
            )
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            return f"no answer ({type(error).__name__})"
        return f"{answer.status_code} in {(time.monotonic() - started) * 1000:.0f} ms"

    async def aclose(self) -> None:
        await self._client.aclose()


async def _newest(caller: Caller) -> int:
    page = await caller.get("/events", order="desc", limit=1)
    return int(page["results"][0]["number"]) if page["results"] else 0


def _line(event: dict[str, Any], outcome: str) -> str:
    """One line an event: when, which, of whom, about what."""
    detail = event["detail"]
    whose = detail.get("connection", {}).get("id", "")
    about = [
        each.get("id") or each.get("vehicle", "")
        for name, each in detail.items()
        if name not in ("connection", "metadata") and isinstance(each, dict)
    ]
    words = [event["timestamp"], f"{event['number']:>6}", f"{event['type']:<32}", whose, *about]
    if outcome:
        words.append(f"→ {outcome}")
    return " ".join(word for word in words if word)
