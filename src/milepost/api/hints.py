"""`POST /hooks/{connection}`: providers say that there is something new. It is a hint to fetch, and nothing more."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from milepost import clock, ids
from milepost.api.house import House
from milepost.api.operations import count_address
from milepost.errors import Unauthorized
from milepost.store import provider_webhooks

PATH = "/hooks"
# The largest payload that a vendor is known to send has some kilobytes.
_LARGEST = 1_000_000


def handlers(house: House) -> list[HTTPRouteHandler]:
    @post(f"{PATH}/{{connection:str}}", include_in_schema=False, status_code=204)
    async def hint(request: Request[Any, Any, Any]) -> Response[None]:
        connection = str(request.path_params["connection"])
        if not await _hinted(request, connection, house):
            await count_address(request, house)
            raise Unauthorized(detail="This is not a webhook that is awaited here")
        return Response(None, status_code=204)

    return [hint]


async def _hinted(request: Request[Any, Any, Any], connection: str, house: House) -> bool:
    """Check the signature and write the hint down; whatever is wrong, the answer is the same."""
    body = await _body(request)
    try:
        connection_id = ids.read("connection", connection)
    except ValueError:
        return False
    async with house.database.session() as session:
        found = await provider_webhooks.secret(session, connection_id)
    if found is None or body is None:
        return False
    sealed, provider = found
    genuine = house.registry.webhook(provider) if provider in house.registry else None
    secret = house.database.vault.open(sealed).decode()
    headers = {name.lower(): value for name, value in request.headers.items()}
    if genuine is None or not genuine(secret, headers, body, clock.now()):
        return False
    # Acknowledged only once it is written; a provider that got no answer sends it again.
    async with house.database.transaction() as session:
        await provider_webhooks.hint(session, connection_id)
    return True


async def _body(request: Request[Any, Any, Any]) -> bytes | None:
    """Read the body; None where it is larger than any webhook."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST:
            return None
    return bytes(body)
