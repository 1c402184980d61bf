"""The laws that reading alone can try, on a real account: nothing is written there, and nothing of it is kept."""

from __future__ import annotations

import importlib
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec

from milepost.errors import NotAllowed, NotOffered, ProviderError
from milepost.kit.contract import Connector, Cut, Ground, Manifest, Page, Slice, StreamSpec
from milepost.kit.laws.reading import CARRIED, problems
from milepost.kit.ledger import unknown_fields
from milepost.models.stats import StatReading

# Enough to meet what is usual, and no burden on an account that others live on.
_MOST_PAGES = 20
_SERIES, _RECORDS = timedelta(hours=3), timedelta(days=7)


class Visited(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What reading a stream showed: how much came, and what of it breaks a law. No value of it is in here."""

    stream: str
    model: str
    outcome: str  # kept, broken, or beside where the account may not read it or has nothing
    note: str
    records: int = 0
    unknown: list[str] = []  # raw fields that nobody has said what becomes of


async def visit(
    connector: Connector, manifest: Manifest, package: str, now: datetime
) -> list[Visited]:
    """Read the newest of every stream; raises what the login raises."""
    await connector.account()
    try:
        tables = importlib.import_module(f"{package}.fields").BY_SCHEMA
    except ModuleNotFoundError:
        tables = {}
    return [await _stream(connector, spec, tables, now) for spec in manifest.streams]


def grounds(visited: list[Visited], today: str) -> dict[str, Ground]:
    """Say which models rest on the account from now on: those that were read and break nothing."""
    read: Counter[str] = Counter()
    for each in visited:
        if each.outcome == "kept":
            read[each.model] += each.records
    broken = {each.model for each in visited if each.outcome == "broken"}
    return {
        model: Ground(on="account", date=today, records=records)
        for model, records in read.items()
        if model not in broken
    }


async def _stream(
    connector: Connector, spec: StreamSpec, tables: dict[str, Any], now: datetime
) -> Visited:
    model, span = (
        CARRIED[spec.model],
        min(spec.window, _SERIES if spec.kind == "series" else _RECORDS),
    )
    slice_ = Slice(stream=spec.name, mode="listing")
    if spec.kind != "listing":
        slice_ = Slice(stream=spec.name, mode="history", starts_at=now - span, ends_at=now)
    cuts: list[Cut] = []
    try:
        async for page in connector.pages(slice_):
            cuts += page.cuts
            if _enough(page, cuts):
                break
    except (NotAllowed, NotOffered) as refused:
        return Visited(stream=spec.name, model=model, outcome="beside", note=refused.message)
    except ProviderError as failed:
        return Visited(stream=spec.name, model=model, outcome="broken", note=failed.message)
    return _judge(spec, model, cuts, tables)


def _enough(page: Page, cuts: list[Cut]) -> bool:
    return page.last or len(cuts) > _MOST_PAGES * 100


def _judge(spec: StreamSpec, model: str, cuts: list[Cut], tables: dict[str, Any]) -> Visited:
    unknown: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    records = 0
    for cut in cuts:
        unknown += unknown_fields(cut.body, tables.get(cut.schema, {})) if tables else Counter()
        # A reason says what is wrong and may quote a value: only its beginning is told.
        wrong.update(reject.reason.partition(":")[0][:60] for reject in cut.rejects)
        for record in cut.records:
            records += not isinstance(record, StatReading) or spec.model == "vehicle_stat"
            wrong.update(problem.partition(":")[0] for problem in problems(record))
    said = [f"{records:,} records"]
    said += [f"{what} ({count} times)" for what, count in wrong.most_common(3)]
    if unknown:
        said.append(f"unknown: {', '.join(sorted(unknown)[:10])}")
    outcome = "broken" if unknown or wrong else "kept" if records else "beside"
    return Visited(
        stream=spec.name, model=model, outcome=outcome, note="; ".join(said), records=records,
        unknown=sorted(unknown),
    )  # fmt: skip
