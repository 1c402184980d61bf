"""By which clock days and months are counted: the fleet's, told by its drivers'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw

from milepost.kit.days import zone_named
from milepost.kit.salvage import UNREADABLE
from milepost.providers.samsara import shapes

UTC_ZONE = ZoneInfo("UTC")


def commonest_zone(drivers: Iterable[Raw]) -> ZoneInfo:
    """Return the time zone that most drivers have; UTC where none has one."""
    names: Counter[str] = Counter()
    for body in drivers:
        try:
            names[msgspec.json.decode(body, type=shapes.Based).timezone or ""] += 1
        except UNREADABLE:
            continue
    for name in sorted(names, key=lambda name: (-names[name], name)):
        found = zone_named(name)
        if found is not None:
            return found
    return UTC_ZONE
