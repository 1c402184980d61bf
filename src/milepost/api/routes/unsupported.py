"""Wishes for providers that this installation does not offer; each becomes an event."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from milepost import clock
from milepost.api.operations import Call, Operation
from milepost.api.parameters import END
from milepost.api.routes.connections import Tags, Text, Wire
from milepost.models.event import UnsupportedProvider
from milepost.webhooks import emit

Email = Annotated[str, Meta(pattern=rf"^[^@\s]+@[^@\s]+\.[^@\s]+{END}", max_length=254)]


class UnsupportedProviderWish(Wire, frozen=True):
    provider: Annotated[str, Meta(min_length=1, max_length=200)]
    contact_email: Email
    dot_number: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    external_id: Text | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET


async def request_unsupported_provider(call: Call) -> None:
    wish: UnsupportedProviderWish = call.body()
    told = msgspec.convert(msgspec.to_builtins(wish), UnsupportedProvider)
    async with call.house.database.transaction() as session:
        await emit.about_application(
            session,
            call.caller.application_id,
            "unsupported_provider.requested",
            clock.now(),
            told,
        )


OPERATIONS = [
    Operation(
        id="requestUnsupportedProvider",
        method="POST",
        path="/link/unsupported-provider",
        tag="Link",
        summary="Request Unsupported Provider",
        description="Notes that a fleet looked for a provider that is not offered here, and tells of it "
        "with `unsupported_provider.requested`.",
        answer=None,
        handler=request_unsupported_provider,
        needs="application",
        body=UnsupportedProviderWish,
        status=204,
        extension=True,
    ),
]
