"""`make docs`: writes every page that is made of code."""

from __future__ import annotations

import asyncio

from tests.pages.models import pages
from tests.providers.test_laws import PLATFORMS, stage
from tests.webhooks.page import PAGE, page

from milepost.kit.laws.carried import Seen, carried


async def main() -> None:
    PAGE.write_text(page())
    cards = {code: card for code in PLATFORMS if (card := stage(code).manifest).streams}
    seen: dict[str, Seen] = {code: await carried(stage(code)) for code in cards}
    for place, text in pages(cards, seen).items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


if __name__ == "__main__":
    asyncio.run(main())
