"""Photographs every screen of the galleries, for people to look at: `./dev screens [FOLDER] [--only WORD]`.

Each picture is `<language>-<scheme>-<width>/<screen>.png`, those of the agent desk under `desk-<language>-...`; a
contact sheet of each folder stands beside it.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from browser.gallery import DESK, HELP, Gallery, every_state, opened, show
from kit.site import ROOT, find_browser

WIDTHS = {HELP: (390, 1280), DESK: (390, 480, 1280)}
PREFIX = {HELP: "", DESK: "desk-"}
SCHEMES = ("light", "dark")
LANGUAGES = ("tr", "en")
IN_A_ROW = 6
ROWS = 2


async def photograph(folder: Path, only: str) -> int:
    """Write all pictures and contact sheets; how many screens were photographed."""
    async with opened() as gallery:
        return sum([await _photograph(gallery, file, folder, only) for file in (HELP, DESK)])


async def _photograph(gallery: Gallery, file: str, folder: Path, only: str) -> int:
    """All pictures of one gallery."""
    names = [name for name in await every_state(await gallery.page(width=390), file) if only in name]
    taken = 0
    for lang, scheme, width in product(LANGUAGES, SCHEMES, WIDTHS[file]):
        place = folder / f"{PREFIX[file]}{lang}-{scheme}-{width}"
        place.mkdir(parents=True, exist_ok=True)
        height = 844 if width < 600 else 900
        page = await gallery.page(width=width, scheme=scheme)
        for name in names:
            await show(page, name, lang, file=file)
            # The whole screen as on a phone that is tall enough: a sticky foot belongs at the end.
            await page.set_viewport_size({"width": width, "height": height})
            tall = await page.evaluate("document.documentElement.scrollHeight")
            await page.set_viewport_size({"width": width, "height": max(height, tall)})
            await page.screenshot(path=place / f"{name}.png")
            taken += 1
        await page.context.close()
        if names:
            await _sheets(gallery, place, names, width)
    return taken


async def _sheets(gallery: Gallery, place: Path, names: Sequence[str], width: int) -> None:
    """Lay a folder's pictures side by side, so many to a sheet."""
    context = await gallery.browser.new_context(viewport={"width": 1800, "height": 1000})
    page = await context.new_page()
    await page.route("**/*.png", lambda route: route.fulfill(path=place / route.request.url.rpartition("/")[2]))
    await page.route("**/sheet", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
    in_a_row = IN_A_ROW if width < 600 else 3
    per_sheet = in_a_row * ROWS
    for number, first in enumerate(range(0, len(names), per_sheet), 1):
        figures = "".join(
            f"<figure><figcaption>{name}</figcaption><img src='/{name}.png'></figure>"
            for name in names[first : first + per_sheet]
        )
        look = (
            "<style>body{margin:8px;background:#777;font:14px sans-serif;display:grid;gap:8px;align-items:start;"
            f"grid-template-columns:repeat({in_a_row},1fr)}}figure{{margin:0}}img{{width:100%}}</style>"
        )
        await page.goto("https://gallery.example/sheet")
        await page.set_content(look + figures)
        await page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
        await page.screenshot(path=place.with_name(f"{place.name}-{number}.png"), full_page=True)
    await context.close()


def main() -> int:
    """Take the pictures; the exit status."""
    parser = argparse.ArgumentParser(prog="./dev screens", description="Photograph every screen of the gallery.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / ".tools" / "screens")
    parser.add_argument("--only", default="", metavar="WORD", help="only screens with this word in their name")
    asked = parser.parse_args()
    if find_browser() is None:
        sys.stderr.write("./dev screens: Chromium is needed; install it, or name it in CHROMIUM\n")
        return 1
    taken = asyncio.run(photograph(asked.folder, asked.only))
    sys.stdout.write(f"{taken} screens, contact sheets beside their folders: {asked.folder.resolve()}\n")
    return 0 if taken else 1


if __name__ == "__main__":
    sys.exit(main())
