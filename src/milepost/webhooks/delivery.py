"""One lane's deliveries, and one replay's: what is posted, and what each outcome means."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from uuid import UUID

import msgspec
import structlog

from milepost import clock, ids
from milepost.log import HIDDEN, hide
from milepost.models.event import WITH_TOKEN, EndpointDisabled
from milepost.store import deliveries, endpoints
from milepost.store.deliveries import Attempt, Claim, Parcel, Work
from milepost.store.pool import Database, Session
from milepost.webhooks import emit, rendering, schedule, signing
from milepost.webhooks.line import Answered, Line

log = structlog.get_logger()

_READ_AT_ONCE = 20
# A lane that has more than this to tell lets others of its endpoint go first.
_TURN_SECONDS = 5.0
# What a receiver can be asked to take; the largest event that is known, a connection with filters of
# 10,000 ids each way, has 1.3 MB.
_MOST_BYTES = 4_000_000
_AGENT = f"milepost/{version('milepost')}"


class Delivery:
    """Carries out what a courier has claimed."""

    def __init__(
        self, database: Database, line: Line, courier: UUID, *, retry_scale: float
    ) -> None:
        self._database = database
        self._line = line
        self._courier = courier
        self._retry_scale = retry_scale

    async def work(self, claim: Claim) -> None:
        """Deliver what is next until nothing is left, a delivery fails, or the turn is over."""
        until = time.monotonic() + _TURN_SECONDS
        while True:
            async with self._database.session() as session:
                work = await deliveries.read(session, self._courier, claim, _READ_AT_ONCE)
                if work is None:
                    return
                if not work.parcels:
                    await deliveries.rest(session, self._courier, claim, work.known)
                    return
                if not work.enabled or time.monotonic() > until:
                    await deliveries.hand_back(session, self._courier, claim)
                    return
            for place, parcel in enumerate(work.parcels):
                failures = work.failures if place == 0 else 0
                if not await self._deliver(claim, work, parcel, failures):
                    return

    async def _deliver(self, claim: Claim, work: Work, parcel: Parcel, failures: int) -> bool:
        """Make one attempt; False when the lane is done with for now, or lost."""
        at = clock.now()
        answered = await self._post(claim, work, parcel, at)
        attempt = Attempt(
            id=ids.new(),
            at=at,
            latency_ms=answered.latency_ms,
            status=answered.status,
            error=answered.error,
            answer=answered.answer,
        )
        if answered.error is None:
            async with self._database.session() as session:
                return await deliveries.delivered(session, self._courier, claim, parcel, attempt)
        wait = answered.wait
        due_at = schedule.next_attempt(failures + 1, clock.now(), wait, self._retry_scale)
        async with self._database.transaction() as session:
            if due_at is not None:
                held = await deliveries.failed(
                    session, self._courier, claim, parcel, attempt, due_at
                )
            else:
                held = await deliveries.given_up(
                    session, self._courier, claim, parcel, attempt, failures + 1
                )
            if held and answered.gone:
                await self._disable(session, claim, work, "It answered 410 Gone.", at)
            elif held and work.failing_since is not None:
                why = f"It has taken nothing for {schedule.PATIENCE.days} days."
                await self._disable(session, claim, work, why, at, at - schedule.PATIENCE)
        return False

    async def _disable(
        self,
        session: Session,
        claim: Claim,
        work: Work,
        why: str,
        at: datetime,
        failing_before: datetime | None = None,
    ) -> None:
        """Disable an endpoint and tell of it, once."""
        if not await endpoints.disable(
            session, claim.application_id, claim.endpoint_id, why, failing_before
        ):
            return
        log.warning("an endpoint was disabled", endpoint=str(claim.endpoint_id), why=why)
        shown = ids.show("webhook_endpoint", claim.endpoint_id)
        told = EndpointDisabled(id=shown, url=work.url, reason=why)
        await emit.about_application(
            session, claim.application_id, "webhook_endpoint.disabled", at, told
        )

    async def _post(self, claim: Claim, work: Work, parcel: Parcel, at: datetime) -> Answered:
        vault = self._database.vault
        token = None
        if parcel.type in WITH_TOKEN and work.sealed_token is not None:
            token = vault.open(work.sealed_token).decode()
        body = rendering.body(parcel.id, parcel.type, parcel.at, parcel.detail, token)
        if len(body) > _MOST_BYTES:
            return Answered(status=None, error="The event is too large to send.", latency_ms=0)
        keys = [vault.open(sealed).decode() for sealed in work.sealed_secrets]
        headers = {
            "content-type": "application/json",
            "user-agent": _AGENT,
            "milepost-event-number": str(parcel.number),
            **signing.headers(keys, ids.show("event", parcel.id), at, body),
        }
        if claim.event_id is not None:
            headers["milepost-replay"] = "true"
        answered = await self._line.post(work.url, headers, body)
        # A receiver may repeat what it was sent, or knows: secrets of ours are not kept.
        secrets = [part for key in keys for part in (key, key.removeprefix("whsec_"))]
        answer = _without(answered.answer, [*secrets, token] if token else secrets)
        return msgspec.structs.replace(answered, answer=answer)


def _without(answer: str | None, secrets: Sequence[str]) -> str | None:
    if answer is None:
        return None
    for secret in secrets:
        answer = answer.replace(secret, HIDDEN)
    return str(hide(answer))
