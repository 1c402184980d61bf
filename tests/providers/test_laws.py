"""Every provider that is installed is held to every law, without a line of its own."""

from __future__ import annotations

import functools
import importlib.resources
import json
from pathlib import Path

import pytest
from tests.pages.models import pages

from milepost.kit import registry
from milepost.kit.laws import book
from milepost.kit.laws.carried import carried
from milepost.kit.laws.stage import Stage, cuts_of
from milepost.models.safety import SAFETY_EVENT_TYPES, SafetyEvent
from milepost.sandbox.world import SyntheticWorld

PLATFORMS = [c for c in registry.load().codes if registry.load().manifest(c).base_code is None]
SPECS = Path(__file__).parents[3] / "shared/specs"
DOCUMENTS = {"samsara": SPECS / "samsara-2025-10-23.json"}


@functools.cache
def stage(code: str) -> Stage:
    return Stage(code, registry.load, SyntheticWorld(seed=7, vehicles=4, drivers=4))


@pytest.mark.parametrize("law", book.SENTENCES)
@pytest.mark.parametrize("code", PLATFORMS)
async def test_the_law_is_kept(code: str, law: str) -> None:
    place = DOCUMENTS.get(code)
    document = json.loads(place.read_bytes()) if place and place.is_file() else None

    verdict = await book.held(stage(code), law, document)

    assert verdict.outcome != "broken", f"{verdict.sentence} {verdict.note}"
    if stage(code).manifest.streams and (law != "document" or document is not None):
        assert verdict.outcome == "kept"


async def test_the_pages_of_models_say_what_is_carried() -> None:
    """Read from the same stages as the laws are tried on, which have most of it already."""
    cards = {code: card for code in PLATFORMS if (card := stage(code).manifest).streams}
    seen = {code: await carried(stage(code)) for code in cards}

    stale = [
        place.name
        for place, text in pages(cards, seen).items()
        if not place.is_file() or place.read_text() != text
    ]

    assert stale == [], "run `make docs`"


@pytest.mark.parametrize("code", PLATFORMS)
async def test_what_is_supported_is_carried_and_rests_on_something(code: str) -> None:
    card = stage(code).manifest
    if not card.streams:
        return

    seen = await carried(stage(code))

    supported = {
        model for model, support in card.supported_models.items() if support == "supported"
    }
    assert set(seen) == supported
    assert {model for model in supported if not card.evidence.get(model)} == set()
    assert card.evidence.keys() <= supported


def spelled(package: str) -> set[str]:
    """Name the kinds that a folder's mapping can make of the vendor's words: those that its sources spell."""
    folder = Path(str(importlib.resources.files(package)))
    sources = [f.read_text() for f in folder.glob("*.py") if not f.name.startswith(("sim", "test"))]
    return {kind for kind in SAFETY_EVENT_TYPES if any(f'"{kind}"' in text for text in sources)}


@pytest.mark.parametrize("code", PLATFORMS)
async def test_the_kinds_of_safety_events_that_are_told_are_those_of_the_manifest(
    code: str,
) -> None:
    card = stage(code).manifest
    told = {
        record.type
        for spec in card.streams
        for cut in cuts_of(await stage(code).told(spec))
        for record in cut.records
        if isinstance(record, SafetyEvent)
    }
    named = spelled(stage(code).package)

    assert told <= set(card.safety_event_types) == named
    assert card.safety_event_types == [k for k in SAFETY_EVENT_TYPES if k in named]
