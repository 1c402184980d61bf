"""Pages of providers are what their manifests make them."""

from __future__ import annotations

from tests.pages.providers import ROOT, pages

from milepost.kit import registry


def test_each_provider_has_the_page_that_its_manifest_makes() -> None:
    made = pages(registry.load())

    stale = [
        place.name
        for place, text in made.items()
        if not place.is_file() or place.read_text() != text
    ]
    left = [place.name for place in ROOT.glob("*.md") if place not in made]

    assert (stale, left) == ([], []), "run `make docs`"
