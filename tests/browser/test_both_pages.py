"""Both pages on a real server: a customer's phone on one side, the agent's desk on the other."""

from playwright.async_api import Page, expect

from browser.test_desk_story import open_desk
from kit.site import Site

WAIT_MS = 15_000


async def written(page: Page, text: str) -> None:
    await expect(page.get_by_role("log")).to_contain_text(text, timeout=WAIT_MS)


async def say(page: Page, text: str) -> None:
    box = page.get_by_role("textbox").last
    await box.fill(text)
    await box.press("Enter")
    await written(page, text)


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
