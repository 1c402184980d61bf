"""What is true in the sandbox's world, for tests and people to compare a sync's outcome with."""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime
from typing import Any

from milepost import clock
from milepost.kit.simulation import World
from milepost.models.stats import STAT_TYPES

_REMEMBERED = 20_000  # requests by path and query; some 6 MB


def describe_world(
    world: World, start: datetime, end: datetime, at: datetime, *, readings: bool
) -> dict[str, Any]:
    """Count the positions (and readings) of [start, end) that a provider holds at instant `at`."""
    vehicles: list[dict[str, Any]] = []
    for vehicle in world.vehicles:
        windows = world.held(vehicle.id, start, end, at)
        fixes = [fix for w in windows for fix in world.fixes(vehicle.id, *w)]
        shown: dict[str, Any] = {"id": vehicle.id, "name": vehicle.name, "fixes": len(fixes)}
        if fixes:
            shown |= {
                "first": clock.iso(fixes[0].located_at),
                "last": clock.iso(fixes[-1].located_at),
            }
        if readings:
            counts = {
                kind: sum(len(world.readings(vehicle.id, kind, *w)) for w in windows)
                for kind in STAT_TYPES
            }
            shown["readings"] = {kind: count for kind, count in counts.items() if count}
        vehicles.append(shown)
    return {
        "start": clock.iso(start),
        "end": clock.iso(end),
        "at": clock.iso(at),
        "fleet": world.fleet.name,
        "groups": len(world.groups),
        "drivers": len(world.drivers),
        "fixes": sum(vehicle["fixes"] for vehicle in vehicles),
        "vehicles": vehicles,
        "files": getattr(world, "files", []),
    }


class RequestLog:
    """What was asked: counters by path, and the last requests one by one."""

    def __init__(self) -> None:
        self._statuses: dict[str, Counter[int]] = {}
        self._bytes: Counter[str] = Counter()
        self._recent: deque[tuple[str, str, int]] = deque(maxlen=_REMEMBERED)

    def note(self, path: str, query: str, status: int, size: int) -> None:
        self._statuses.setdefault(path, Counter())[status] += 1
        self._bytes[path] += size
        self._recent.append((path, query, status))

    def clear(self) -> None:
        self._statuses.clear()
        self._bytes.clear()
        self._recent.clear()

    def show(self, *, each: bool) -> dict[str, Any]:
        """Show the counters, and with `each` the requests themselves, oldest first."""
        endpoints = {
            path: {
                "requests": sum(statuses.values()),
                "throttled": statuses[429],
                "bytes": self._bytes[path],
                "statuses": {str(status): count for status, count in sorted(statuses.items())},
            }
            for path, statuses in sorted(self._statuses.items())
        }
        shown: dict[str, Any] = {
            "requests": sum(e["requests"] for e in endpoints.values()),
            "throttled": sum(e["throttled"] for e in endpoints.values()),
            "endpoints": endpoints,
        }
        if each:
            shown["each"] = [
                {"path": path, "query": query, "status": status}
                for path, query, status in self._recent
            ]
        return shown
