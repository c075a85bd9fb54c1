"""Both pages on a real server: a customer's phone on one side, the agent's desk on the other."""

import re
from typing import Final

from playwright.async_api import Locator, Page, expect

from browser.test_desk_story import open_desk
from kit.site import Site

WAIT_MS = 15_000
_COMPOSER: Final = re.compile("^(Write to|Mesaj yazın)")


def composer(page: Page) -> Locator:
    """Where a message is written, on either page."""
    return page.get_by_role("textbox", name=_COMPOSER)


async def written(page: Page, text: str) -> None:
    await expect(page.get_by_role("log")).to_contain_text(text, timeout=WAIT_MS)


async def say(page: Page, text: str) -> None:
    box = composer(page)
    await box.fill(text)
    await box.press("Enter")
    await written(page, text)


async def show_page(page: Page, *, visibility: str) -> None:
    """Hide the page behind another app, or show it again: as the page itself learns it."""
    await page.evaluate(
        """(visibility) => {
            Object.defineProperty(document, "visibilityState", { value: visibility, configurable: true });
            document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
        }""",
        visibility,
    )


async def test_they_talk_through_a_reload_and_the_customer_ends(site: Site) -> None:
    context = await site.context()
    phone = await site.page(context, "880214")
    await expect(phone.locator("main")).to_have_attribute("data-state", "waiting", timeout=WAIT_MS)
    desk = await open_desk(site)
    await desk.get_by_role("button", name="Accept: Ayşe Yıldız").click()
    await expect(phone.locator("main")).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    await expect(phone.locator("h1")).to_contain_text("Selin Aksoy")
    await say(desk, "Merhaba, nasıl yardımcı olabilirim?")
    await written(phone, "Merhaba, nasıl yardımcı olabilirim?")
    await say(phone, "Kart limitim <b>az</b>")
    await written(desk, "Kart limitim <b>az</b>")
    await phone.reload()
    await expect(phone.locator("main")).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    await written(phone, "Merhaba, nasıl yardımcı olabilirim?")
    await written(phone, "Kart limitim <b>az</b>")
    await say(phone, "Orada mısınız?")
    await written(desk, "Orada mısınız?")
    await phone.get_by_role("button", name="Görüşmeyi bitir").click()
    await phone.get_by_role("dialog").get_by_role("button", name="Görüşmeyi bitir").click()
    await expect(phone.locator("main")).to_have_attribute("data-state", "ended", timeout=WAIT_MS)
    await expect(desk.locator(".over")).to_contain_text("The customer ended it", timeout=WAIT_MS)
    await written(phone, "Orada mısınız?")


async def test_a_lost_network_loses_nothing(site: Site) -> None:
    context = await site.context()
    phone = await site.page(context, "880214")
    await expect(phone.locator("main")).to_have_attribute("data-state", "waiting", timeout=WAIT_MS)
    desk = await open_desk(site)
    await desk.get_by_role("button", name="Accept: Ayşe Yıldız").click()
    await expect(phone.locator("main")).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    await context.set_offline(True)
    await say(phone, "çevrimdışı yazıldı")
    await say(desk, "Bağlantınız koptu mu?")
    await context.set_offline(False)
    await written(phone, "Bağlantınız koptu mu?")
    await written(desk, "çevrimdışı yazıldı")
    await expect(phone.get_by_role("log").get_by_text("çevrimdışı yazıldı")).to_have_count(1)
    await expect(desk.get_by_role("log").get_by_text("çevrimdışı yazıldı")).to_have_count(1)


async def test_each_side_sees_that_the_other_writes_and_has_read(site: Site) -> None:
    context = await site.context()
    phone = await site.page(context, "880214")
    await expect(phone.locator("main")).to_have_attribute("data-state", "waiting", timeout=WAIT_MS)
    desk = await open_desk(site)
    await desk.get_by_role("button", name="Accept: Ayşe Yıldız").click()
    await expect(phone.locator("main")).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    await composer(phone).press_sequentially("Kart", delay=30)
    await expect(desk.get_by_text("is typing")).to_be_visible(timeout=WAIT_MS)
    await composer(desk).press_sequentially("Bir", delay=30)
    await expect(phone.get_by_text("Selin Aksoy yazıyor")).to_be_visible(timeout=WAIT_MS)
    await expect(phone.get_by_text("Selin Aksoy yazıyor")).to_have_count(0, timeout=WAIT_MS)
    await phone.reload()
    await expect(composer(phone)).to_have_value("Kart", timeout=WAIT_MS)
    await say(phone, "Kart limitim")
    await expect(phone.locator(".said-own .said-more")).to_contain_text("Okundu", timeout=WAIT_MS)
    await say(desk, "Hemen bakıyorum")
    await expect(desk.get_by_role("log").get_by_text("Read", exact=False)).to_be_visible(timeout=WAIT_MS)
    await phone.reload()
    await expect(composer(phone)).to_have_value("", timeout=WAIT_MS)
    await expect(phone.locator(".said-own .said-more")).to_contain_text("Okundu", timeout=WAIT_MS)


async def test_only_what_somebody_sees_is_told_as_read(site: Site) -> None:
    context = await site.context()
    phone = await site.page(context, "880214")
    await expect(phone.locator("main")).to_have_attribute("data-state", "waiting", timeout=WAIT_MS)
    desk = await open_desk(site)
    await desk.get_by_role("button", name="Accept: Ayşe Yıldız").click()
    await expect(phone.locator("main")).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    mark = desk.get_by_role("log").locator(".message-more").last
    await say(desk, "Şartlarımız" + "\nBir satır daha." * 80)
    await expect(mark).to_contain_text("Read", timeout=WAIT_MS)

    await phone.evaluate("scrollTo({ top: 0 })")
    await say(desk, "Onaylıyor musunuz?")
    await written(phone, "Onaylıyor musunuz?")
    await expect(mark).to_contain_text("Delivered", timeout=WAIT_MS)
    await phone.evaluate("scrollTo({ top: document.documentElement.scrollHeight })")
    await expect(mark).to_contain_text("Read", timeout=WAIT_MS)

    await show_page(phone, visibility="hidden")
    await say(desk, "Orada mısınız?")
    await written(phone, "Orada mısınız?")
    await expect(mark).to_contain_text("Delivered", timeout=WAIT_MS)
    await show_page(phone, visibility="visible")
    await expect(mark).to_contain_text("Read", timeout=WAIT_MS)
