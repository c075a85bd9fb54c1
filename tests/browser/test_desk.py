"""The agent desk at work in a browser: by keyboard, cut off, in a frame, and for those who do not see it."""

import pytest
from playwright.async_api import Page, expect

from browser.condition import holds
from browser.staff_server import CRM, DESK, STRANGER, desk_at_work, link


async def says(page: Page, text: str) -> None:
    """Wait until the status region has said this."""
    await expect(page.locator("#status")).to_have_text(text)


async def focused(page: Page) -> str:
    found: str = await page.evaluate(
        "(({ id, ariaLabel, textContent }) => id || ariaLabel || textContent)(document.activeElement)"
    )
    return found


async def test_a_conversation_by_keyboard_alone() -> None:
    async with desk_at_work() as server:
        mehmet, zeynep = server.waits("Mehmet Kaya"), server.waits("Zeynep Demir")
        page = await server.open()
        await expect(page.get_by_text("Mehmet Kaya", exact=True)).to_be_visible()
        assert await page.evaluate("document.activeElement.tagName") == "H1"
        await page.keyboard.press("Alt+KeyN")
        assert await focused(page) == "Accept: Mehmet Kaya"
        await page.keyboard.press("Alt+KeyN")
        assert await focused(page) == "Accept: Zeynep Demir"
        await page.keyboard.press("Enter")
        await holds(page, "document.activeElement.id === 'composer'")
        await page.keyboard.type("Merhaba")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("Buyurun")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message-own")).to_contain_text("Merhaba\nBuyurun")
        await expect(page.locator("#composer")).to_have_value("")
        assert [message["text"] for message in zeynep.messages] == ["Merhaba\nBuyurun"]

        await page.keyboard.press("Alt+KeyN")
        await page.keyboard.press("Enter")
        await expect(page.locator("#chat-title")).to_have_text("Mehmet Kaya")
        server.says(zeynep, "Teşekkürler")
        await says(page, "New message from Zeynep Demir.")
        await holds(page, "document.title === '(1) Agent desk'")
        await page.keyboard.press("Alt+Digit1")
        await holds(page, "document.title === 'Agent desk'")
        assert await focused(page) == "composer"

        await page.keyboard.press("Alt+KeyE")
        assert await focused(page) == "No"
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator(".over")).to_contain_text("You ended it.")
        await holds(page, "document.activeElement.className === 'over-title'")
        await says(page, "The conversation with Zeynep Demir is over. You ended it.")
        assert (mehmet.state, zeynep.state) == ("CONNECTED", "ENDED")


async def test_ending_is_taken_back_by_itself() -> None:
    async with desk_at_work() as server:
        session = server.waits("Mehmet Kaya")
        page = await server.open(customerId="881")
        await page.get_by_role("button", name="End", exact=True).click()
        await expect(page.get_by_role("button", name="Yes")).to_be_visible()
        await expect(page.get_by_role("button", name="End", exact=True)).to_be_visible(timeout=8_000)
        assert await focused(page) == "End"
        assert session.state == "CONNECTED"


async def test_losing_says_why_and_goes_to_the_next_row() -> None:
    async with desk_at_work() as server:
        lost = server.waits("Mehmet Kaya")
        server.waits("Zeynep Demir")
        lost.ended = {"outcome": "CONNECTED", "agentName": "Deniz Ak"}
        page = await server.open()
        await page.get_by_role("button", name="Accept: Mehmet Kaya").press("Enter")
        await says(page, "Deniz Ak took it.")
        assert await focused(page) == "Accept: Zeynep Demir"
        await expect(page.get_by_text("Mehmet Kaya", exact=True)).to_have_count(0, timeout=8_000)
        assert await focused(page) == "Accept: Zeynep Demir"


async def test_nothing_secret_stays_in_the_address_and_a_reload_goes_on() -> None:
    async with desk_at_work() as server:
        server.waits("Mehmet Kaya")
        page = await server.open(customerId="881")
        await expect(page.locator("#chat-title")).to_have_text("Mehmet Kaya")
        assert page.url == f"{DESK}/app/agentchat.html#/desk?lang=en"
        assert "secret" not in await page.evaluate("JSON.stringify(sessionStorage)")
        assert await page.evaluate("document.cookie + localStorage.length") == "0"
        await page.reload()
        await expect(page.locator("#chat-title")).to_have_text("Mehmet Kaya")
        await expect(page.locator(".pane-waiting")).to_have_count(0)
        assert server.calls.count("POST /sessions") == 1
        assert server.calls.count("POST /conversations") == 1


async def test_what_is_written_while_cut_off_is_sent_afterwards() -> None:
    async with desk_at_work() as server:
        session = server.waits("Mehmet Kaya")
        server.waits("Zeynep Demir")
        page = await server.open(lang="tr")
        await page.get_by_role("button", name="Kabul et: Mehmet Kaya").click()
        await expect(page.locator("#composer")).to_be_focused()
        server.offline = True
        await server.hangs_up(1011)
        await expect(page.locator(".bar")).to_contain_text("Bağlantı yok")
        assert await page.get_attribute("main", "data-state") == "offline"
        accept = page.get_by_role("button", name="Kabul et: Zeynep Demir")
        await expect(accept).to_have_attribute("aria-disabled", "true")
        await expect(accept).to_have_accessible_description("Bağlantı gelince yeniden kabul edebilirsiniz.")
        await page.keyboard.type("Saklandı")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message-own")).to_contain_text("Gönderilmeyi bekliyor")
        await holds(page, "/Bağlantı yok/.test(document.getElementById('status').textContent)")
        server.offline = False
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.locator(".message-own")).not_to_contain_text("Gönderilmeyi bekliyor", timeout=20_000)
        await says(page, "Yeniden bağlandınız.")
        assert [message["text"] for message in session.messages] == ["Saklandı"]


async def test_a_desk_that_is_opened_elsewhere_is_covered_until_it_is_taken_back() -> None:
    async with desk_at_work() as server:
        page = await server.open()
        await expect(page.locator("main")).to_have_attribute("data-state", "open")
        await expect(page.get_by_text("No one is waiting")).to_be_visible()
        await server.hangs_up(4409)
        await expect(page.locator("h1")).to_have_text("This desk is open in another window")
        assert await page.title() == "This desk is open in another window – Agent desk"
        await page.get_by_role("button", name="Use it here").click()
        await expect(page.locator("main")).to_have_attribute("data-state", "open")


async def test_a_sign_in_that_is_refused_says_its_code_and_is_tried_again() -> None:
    async with desk_at_work() as server:
        server.refuses = True
        page = await server.open()
        await expect(page.locator("main")).to_contain_text("DLGEXCPSRV_TKNNOTVLD")
        assert await focused(page) == "We could not check your sign-in"
        server.refuses = False
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator("main")).to_have_attribute("data-state", "open")


async def test_the_language_is_switched_in_place() -> None:
    async with desk_at_work() as server:
        page = await server.open()
        await page.get_by_role("button", name="Türkçe").click()
        await expect(page.locator("h1")).to_have_text("Temsilci masası")
        assert await page.get_attribute("html", "lang") == "tr"
        assert page.url.endswith("#/desk?lang=tr")


async def test_the_keys_can_be_switched_off_and_stay_so() -> None:
    async with desk_at_work() as server:
        server.waits("Mehmet Kaya")
        page = await server.open()
        await expect(page.get_by_text("Mehmet Kaya", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Settings").click()
        await page.get_by_role("checkbox", name="Use these keys").uncheck()
        await page.get_by_role("button", name="Close").click()
        await page.reload()
        await expect(page.get_by_text("Mehmet Kaya", exact=True)).to_be_visible()
        await page.keyboard.press("Alt+KeyN")
        assert await page.evaluate("document.activeElement.className") != "desk-button accept"


HEIGHT = "button => button.getBoundingClientRect().height"


async def test_rows_and_buttons_are_larger_where_the_agent_wants_it() -> None:
    async with desk_at_work() as server:
        server.waits("Mehmet Kaya")
        page = await server.open()
        accept = page.get_by_role("button", name="Accept: Mehmet Kaya")
        assert await accept.evaluate(HEIGHT) == 32
        await page.get_by_role("button", name="Settings").click()
        await page.get_by_role("checkbox", name="Larger rows and buttons").check()
        await page.get_by_role("button", name="Close").click()
        assert await accept.evaluate(HEIGHT) == 48
        await page.reload()
        assert await accept.evaluate(HEIGHT) == 48


async def test_notifications_are_asked_for_by_the_agent_only() -> None:
    async with desk_at_work() as server:
        server.waits("Mehmet Kaya")
        page = await server.open()
        switch = page.get_by_role("checkbox", name="Notify me when I am not looking at the desk")
        await page.context.grant_permissions(["notifications"])
        await page.get_by_role("button", name="Settings").click()
        await expect(switch).not_to_be_checked()
        await switch.check()
        await expect(switch).to_be_checked()
        await page.reload()
        await page.get_by_role("button", name="Settings").click()
        await expect(switch).to_be_checked()
        await page.context.clear_permissions()
        await switch.uncheck()
        await switch.click()
        await expect(page.get_by_text("The browser does not allow notifications here.")).to_be_visible()
        await expect(switch).not_to_be_checked()


async def test_the_outer_page_is_told_under_its_own_origin() -> None:
    async with desk_at_work() as server:
        session = server.waits("Mehmet Kaya")
        page = await server.page()
        await page.goto(f"{CRM}/")
        await page.evaluate(
            "address => { document.getElementById('desk').src = address }",
            f"{DESK}/app/agentchat.html#/auth?{link(customerId='881', lang='tr')}",
        )
        desk = page.frame_locator("#desk")
        await expect(desk.locator("#chat-title")).to_have_text("Mehmet Kaya")
        await expect(desk.locator(".pane-waiting")).to_have_count(0)
        server.ends(session, "customer")
        await expect(desk.locator(".over")).to_contain_text("Müşteri bitirdi.")
        await holds(page, "heard.length === 2")
        about = {"type": "diyalog", "userId": "31007", "conversationId": "1", "customerId": "881"}
        assert await page.evaluate("heard") == [
            [DESK, {**about, "event": "chatStarted"}],
            [DESK, {**about, "event": "chatEnded", "reason": "customer"}],
        ]


async def test_no_other_page_may_frame_the_desk() -> None:
    async with desk_at_work() as server:
        page = await server.page()
        await page.goto(f"{STRANGER}/")
        async with page.expect_event("framenavigated", lambda frame: frame != page.main_frame):
            await page.evaluate(
                "address => { document.getElementById('desk').src = address }",
                f"{DESK}/app/agentchat.html#/auth?{link()}",
            )
        assert server.calls == []
        assert await page.evaluate("heard") == []
        assert any("frame-ancestors" in complaint for complaint in server.complaints)
        server.complaints.clear()


async def test_a_note_is_written_by_keyboard_and_stays_with_the_staff() -> None:
    async with desk_at_work() as server:
        session = server.waits("Mehmet Kaya")
        page = await server.open(customerId="881")
        note = page.get_by_label("Note (the customer does not see this)")
        await note.focus()
        await page.keyboard.type("Gelir belgesi")
        await page.keyboard.press("Enter")
        await page.keyboard.type("geldi")
        assert server.notes == []
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator(".note")).to_contain_text("Gelir belgesi\ngeldi", use_inner_text=True)
        await expect(page.locator(".note")).to_contain_text("Selin Aksoy")
        await says(page, "Note saved.")
        assert (server.notes, session.messages) == (["Gelir belgesi\ngeldi"], [])
        await expect(page.locator(".message")).to_have_count(0)
        server.ends(session, "customer")
        await expect(page.locator(".over")).to_be_visible()
        await expect(note).to_be_editable()


async def test_a_supervisor_closes_a_request_by_keyboard_and_is_asked_once() -> None:
    async with desk_at_work() as server:
        server.rights = ["agent", "supervisor"]
        mehmet, zeynep = server.waits("Mehmet Kaya"), server.waits("Zeynep Demir")
        page = await server.open()
        await page.get_by_role("button", name="Close request: Mehmet Kaya").press("Enter")
        assert await focused(page) == "No"
        await page.keyboard.press("Enter")
        assert await focused(page) == "Close request: Mehmet Kaya"
        await page.keyboard.press("Enter")
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await says(page, "The request was closed.")
        await expect(page.locator(".row-lost")).to_contain_text("Mehmet Kaya")
        assert await focused(page) == "Accept: Zeynep Demir"
        assert (mehmet.state, zeynep.state) == ("ENDED", "WAITING")


@pytest.mark.parametrize("width", [390, 480])
async def test_one_column_shows_one_part_at_a_time(width: int) -> None:
    async with desk_at_work(width) as server:
        server.waits("Mehmet Kaya")
        page = await server.open()
        await page.get_by_role("button", name="Accept: Mehmet Kaya").click()
        await expect(page.locator(".pane-chat")).to_be_visible()
        await expect(page.locator(".pane-waiting")).to_be_hidden()
        await page.get_by_role("button", name="Customer").click()
        await expect(page.locator(".pane-customer")).to_contain_text("••••81")
        assert server.revealed == []
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator(".pane-customer")).to_contain_text("881")
        assert server.revealed == [server.sessions[0].session_id], "it is written down that they were looked at"
        await page.get_by_role("button", name="Hide").click()
        await expect(page.locator(".pane-customer")).to_contain_text("••••81")
        assert len(server.revealed) == 1
        await expect(page.locator(".pane-chat")).to_be_hidden()
