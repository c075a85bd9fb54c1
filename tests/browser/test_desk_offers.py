"""Offers at the agent desk in a browser: they come before everything, are heard of, and are answered by keyboard."""

from playwright.async_api import Page, expect

from browser.condition import holds
from browser.staff_server import StaffServer, desk_at_work

FAR = "2027-11-02T11:36:20.000Z"


async def on_duty(server: StaffServer) -> Page:
    """A desk whose agent takes offers."""
    server.available = True
    page = await server.open()
    await expect(page.get_by_role("switch", name="Available")).to_be_checked()
    return page


async def test_offers_are_answered_by_keyboard_from_wherever_the_agent_works() -> None:
    async with desk_at_work() as server:
        mehmet = server.waits("Mehmet Kaya")
        page = await on_duty(server)
        await page.get_by_role("button", name="Accept: Mehmet Kaya").click()
        await expect(page.locator("#composer")).to_be_focused()
        await page.keyboard.type("Merhaba")
        ayse, zeynep = server.waits("Ayşe Yıldız"), server.waits("Zeynep Demir")
        server.offers(ayse, zeynep, until=FAR)
        await expect(page.locator(".offer")).to_have_count(2)
        await expect(page.locator("#status")).to_have_text("Offered to you: Ayşe Yıldız.")
        await holds(page, "document.title === 'Offered to you – Agent desk'")
        # Nothing takes the keyboard from somebody who is writing.
        await expect(page.locator("#composer")).to_be_focused()
        await page.keyboard.press("Alt+KeyP")
        await expect(page.locator(".offer")).to_have_count(1)
        await page.keyboard.press("Alt+KeyA")
        await expect(page.locator("#chat-title")).to_have_text("Zeynep Demir")
        assert "POST /offers/2/decline" in server.calls
        assert (mehmet.state, ayse.state, zeynep.state) == ("CONNECTED", "WAITING", "CONNECTED")


async def test_an_offer_that_goes_says_why_and_leaves_the_keyboard_at_the_desk() -> None:
    async with desk_at_work(390) as server:
        ayse = server.waits("Ayşe Yıldız")
        page = await on_duty(server)
        server.offers(ayse, until=FAR)
        await page.get_by_role("button", name="Pass: Ayşe Yıldız").focus()
        server.available = False
        server.offers(reason="missed")
        await expect(page.locator(".offer")).to_contain_text("Not answered in time")
        await expect(page.locator(".duty-note")).to_contain_text("You are away, because an offer was not answered")
        await holds(page, "document.activeElement.id === 'waiting-title'")
        await page.get_by_role("button", name="I am back").click()
        await expect(page.get_by_role("switch", name="Available")).to_be_checked()
        await expect(page.locator(".duty-note")).to_have_count(0)
        await expect(page.locator(".offer")).to_have_count(0, timeout=10_000)


async def test_the_sound_is_switched_on_by_a_click_and_remembered() -> None:
    async with desk_at_work() as server:
        page = await on_duty(server)
        await page.get_by_role("switch", name="Sound off").click()
        await expect(page.get_by_role("switch", name="Sound on")).to_be_checked()
        await page.reload()
        await page.locator("h1").click()
        await expect(page.get_by_role("switch", name="Sound on")).to_be_checked()
