"""The newest position of vehicles, and which of them a page advances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter

from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.models.location import Fix
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("newest")

_LOCATED_AT = attrgetter("located_at")


async def advanced(session: Session, identity: Identity, cuts: Iterable[Cut]) -> Mapping[str, Fix]:
    """Return, by the vehicle's id at the source, the fixes that are newer than all that is stored.

    To be asked before the cuts are merged; of several fixes of one vehicle, the newest counts.
    """
    coming: dict[str, Fix] = {}
    for cut in cuts:
        fixes = [record for record in cut.records if isinstance(record, Fix)]
        if cut.subject is None or not fixes:
            continue
        last = max(fixes, key=_LOCATED_AT)
        if cut.subject not in coming or coming[cut.subject].located_at < last.located_at:
            coming[cut.subject] = last
    if not coming:
        return {}
    vehicles = {identity.uuid("vehicle", subject): subject for subject in coming}
    values = {"connection_id": identity.connection_id, "vehicle_ids": list(vehicles)}
    stored = {vehicles[row[0]]: row[1] for row in await fetch_all(session, SQL["newest"], values)}
    return {
        subject: fix
        for subject, fix in coming.items()
        if stored[subject] is None or stored[subject] < fix.located_at
    }
