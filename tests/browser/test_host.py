"""The page inside another app: what it tells a WebView and an outer page, and the theme that they force."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Frame, Page, Route, async_playwright, expect

from browser.condition import holds
from kit.server import Server, running
from kit.site import FLAGS, Site, reaches, required_browser

OUTER = "http://localhost:9"
"""Where the company's own page stands; the browser is given it without any network."""

LOCAL = "--disable-features=LocalNetworkAccessChecks"
"""The outer page comes from nowhere, which the browser takes for the internet; the server is on this machine."""

NATIVE = """window.told = [];
const hear = (message) => told.push(message);
window.DiyalogHost = { postMessage: (text) => hear(JSON.parse(text)) };"""

EMBED = """<!doctype html><title>Bank</title><main></main><script type="module">
import { mountHelp } from "%s/sdk/diyalog-embed.js";
window.told = [];
window.help = mountHelp(document.querySelector("main"), {
  url: "%s", title: "Live help", theme: "dark",
  start: { customerId: "880214", helpType: "chat", lang: "en", deviceHash: "dh" },
  onMessage: (message) => told.push(message),
});
</script>"""

SURFACE = "() => getComputedStyle(document.getElementById('page')).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(24, 32, 29)"


async def told(page: Page, kind: str) -> list[dict[str, Any]]:
    """Every message of this type that the app around the page has heard."""
    messages: list[dict[str, Any]] = await page.evaluate("told")
    return [message for message in messages if message["type"] == kind]


async def heard(page: Page, kind: str) -> None:
    await holds(page, f"told.some(message => message.type === '{kind}')")


async def test_a_webview_learns_the_wait_and_its_end_and_closes_the_page(site: Site) -> None:
    context = await site.context()
    await context.add_init_script(NATIVE)
    page = await site.page(context, "880214")
    await reaches(page, "waiting")
    assert (await page.evaluate("told"))[0] == {"type": "ready"}
    started = (await told(page, "waitStarted"))[-1]
    assert started["interactionId"] == site.interaction()
    assert (await told(page, "keepAwake"))[-1] == {"type": "keepAwake", "on": True}
    await site.company.not_delivered(interactionId=site.interaction(), message="Yarın deneyin.")
    await reaches(page, "ended")
    (ended,) = await told(page, "waitEnded")
    assert ended == {
        "type": "waitEnded",
        "sessionId": started["sessionId"],
        "outcome": "NOT_DELIVERED",
        "reason": "queue",
        "message": "Yarın deneyin.",
        "interactionId": site.interaction(),
        "agentName": None,
    }
    assert (await told(page, "keepAwake"))[-1] == {"type": "keepAwake", "on": False}
    assert (await told(page, "title"))[-1]["title"] == await page.title()
    await page.get_by_role("button", name="Kapat").click()
    await heard(page, "close")


async def test_the_link_or_the_app_decides_light_and_dark_and_a_reload_keeps_it(site: Site) -> None:
    page = await site.page(await site.context(color_scheme="light"), "880214", theme="dark")
    await reaches(page, "waiting")
    assert await page.evaluate(SURFACE) == DARK
    bars = "() => [...document.querySelectorAll('meta[name=theme-color]')].map(one => one.content)"
    assert await page.evaluate(bars) == ["#18201d", "#18201d"]
    await page.evaluate("window.postMessage({ type: 'theme', theme: 'light' }, '*')")
    await holds(page, "document.documentElement.dataset.theme === 'light'")
    assert await page.evaluate(SURFACE) == LIGHT
    await page.emulate_media(color_scheme="dark")
    await page.reload()
    await reaches(page, "waiting")
    assert await page.evaluate(SURFACE) == LIGHT, "what the app said stands over the device"
    await page.evaluate("window.postMessage({ type: 'theme', theme: 'system' }, '*')")
    await holds(page, "!('theme' in document.documentElement.dataset)")
    assert await page.evaluate(SURFACE) == DARK
    assert await page.evaluate(bars) == ["#ffffff", "#18201d"]


@asynccontextmanager
async def embedded(folder: Path, origin: str) -> AsyncIterator[tuple[Server, Browser, Page]]:
    """An outer page at OUTER with the customer's page in a frame; `origin` is the one that may frame it."""
    async with running(folder, frame_ancestors=origin) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=required_browser(), args=[*FLAGS, LOCAL])
        context = await browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="light")

        async def answer(route: Route) -> None:
            await route.fulfill(content_type="text/html", body=EMBED % (server.url, server.url))

        await context.route(f"{OUTER}/**", answer)
        page = await context.new_page()
        await page.goto(OUTER)
        yield server, browser, page
        await browser.close()


def inner(page: Page, server: Server) -> Frame:
    (frame,) = [frame for frame in page.frames if frame.url.startswith(server.url)]
    return frame


async def test_an_outer_page_gives_the_start_data_and_is_told_the_ending(tmp_path: Path) -> None:
    async with embedded(tmp_path, OUTER) as (server, _, page):
        frame = page.frame_locator("iframe")
        await expect(frame.locator("main[data-state=waiting]")).to_be_visible()
        await heard(page, "waitStarted")
        child = inner(page, server)
        assert "880214" in child.url
        assert "dh" not in child.url, "what is secret never stands in an address"
        assert await child.evaluate(SURFACE) == DARK
        await page.evaluate("help.setTheme('light')")
        await holds(child, "document.documentElement.dataset.theme === 'light'")
        await frame.get_by_role("button", name="Stop waiting").first.click()
        await frame.get_by_role("dialog").get_by_role("button", name="Stop waiting").click()
        await heard(page, "waitEnded")
        assert (await told(page, "waitEnded"))[0]["outcome"] == "CANCELLED"
        await frame.get_by_role("button", name="Close").click()
        await heard(page, "close")
        await page.evaluate("help.remove()")
        await expect(page.locator("iframe")).to_have_count(0)


async def test_a_page_of_another_origin_gets_no_frame_and_hears_nothing(tmp_path: Path) -> None:
    async with embedded(tmp_path, "https://www.bank.example") as (server, _, page):
        await holds(page, "document.querySelector('iframe') !== null")
        await page.locator("iframe").evaluate("one => new Promise(done => { one.onload = done; one.src += ''; })")
        assert await page.evaluate("told") == []
        assert [frame for frame in page.frames if frame.url.startswith(f"{server.url}/app/")] == []
