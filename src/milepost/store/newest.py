"""The newest position of vehicles, and which of them a page advances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter

from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.models.location import Fix
from milepost.store.pool import Session, fetch_all
from milepost.store.queries import queries

SQL = queries("newest")

_LOCATED_AT = attrgetter("located_at")


async def stored(
    session: Session, identity: Identity, cuts: Iterable[Cut]
) -> dict[str, tuple[datetime, float, float]]:
    """Return when and where the vehicles of cuts were last, as latitude and longitude, by their ids at the source.

    To be asked before the cuts are merged; a vehicle without a position is left out.
    """
    subjects = {cut.subject for cut in cuts if cut.subject is not None and cut.records}
    if not subjects:
        return {}
    vehicles = {identity.uuid("vehicle", subject): subject for subject in subjects}
    values = {"connection_id": identity.connection_id, "vehicle_ids": list(vehicles)}
    found = await fetch_all(session, SQL["newest"], values)
    return {vehicles[row[0]]: (row[1], row[2], row[3]) for row in found}


def advanced(cuts: Iterable[Cut], stored_at: Mapping[str, datetime]) -> Mapping[str, Fix]:
    """Return, by the vehicle's id at the source, the fixes that are newer than all that is stored.

    Of several fixes of one vehicle, the newest counts.
    """
    coming: dict[str, Fix] = {}
    for cut in cuts:
        fixes = [record for record in cut.records if isinstance(record, Fix)]
        if cut.subject is None or not fixes:
            continue
        last = max(fixes, key=_LOCATED_AT)
        if cut.subject not in coming or coming[cut.subject].located_at < last.located_at:
            coming[cut.subject] = last
    return {
        subject: fix
        for subject, fix in coming.items()
        if subject not in stored_at or stored_at[subject] < fix.located_at
    }
