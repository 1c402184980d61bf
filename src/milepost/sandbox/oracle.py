"""What is true in the sandbox's world, for tests and people to compare a sync's outcome with."""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime, timedelta
from typing import Any

from milepost import clock
from milepost.kit.world import World
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


def describe_records(world: World, start: datetime, end: datetime, at: datetime) -> dict[str, Any]:
    """Count what happened in [start, end) as a provider tells it at `at`, and name what was edited.

    Duty statuses and trips count where they overlap the window, the rest where they began in it;
    edits where they were made in it.
    """
    duty = {driver.id: world.duty(driver.id, start, end, at) for driver in world.drivers}
    trips = {vehicle.id: world.trips(vehicle.id, start, end, at) for vehicle in world.vehicles}
    faults = {
        vehicle.id: sum(
            len(world.faults(vehicle.id, *window))
            for window in world.held(vehicle.id, start, end, at)
        )
        for vehicle in world.vehicles
    }
    incidents = world.incidents(start, end, at)
    known = {vehicle.id for vehicle in world.vehicles}
    happened = Counter(i.vehicle_id for i in incidents if i.vehicle_id in known)
    return {
        "trailers": len(world.trailers),
        "hosLogs": {id_: len(logs) for id_, logs in duty.items() if logs},
        "trips": {id_: len(found) for id_, found in trips.items() if found},
        "safetyEvents": dict(sorted(happened.items())),
        "faultReadings": {id_: count for id_, count in faults.items() if count},
        "edits": [
            {
                "at": clock.iso(edit.at),
                "model": edit.model,
                "change": edit.change,
                "subject": edit.subject,
                "startsAt": clock.iso(edit.starts_at),
            }
            for edit in world.edits(start, min(end, at + timedelta(milliseconds=1)))
        ],
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
