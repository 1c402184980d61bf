"""Provider webhooks: how a provider is let to say that there is something new (an extension)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from milepost import ids
from milepost.api.hints import PATH
from milepost.api.operations import Call, Operation
from milepost.api.parameters import END
from milepost.api.routes.connections import Wire
from milepost.errors import NotFound, NotSupported
from milepost.models.meta import Model
from milepost.store import connections, provider_webhooks

Secret = Annotated[str, Meta(min_length=16, max_length=500, pattern=f"^[!-~]+{END}")]


class ProviderWebhookWish(Wire, frozen=True):
    """The secret that the provider signs its webhooks with, as its dashboard or its answer shows it."""

    secret: Secret


class ProviderWebhook(Model, frozen=True, kw_only=True):
    """Where the provider is to send its webhooks."""

    url: Annotated[str, Meta(extra_json_schema={"format": "uri"})]


async def set_provider_webhook(call: Call) -> ProviderWebhook:
    wish: ProviderWebhookWish = call.body()
    connection, house = call.connection, call.house
    if (
        connection.provider not in house.registry
        or house.registry.webhook(connection.provider) is None
    ):
        raise NotSupported(f"Webhooks of {connection.provider} are not read here.")
    async with house.database.transaction() as session:
        at = await connections.stamp(session, connection.id)
        sealed = house.database.vault.seal(wish.secret.encode())
        await provider_webhooks.keep(session, connection.id, sealed, at)
    return ProviderWebhook(url=f"{house.public_url}{PATH}/{ids.show('connection', connection.id)}")


async def delete_provider_webhook(call: Call) -> None:
    async with call.house.database.transaction() as session:
        await connections.stamp(session, call.connection.id)
        if not await provider_webhooks.forget(session, call.connection.id):
            raise NotFound(detail="The connection has no provider webhook")


OPERATIONS = [
    Operation(
        id="setProviderWebhook",
        method="POST",
        path="/connections/current/provider-webhook",
        tag="Connections",
        summary="Set Provider Webhook",
        description="Lets the provider say that there is something new, so that an automatic connection is synced "
        "soon and not at its next turn. Give the provider the URL; what it sends is checked by the secret and is a "
        "hint to fetch: no data is taken from it. Setting it again replaces the secret.",
        answer=ProviderWebhook,
        handler=set_provider_webhook,
        body=ProviderWebhookWish,
        refusals=[501],
        extension=True,
    ),
    Operation(
        id="deleteProviderWebhook",
        method="DELETE",
        path="/connections/current/provider-webhook",
        tag="Connections",
        summary="Delete Provider Webhook",
        answer=None,
        handler=delete_provider_webhook,
        status=204,
        refusals=[404],
        extension=True,
    ),
]
