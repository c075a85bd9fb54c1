"""Ready answers at the agent desk in a browser: found while writing, and changed by keyboard."""

from playwright.async_api import Page, expect

from browser.staff_server import StaffServer, desk_at_work


async def in_conversation(server: StaffServer) -> Page:
    """A desk with one conversation, and the keyboard where its agent writes."""
    server.waits("Mehmet Kaya")
    page = await server.open(customerId="881")
    await page.locator("#composer").focus()
    return page


async def test_a_slash_finds_an_answer_and_enter_takes_it() -> None:
    async with desk_at_work() as server:
        page = await in_conversation(server)
        composer = page.locator("#composer")
        await page.keyboard.type("Mr Kaya, /")
        await expect(page.get_by_role("option")).to_have_count(5)
        await expect(page.get_by_role("option", selected=True)).to_contain_text("/hello")
        await page.keyboard.type("mo")
        await expect(page.get_by_role("option")).to_have_count(2)
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("option", selected=True)).to_contain_text("/more")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        await expect(composer).to_have_value("Mr Kaya, One moment please, I am looking into it.")
        await expect(page.get_by_role("listbox")).to_have_count(0)
        await expect(page.locator(".message")).to_have_count(0)
        await page.keyboard.type(" /x")
        await expect(page.get_by_role("listbox")).to_have_count(0)
        await page.keyboard.press("Enter")
        await expect(page.locator(".message-own")).to_contain_text("looking into it. /x")


async def test_escape_leaves_what_is_typed() -> None:
    async with desk_at_work() as server:
        page = await in_conversation(server)
        await page.keyboard.type("/h")
        await expect(page.get_by_role("listbox")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("listbox")).to_have_count(0)
        await page.keyboard.type("e")
        await expect(page.get_by_role("listbox")).to_have_count(0)
        await page.keyboard.press("Enter")
        await expect(page.locator(".message-own")).to_contain_text("/he")


async def test_own_answers_are_written_changed_and_kept() -> None:
    async with desk_at_work() as server:
        page = await in_conversation(server)
        await page.get_by_role("button", name="Ready answers").press("Enter")
        dialog = page.get_by_role("dialog", name="Ready answers")
        await dialog.get_by_role("button", name="New answer").press("Enter")
        await expect(dialog.get_by_label("Shortcut")).to_be_focused()
        await page.keyboard.type("/HELLO")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Welcome to the bank.")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_role("alert")).to_have_text("Another answer has this shortcut.")
        await dialog.get_by_label("Shortcut").fill("wel come")
        await dialog.get_by_role("button", name="Save").press("Enter")
        await expect(page.locator("#answers-title")).to_be_focused()
        await dialog.get_by_role("button", name="Delete: /hello").press("Enter")
        await expect(page.locator("#answers-title")).to_be_focused()
        await dialog.get_by_role("button", name="Edit: /wel-come").press("Enter")
        await dialog.get_by_label("Text").fill("Welcome.")
        await dialog.get_by_role("button", name="Save").press("Enter")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()

        await page.reload()
        await page.get_by_role("button", name="Ready answers").press("Enter")
        await expect(dialog.get_by_text("/hello")).to_have_count(0)
        await dialog.get_by_role("button", name="Insert: /wel-come").press("Enter")
        await expect(page.locator("#composer")).to_be_focused()
        await expect(page.locator("#composer")).to_have_value("Welcome.")
        await page.keyboard.type(" /wel")
        await page.get_by_role("option").click()
        await expect(page.locator("#composer")).to_have_value("Welcome. Welcome.")
