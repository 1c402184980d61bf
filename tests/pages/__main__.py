"""`make docs`: writes every page that is made of code."""

from __future__ import annotations

import asyncio

from tests.pages import models, providers
from tests.providers.test_laws import PLATFORMS, stage
from tests.webhooks.page import PAGE, page

from milepost.kit import registry
from milepost.kit.laws.carried import Seen, carried


async def main() -> None:
    PAGE.write_text(page())
    cards = {code: card for code in PLATFORMS if (card := stage(code).manifest).streams}
    seen: dict[str, Seen] = {code: await carried(stage(code)) for code in cards}
    made = {**models.pages(cards, seen), **providers.pages(registry.load())}
    for place, text in made.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


if __name__ == "__main__":
    asyncio.run(main())
