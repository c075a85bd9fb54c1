"""The customer's page in the colours of companies: readable in each, in light and dark."""

import pytest
from playwright.async_api import Page, Route

from browser.gallery import Gallery, show
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
