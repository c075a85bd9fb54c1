"""The customer's page in the look of companies: readable in each colour, in light and dark, with logo and own texts."""

import json
import zlib

import pytest
from playwright.async_api import Page, Route, expect

from browser.condition import holds
from browser.gallery import COMPANY, Gallery, show
from diyalog.api.company_look import CompanyLook
from kit.site import ROOT

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
COLOURS = ("#c8102e", "#ffc72c", "#000000")


async def dress(page: Page, colour: str) -> None:
    """Serve the style sheet that the server makes for the colour."""
    theme = CompanyLook(colour=colour).theme()
    assert theme is not None
    sheet = theme[1]

    async def answer(route: Route) -> None:
        await route.fulfill(status=200, content_type="text/css", body=sheet)

    await page.route("**/theme.css", answer)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_colour_is_readable(gallery: Gallery, scheme: str) -> None:
    wrong = []
    for colour in COLOURS:
        page = await gallery.page(width=390, scheme=scheme)
        await dress(page, colour)
        for name in ("choose", "waiting", "stop-asked", "not-delivered"):
            await show(page, name, "tr")
            await page.evaluate(AXE)
            found = await page.evaluate("() => axe.run()")
            wrong += [f"{colour} {name}: {one['id']}" for one in found["violations"]]
        painted = await page.locator(".button-main").evaluate("one => getComputedStyle(one).backgroundColor")
        assert painted != "rgb(14, 94, 87)", "the built-in accent would prove nothing"
        await page.context.close()
    assert wrong == []


def red_picture(width: int, height: int) -> bytes:
    """A PNG file of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    rows = (b"\0" + b"\xc8\x10\x2e" * width) * height
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_logo_corners_hours_and_texts(gallery: Gallery, scheme: str) -> None:
    look = CompanyLook(
        logo=red_picture(200, 100), radius=20, texts={"tr": {"stop.button": "Vazgeç", "reference": "No: {id} <b>"}}
    )
    page = await gallery.page(width=320, scheme=scheme)
    theme, logo = look.files()

    async def sheet(route: Route) -> None:
        await route.fulfill(status=200, content_type="text/css", body=theme[1])

    async def picture(route: Route) -> None:
        await route.fulfill(status=200, content_type="image/png", body=logo[1])

    await page.route("**/theme.css", sheet)
    await page.route(f"**{logo[0]}", picture)
    await show(page, "not-delivered", "tr", {**json.loads(look.json()), **COMPANY})
    await expect(page.locator("header")).to_contain_text("Anadolu Bankası")
    await holds(page, "document.querySelector('header img').naturalWidth === 200")
    size = await page.locator("header img").bounding_box()
    assert size is not None
    assert size["height"] == 32
    await expect(page.locator("main")).to_contain_text("Hafta içi 09.00–18.00")
    await expect(page.locator("main")).to_contain_text("No: 880214 <b>")
    button = page.locator(".button-main")
    assert await button.evaluate("one => getComputedStyle(one).borderTopLeftRadius") == "20px"
    await page.evaluate(AXE)
    assert (await page.evaluate("() => axe.run()"))["violations"] == []
    await show(page, "waiting", "tr", {**json.loads(look.json()), **COMPANY})
    await expect(page.get_by_role("button", name="Vazgeç")).to_be_visible()
