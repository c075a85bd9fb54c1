"""A browser, a server with a simulated company, and a page of a customer for each test."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from diyalog.simulator.company import Company as QueueSystem
from kit.server import Company, Server, running

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STATE_MS = 20_000


def find_browser() -> str | None:
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ["chromium", "chromium-browser"])), None)


@dataclass
class Site:
    """The server, the company behind it, and what the pages complained of."""

    server: Server
    queue: QueueSystem
    company: Company
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def context(self, **options: object) -> BrowserContext:
        """A browser of its own for a customer: a phone unless told otherwise."""
        given: dict[str, object] = {
            "viewport": {"width": 390, "height": 844},
            "locale": "tr-TR",
            "reduced_motion": "reduce",  # contrast is judged when nothing fades
            **options,
        }
        return await self.browser.new_context(**given)  # type: ignore[arg-type]  # passed on as Playwright names them

    async def page(self, context: BrowserContext, customer: str, **parameters: str) -> Page:
        """A page opened as the company's app would open it."""
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))
        given = {"customerId": customer, "customerName": "Ayşe Yıldız", "helpType": "chat", "lang": "tr", **parameters}
        await page.goto(f"{self.server.url}/app/help.html#/start?{urlencode(given)}")
        return page

    def _note(self, kind: str, text: str) -> None:
        # A 404 of GET /v1/client/help means "nothing is open", and cut connections are what some tests are for.
        if (
            kind in {"error", "warning"}
            and "Failed to load resource" not in text
            and "WebSocket connection" not in text
        ):
            self.complaints.append(text)

    def interaction(self) -> str:
        """The newest interaction that the company's queue made."""
        return self.queue.ledger.interactions[-1].interaction_id


async def reaches(page: Page, state: str) -> None:
    """Wait until the page's main part says this state."""
    await page.wait_for_selector(f"main[data-state={state}]", timeout=STATE_MS)


def required_browser() -> str:
    """The browser's program; without one the test fails where everything has to be there, and is skipped elsewhere."""
    executable = find_browser()
    if executable is None:
        reason = "Chromium is not on this machine"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return executable


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    executable = required_browser()
    if not (ROOT / "src" / "diyalog" / "static" / "app" / "help.html").exists():
        pytest.fail("the pages are not built: run ./dev setup")
    queue = QueueSystem(first_id=7700418)
    queue_url = await queue.start()
    settings = {"queue": "http", "queue_url": queue_url, "queue_repeatable": "true"}
    try:
        async with (
            running(tmp_path, **settings) as server,
            Company(server.url, await server.new_key()) as company,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
            built = Site(server, queue, company, browser)
            yield built
            await browser.close()
            assert built.complaints == []
    finally:
        await queue.stop()
