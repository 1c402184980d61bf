"""The law-book: each law in one plain sentence, and what came of trying it on a provider."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from milepost.kit.laws import failing, reading, walking
from milepost.kit.laws.stage import Beside, Broken, Stage

Law = Callable[[Stage], Awaitable[str]]

SENTENCES: dict[str, str] = {
    "manifest": "The manifest is true.",
    "fixtures": "Every fixture maps to its expected output.",
    "fields": "Every raw field is mapped or named as dropped; an unknown one is reported, never fatal.",
    "units": "Times are aware UTC; units and enums are ours.",
    "ids": "The same raw data gives the same id.",
    "twice": "Mapping and merging twice changes nothing.",
    "world": "The world comes back through simulator, client and mapping.",
    "pages": "Any page size gives the same set.",
    "circles": "A repeated cursor stops with an error.",
    "failures": "Every failure is named by what to do next.",
    "killed": "Killed after any page, the next run completes the set.",
    "secrets": "No secret reaches a log, an error, a fixture or a URL.",
    "budget": "The rate budget holds under a held clock.",
    "document": "Requests are valid against the vendor's document.",
}


class Verdict(msgspec.Struct, frozen=True, rename="camel"):
    """What came of one law: kept, broken, or nothing to try it on; and in few words what was seen."""

    law: str
    sentence: str
    outcome: Literal["kept", "broken", "beside"]
    note: str


def laws(document: Mapping[str, Any] | None = None) -> dict[str, Law]:
    """Return the laws by name; `document` is the vendor's OpenAPI document, where there is one."""
    return {
        "manifest": reading.manifest_is_true,
        "fixtures": reading.fixtures_map,
        "fields": reading.fields_are_accounted_for,
        "units": reading.units_are_ours,
        "ids": reading.same_raw_same_id,
        "twice": reading.twice_changes_nothing,
        "world": reading.the_world_comes_back,
        "pages": walking.any_page_size,
        "circles": walking.circles_stop,
        "failures": failing.failures_are_named,
        "killed": walking.killed_it_goes_on,
        "secrets": failing.no_secret_shows,
        "budget": failing.the_budget_holds,
        "document": functools.partial(failing.the_document_agrees, document=document),
    }


async def held(stage: Stage, name: str, document: Mapping[str, Any] | None = None) -> Verdict:
    """Try one law on the provider of a stage."""
    try:
        note = await laws(document)[name](stage)
    except Broken as broken:
        return Verdict(name, SENTENCES[name], "broken", str(broken))
    except Beside as beside:
        return Verdict(name, SENTENCES[name], "beside", str(beside))
    except Exception as error:  # noqa: BLE001  Whatever a connector raises by mistake breaks the law.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        return Verdict(
            name, SENTENCES[name], "broken", f"{type(error).__name__} in {where}: {error}"
        )
    return Verdict(name, SENTENCES[name], "kept", note)
