"""Laws of the walk: pages of any size, circles, and a walk that was killed."""

from __future__ import annotations

from milepost.errors import Changed, CursorLost, ProviderError
from milepost.kit.laws.stage import Beside, Broken, Stage, merged

SMALL = 2  # Entries of a page, so that a fleet of a few has several pages.
_MOST_REQUESTS = 3_000
_STOPS = 3


async def any_page_size(stage: Stage) -> str:
    most = 0
    for spec in stage.streams:
        async with stage.line(page=SMALL) as line:
            pages = await line.read(stage.slice_of(spec))
        most = max(most, len(pages))
        if merged(pages) != merged(await stage.told(spec)):
            raise Broken(f"{spec.name} is another set in pages of {SMALL}")
    return f"up to {most} pages for what came in fewer"


async def circles_stop(stage: Stage) -> str:
    """A cursor that comes again is an error; a dialect without cursors must come to its end."""
    caught: list[str] = []
    for spec in stage.streams:
        async with stage.line(page=SMALL, mishaps=["cursor_repeated"]) as line:
            try:
                async for _ in line.connector.pages(stage.slice_of(spec)):
                    if len(line.server.asked) > _MOST_REQUESTS:
                        raise Broken(f"{spec.name} goes in circles")
            except Changed:
                caught.append(spec.name)
    if not caught:
        raise Beside("no answer of the simulator repeats a cursor")
    return f"caught in {len(caught)} of {len(stage.streams)} streams"


async def killed_it_goes_on(stage: Stage) -> str:
    """After any page another connector, which knows nothing but the cursor, reads the rest."""
    stops = 0
    for spec in stage.streams:
        async with stage.line(page=SMALL) as line:
            pages = await line.read(stage.slice_of(spec))
        whole, step = merged(pages), max(1, len(pages) // _STOPS)
        for at in range(0, len(pages) - 1, step):
            async with stage.line(page=SMALL) as line:
                try:
                    rest = await line.read(stage.slice_of(spec, pages[at].cursor))
                except CursorLost:
                    rest = await line.read(stage.slice_of(spec))
                except ProviderError as error:
                    raise Broken(f"{spec.name} cannot go on after page {at + 1}: {error}") from None
            stops += 1
            if merged([*pages[: at + 1], *rest]) != whole:
                raise Broken(
                    f"{spec.name}, killed after page {at + 1}, is not whole after the next run"
                )
    return f"{stops} stops"
