"""The built-in queue as people meet it: two customers on their phones, an agent at the desk, a real server between."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from kit.server import Server, running
from kit.site import FLAGS, required_browser

WAIT_MS = 15_000
LOST_S = "2"


@dataclass
class Queue:
    """A server that routes by itself, and a browser in which everybody has a window of their own."""

    server: Server
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def phone(self, customer: str, name: str) -> Page:
        given = {"customerId": customer, "customerName": name, "helpType": "chat", "lang": "en"}
        return await self._open({"width": 390, "height": 844}, f"help.html#/start?{urlencode(given)}")

    async def desk(self) -> Page:
        given = {"userId": "31007", "userName": "Selin Aksoy", "lang": "en"}
        return await self._open({"width": 1280, "height": 800}, f"agentchat.html#/auth?{urlencode(given)}")

    async def _open(self, viewport: dict[str, int], path: str) -> Page:
        context = await self.browser.new_context(viewport=viewport, reduced_motion="reduce")  # type: ignore[arg-type]
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(f"{self.server.url}/app/{path}")
        return page


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Queue]:
    executable = required_browser()
    async with running(tmp_path, agent_lost_after=LOST_S) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        opened = Queue(server, browser)
        yield opened
        await browser.close()
        assert opened.complaints == []


async def in_state(page: Page, state: str) -> None:
    await expect(page.locator("main")).to_have_attribute("data-state", state, timeout=WAIT_MS)


async def test_an_offer_is_taken_and_who_is_behind_comes_next(queue: Queue) -> None:
    ayse = await queue.phone("880214", "Ayşe Yıldız")
    await in_state(ayse, "waiting")
    await expect(ayse.locator("h1")).to_have_text("You are next")
    can = await queue.phone("880215", "Can Öztürk")
    await in_state(can, "waiting")
    await expect(can.get_by_text("1 person is ahead of you")).to_be_visible()

    desk = await queue.desk()
    await desk.get_by_role("switch", name="Away").click()
    await expect(desk.locator(".offer")).to_have_count(2, timeout=WAIT_MS)
    await desk.locator(".offer", has_text="Can Öztürk").get_by_role("button", name="Pass").click()
    await expect(desk.locator(".offer")).to_have_count(1, timeout=WAIT_MS)
    await desk.locator(".offer").get_by_role("button", name="Accept").click()
    await in_state(ayse, "connected")
    await expect(can.locator("h1")).to_have_text("You are next", timeout=WAIT_MS)


async def test_who_lost_the_agent_gets_the_place_back_with_one_tap(queue: Queue) -> None:
    ayse = await queue.phone("880214", "Ayşe Yıldız")
    await in_state(ayse, "waiting")
    can = await queue.phone("880215", "Can Öztürk")
    await in_state(can, "waiting")
    desk = await queue.desk()
    await desk.get_by_role("button", name="Accept: Ayşe Yıldız").click()
    await in_state(ayse, "connected")
    await expect(can.locator("h1")).to_have_text("You are next", timeout=WAIT_MS)

    await desk.context.close()
    await in_state(ayse, "ended")
    await expect(ayse.locator("main")).to_contain_text("you get your place in line back")
    await ayse.get_by_role("button", name="Ask again").click()
    await in_state(ayse, "waiting")
    await expect(ayse.locator("h1")).to_have_text("You are next", timeout=WAIT_MS)
    await expect(can.locator("h1")).not_to_have_text("You are next", timeout=WAIT_MS)
