"""Writes `docs/reference/webhooks.md` from the catalogue: `python -m tests.webhooks.page`."""

from __future__ import annotations

import json
from pathlib import Path

from milepost.models.event import EVENT_TYPES, SWITCHABLE
from milepost.webhooks import courier, line, schedule
from milepost.webhooks.catalogue import TOLD, example

PAGE = Path(__file__).parents[2] / "docs/reference/webhooks.md"

HEAD = """# Events and webhooks

Made from the catalogue by `python -m tests.webhooks.page`; a test compares.

Whatever happens to a connection becomes an event, in the transaction of its change. Events are delivered to
endpoints, and can be read again from the log.

## Set up
```sh
milepost webhooks create https://example.com/webhooks --application app_… --json   # prints the secret, once
milepost webhooks create https://example.com/syncs --application app_… --type sync.completed --type sync.failed
milepost listen --key sk_… --forward http://localhost:3000/webhooks                 # while developing
```
The same can be done over HTTP (`POST /tsp/v1/webhooks/endpoints` and its siblings), and with the other verbs of
`milepost webhooks`: `list`, `update`, `enable`, `disable`, `delete`, `rotate`, `attempts`, `dead-letters`,
`replay` and `switches`. An application has up to 50 endpoints.

Receivers have public addresses, unless `MILEPOST_WEBHOOKS_ALLOW` names their networks or hosts.

## What a receiver gets
A `POST` with the event as JSON: `id`, `type`, `timestamp` and `detail`. Its headers:

| header | what it holds |
|---|---|
| `webhook-id`, `svix-id` | the event's id, the same at every attempt: whoever remembers it drops repeats |
| `webhook-timestamp`, `svix-timestamp` | when it was sent, in seconds since 1970 |
| `webhook-signature`, `svix-signature` | `v1,` and the HMAC-SHA256 of `{id}.{timestamp}.{body}` in base64, as Standard Webhooks say; two of them during a rotation |
| `milepost-event-number` | the event's number in the log |
| `milepost-replay` | `true` on what was asked for again |

The libraries `standardwebhooks` and `svix` verify it as it is:

```python
from standardwebhooks import Webhook

event = Webhook("whsec_…").verify(request_body, request_headers)
```

"""

RULES = """Any 2xx answer within {answer:g} seconds takes the event. Anything else is tried again, {count} times over
three days: after {retries}. A `Retry-After` makes the wait longer, up to a day. Redirects are not followed.
Then the event is a *dead letter*, which is listed and can be replayed.

Events of one connection come in order to each endpoint: one that fails holds up those behind it, for that
connection and that endpoint alone. An event can come more than once, with the same id. Replays are outside
the order.

An answer of 410 disables an endpoint, and so do {patience} days in which it takes nothing; the application is
told by `webhook_endpoint.disabled`. While an endpoint is disabled, what is for it waits in the log, and comes in
order when it is enabled again. When its types are changed, the new choice holds for what happens from then on.

Each attempt is kept, with its time, status, latency and the first 2 KB of the answer. A worker that is killed
while it delivers is followed by another one after {lost:g} seconds.

## The log
`GET /tsp/v1/events` shows the same events, each with its `number`. Numbers begin with 1 and rise by one; within
a connection they follow the order of its changes. Ask for what is `afterNumber`, narrow it by `types` and
`connectionId`, turn it round by `order=desc`. How long events are kept, and what became of
deliveries (attempts and dead letters), is set by `MILEPOST_RETENTION_DAYS`, like `{{"events": 90, "deliveries": 30}}`;
an event that an enabled endpoint has still to be told of is kept until then. With a connection that is deleted go
its events, attempts and dead letters, and the numbers of its events are not given again.

## Types
`{switchable}` are the ones of which there can be many. An application that does not want
them says so: `milepost webhooks switches --application app_… --no-vehicle-locations --no-safety-events`, or
`PATCH /tsp/v1/webhooks/switches`. What is switched off is neither logged nor delivered.

"""


def page() -> str:
    """Write the page."""
    retries = ", ".join(_spelt(each.total_seconds()) for each in schedule.RETRIES)
    rules = RULES.format(
        answer=line.ANSWER_SECONDS,
        count=len(schedule.RETRIES),
        retries=retries,
        patience=schedule.PATIENCE.days,
        lost=courier.LOST_SECONDS,
        switchable="`, `".join(SWITCHABLE),
    )
    types = [
        f"### `{type_}`\n{TOLD[type_]}\n\n```json\n"
        f"{json.dumps(example(type_), indent=2, ensure_ascii=False)}\n```\n"
        for type_ in EVENT_TYPES
    ]
    return HEAD + rules + "\n".join(types)


def _spelt(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.0f} h"


if __name__ == "__main__":
    PAGE.write_text(page())
