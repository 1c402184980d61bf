"""Link: short links that open it, and the exchange of the public token that it hands out at its end."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, UnsetType

from milepost import clock, ids
from milepost.api.documents import missing
from milepost.api.operations import Call, Operation, Reply
from milepost.api.parameters import END, id_pattern, identifier
from milepost.api.routes.connections import BackfillWish, Tags, Text, Wire
from milepost.api.routes.syncs import utc
from milepost.errors import BadRequest, NotFound, Problem
from milepost.models.connection import Connection, DeletedConnection, SyncMode
from milepost.models.meta import Instant, Model
from milepost.store import connections, public_tokens, short_links

ID = identifier("id", "short_link", "The link, by its `slk_` id; its code is not taken here")

Hints = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=500)]
PublicToken = Annotated[str, Meta(pattern=rf"^pub_tkn_\S+{END}", max_length=200)]


class ShortLinkWish(Wire, frozen=True):
    """What Link is to be opened with, all of it optional."""

    name: Text | UnsetType = UNSET
    provider: Text | UnsetType = UNSET
    provider_hints: Hints | UnsetType = UNSET
    external_id: Text | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    redirect_url: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    sync_mode: SyncMode | UnsetType = UNSET
    backfill: BackfillWish | UnsetType = UNSET
    template: Annotated[str, Meta(pattern=id_pattern("link_template"))] | UnsetType = UNSET


class ShortLink(Model, frozen=True, kw_only=True):
    """A link to give to a fleet; it works for a year."""

    id: Annotated[str, Meta(pattern=id_pattern("short_link"))]
    code: Annotated[str, Meta(pattern="^[a-hjkmnp-z2-9]{8}$")]
    url: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
    expires_at: Instant


class PublicTokenWish(Wire, frozen=True):
    public_token: PublicToken


async def create_short_link(call: Call) -> Reply:
    wish: ShortLinkWish = call.body()
    if problems := _problems(call, wish):
        raise BadRequest("Invalid request body", problems)
    async with call.house.database.session() as session:
        link, known = await short_links.keep(session, call.caller.application_id, wish)
    shown = ShortLink(
        id=ids.show("short_link", link.id),
        code=link.code,
        url=f"{call.house.public_url}/l/{link.code}",
        expires_at=clock.iso(link.expires_at),
    )
    return Reply(content=shown, headers={"Idempotent-Replayed": "true"} if known else {})


async def delete_short_link(call: Call) -> None:
    link_id = call.values[ID]
    async with call.house.database.session() as session:
        if not await short_links.delete(session, call.caller.application_id, link_id):
            raise missing("short_link", link_id)


async def exchange_public_token(call: Call) -> Connection | DeletedConnection:
    wish: PublicTokenWish = call.body()
    application_id = call.caller.application_id
    digest = call.house.database.pepper.digest(wish.public_token)
    async with call.house.database.session() as session:
        connection_id = await public_tokens.spend(session, application_id, digest)
        row = await connections.get(session, connection_id) if connection_id else None
    if row is None:
        raise NotFound(detail="There is no such public token; each is good once, and for a while.")
    return call.house.reception.shown(row)


def _problems(call: Call, wish: ShortLinkWish) -> list[Problem]:
    found: list[Problem] = []
    if wish.provider is not UNSET and wish.provider not in call.house.registry:
        found.append(Problem("is not a provider of this installation", "{requestBody}.provider"))
    if wish.redirect_url is not UNSET and not _leads_somewhere(wish.redirect_url):
        problem = "must be an absolute URL that a browser may be sent to"
        found.append(Problem(problem, "{requestBody}.redirectUrl"))
    if wish.backfill is not UNSET:
        path = "{requestBody}.backfill.startFrom"
        start = utc(wish.backfill.start_from, path)
        if start is not None and wish.backfill.days is UNSET and start > clock.now():
            found.append(Problem("must not lie in the future", path))
    return found


def _leads_somewhere(url: str) -> bool:
    """Whether a URL is http(s) with a host, or of an app; never one that a browser runs as a script."""
    if not url.isascii() or not url.isprintable() or set(url) & set(' <>"\\^`{|}'):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme in ("http", "https"):
        return bool(parts.hostname)
    return bool(parts.scheme) and parts.scheme not in (
        "javascript",
        "data",
        "vbscript",
        "blob",
        "file",
    )


OPERATIONS = [
    Operation(
        id="createShortLink",
        method="POST",
        path="/link/short",
        tag="Link",
        summary="Create Short Link",
        description="Makes a URL that opens Link with these parameters for a year. The same body gets the "
        "same link again, with the header `Idempotent-Replayed: true`.",
        answer=ShortLink,
        handler=create_short_link,
        needs="application",
        body=ShortLinkWish,
    ),
    Operation(
        id="deleteShortLink",
        method="DELETE",
        path="/link/short/{id}",
        tag="Link",
        summary="Delete Short Link",
        description="The URL stops working at once; its code may be given to a later link.",
        answer=None,
        handler=delete_short_link,
        needs="application",
        parameters=[ID],
        status=204,
        refusals=[404],
    ),
    Operation(
        id="publicTokenExchange",
        method="POST",
        path="/public-token/exchange",
        tag="Authentication",
        summary="Public Token Exchange",
        description="Spends the token that Link handed out, and answers with the connection and its token.",
        answer=Connection,
        handler=exchange_public_token,
        needs="application",
        body=PublicTokenWish,
        refusals=[404],
    ),
]
