"""The sandbox's controls: inject faults, ask what is true, see what was asked.

POST   /_sandbox/faults          one fault or a list → 201 with their ids
GET    /_sandbox/faults          every fault, with its hits
DELETE /_sandbox/faults[/{id}]   one, or all
GET    /_sandbox/world           ?start&end&at&readings=true → vehicles and counts in a window
GET    /_sandbox/records         ?start&end&at → counts of trips, duty, safety, faults, and edits
GET    /_sandbox/requests        ?each=true → counters by path, and the requests themselves
DELETE /_sandbox/requests        start counting anew
POST   /_sandbox/prerender       ?start&end → write positions ahead (where `prerender` is set)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost import clock
from milepost.kit.simulation import SimAnswer
from milepost.kit.world import World
from milepost.sandbox.faults import Fault, FaultBook
from milepost.sandbox.oracle import RequestLog, describe_records, describe_world

CONTROLS = "/_sandbox"
_DEFAULT_WINDOW = timedelta(days=7)

Query = Mapping[str, list[str]]


class Controls:
    """Answers what comes in under /_sandbox."""

    def __init__(
        self,
        world: World,
        faults: FaultBook,
        log: RequestLog,
        prerender: Callable[[datetime, datetime], int],
    ) -> None:
        self._world = world
        self._faults = faults
        self._log = log
        self._prerender = prerender

    def answer(self, method: str, path: str, query: Query, body: bytes) -> SimAnswer:
        noun, _, id_ = path.removeprefix(CONTROLS).strip("/").partition("/")
        try:
            match (method, noun):
                case ("POST", "faults"):
                    return _show(201, [self._faults.add(fault) for fault in _read_faults(body)])
                case ("GET", "faults"):
                    return _show(200, self._faults.list())
                case ("DELETE", "faults"):
                    gone = self._faults.clear(int(id_) if id_ else None)
                    return _show(200 if gone or not id_ else 404, {"deleted": gone})
                case ("GET", "requests"):
                    return _show(200, self._log.show(each=_flag(query, "each")))
                case ("DELETE", "requests"):
                    self._log.clear()
                    return _show(200, {})
                case ("GET", "world"):
                    start, end = _window(query)
                    at = _instant(query, "at", clock.now())
                    readings = _flag(query, "readings")
                    return _show(
                        200, describe_world(self._world, start, end, at, readings=readings)
                    )
                case ("GET", "records"):
                    at = _instant(query, "at", clock.now())
                    return _show(200, describe_records(self._world, *_window(query), at))
                case ("POST", "prerender"):
                    return _show(200, {"readings": self._prerender(*_window(query))})
                case _:
                    controls = (__doc__ or "").partition("\n\n")[2].splitlines()
                    return _show(
                        200 if path == "/" else 404,
                        {"controls": [line.strip() for line in controls if line]},
                    )
        except (ValueError, msgspec.MsgspecError) as error:
            return _show(400, {"message": str(error)})


def _read_faults(body: bytes) -> list[Fault]:
    read = msgspec.json.decode(body, type=Fault | list[Fault])
    return read if isinstance(read, list) else [read]


def _window(query: Query) -> tuple[datetime, datetime]:
    end = _instant(query, "end", clock.now())
    return _instant(query, "start", end - _DEFAULT_WINDOW), end


def _instant(query: Query, name: str, default: datetime) -> datetime:
    return clock.parse(query[name][-1]) if query.get(name) else default


def _flag(query: Query, name: str) -> bool:
    return query.get(name, [""])[-1].lower() in ("1", "true", "yes")


def _show(status: int, content: Any) -> SimAnswer:
    return SimAnswer(
        status=status,
        body=msgspec.json.encode(content),
        headers={"content-type": "application/json"},
    )
