"""The gallery of screens in a real browser: its built files are given to the browser under the pages' own policy."""

import json
import mimetypes
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from diyalog.api.pages import page_headers
from kit.site import FLAGS, ROOT, find_browser

BUILT = ROOT / "web" / "dist" / "gallery"
ADDRESS = "https://gallery.example"
HELP = "gallery.html"
"""The customer's screens."""
DESK = "desk_gallery.html"
"""Those of the agent desk."""
COMPANY = {
    "name": "Anadolu Bankası",
    "phone": "0850 000 00 00",
    "hours": {"tr": "Hafta içi 09.00–18.00", "en": "Weekdays 9 am to 6 pm"},
    "links": [{"text": "Şubelerimiz", "url": "https://bank.example/subeler", "lang": "tr"}],
}


@dataclass
class Gallery:
    """A browser that finds the gallery at ADDRESS, and what its pages complained of."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def page(self, *, width: int, height: int = 844, scheme: str = "light", **options: object) -> Page:
        """An empty page of its own context. `options` are passed on as Playwright names them."""
        given: dict[str, object] = {
            "viewport": {"width": width, "height": height},
            "color_scheme": scheme,
            "timezone_id": "Europe/Istanbul",
            "reduced_motion": "reduce",  # contrast is judged when nothing fades
            **options,
        }
        context: BrowserContext = await self.browser.new_context(**given)  # type: ignore[arg-type]  # passed on
        await context.route("**/*", _answer)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        return page


async def show(page: Page, state: str, lang: str, company: Mapping[str, object] = COMPANY, *, file: str = HELP) -> None:
    """Show one screen of a gallery's file and wait until it is drawn."""
    query = urlencode({"state": state, "lang": lang, "company": json.dumps(company)})
    await page.goto(f"{ADDRESS}/{file}?{query}")
    await page.wait_for_selector("body:has(main[data-state]) h1", state="attached")


async def every_state(page: Page, file: str = HELP) -> list[str]:
    """The names of all screens, as the gallery's own list of contents has them."""
    await page.goto(f"{ADDRESS}/{file}")
    names: list[str] = await page.locator("li[data-name]").evaluate_all("items => items.map(item => item.dataset.name)")
    return names


async def _answer(route: Route) -> None:
    name = route.request.url.removeprefix(f"{ADDRESS}/").partition("?")[0]
    file = (BUILT / name).resolve()
    if not file.is_relative_to(BUILT) or not file.is_file():
        await route.fulfill(status=404)
        return
    headers = {key.decode(): value.decode() for key, value in page_headers(())}
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    await route.fulfill(status=200, content_type=kind, headers=headers, body=file.read_bytes())


@asynccontextmanager
async def opened() -> AsyncIterator[Gallery]:
    """The gallery in Chromium, which must be there."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        try:
            yield Gallery(browser)
        finally:
            await browser.close()
