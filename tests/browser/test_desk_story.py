"""The agent desk on a real server: a customer's app on one side, an agent in a browser on the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Page, async_playwright, expect

from kit.server import Customer, Stream, running
from kit.site import FLAGS, Site, required_browser


@dataclass
class Waiting:
    """A customer whose app is there, and the session in which they wait."""

    customer: Customer
    session: str

    async def read(self) -> list[tuple[str, str]]:
        """What was written, as the app reads it."""
        reply = await self.customer.ask("GET", f"/v1/client/help/{self.session}/messages?after=0")
        return [(message["author"], message["text"]) for message in reply.json["messages"]]

    async def write(self, message_id: str, text: str) -> None:
        fields = {"id": message_id, "text": text}
        reply = await self.customer.ask("POST", f"/v1/client/help/{self.session}/messages", fields)
        assert reply.status == 201, reply.text


@asynccontextmanager
async def waiting(site: Site, customer_id: str, name: str) -> AsyncIterator[Waiting]:
    async with Customer(site.server.url, customer_id) as customer:
        assert (await customer.activate(customerName=name)).status == 201
        started = await customer.start(attachedData={"topic": "Limit artırma"})
        assert started.json["state"] == "WAITING"
        yield Waiting(customer, started.json["sessionId"])


async def open_desk(site: Site, **parameters: str) -> Page:
    context = await site.context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    page.on("pageerror", lambda error: site.complaints.append(str(error)))
    given = {"userId": "31007", "userName": "Selin Aksoy", "lang": "en", **parameters}
    await page.goto(f"{site.server.url}/app/agentchat.html#/auth?{urlencode(given)}")
    return page


async def numbered(stream: Stream, count: int) -> list[dict[str, Any]]:
    """The next events that count; signs of writing and of reading come between them as they like."""
    told: list[dict[str, Any]] = []
    for _ in range(50):
        frame = await stream.next()
        if "seq" in frame:
            told.append(frame)
        if len(told) == count:
            break
    return told


async def test_a_customer_waits_an_agent_comes_and_they_talk(site: Site) -> None:
    async with waiting(site, "880214", "Ayşe Yıldız") as ayse:
        page = await open_desk(site)
        await expect(page.locator(".row")).to_contain_text("Limit artırma")
        async with ayse.customer.follow(ayse.session, after=1) as stream:
            await page.get_by_role("button", name="Accept: Ayşe Yıldız").click()
            assert (await stream.event("wait.ended"))["data"]["agentName"] == "Selin Aksoy"
            assert (await stream.event("chat.state"))["data"]["state"] == "CHAT_INPROGRESS"
            await expect(page.locator("#composer")).to_be_focused()
            await ayse.write("a1", "Merhaba\n<b>İğ</b>")
            await expect(page.locator(".message").first).to_contain_text("Merhaba\n<b>İğ</b>", use_inner_text=True)
            await page.keyboard.type("Buyurun")
            await page.keyboard.press("Enter")
            await expect(page.locator(".message-own")).to_contain_text("Buyurun")
            written = await numbered(stream, 2)  # the desk shows a message before it is stored
            assert [event["data"]["text"] for event in written] == ["Merhaba\n<b>İğ</b>", "Buyurun"]
            assert await ayse.read() == [("customer", "Merhaba\n<b>İğ</b>"), ("agent", "Buyurun")]
            await expect(page.locator(".chat-head")).to_contain_text("Here")
            await page.keyboard.press("Alt+KeyE")
            await page.get_by_role("button", name="Yes").click()
            await expect(page.locator(".over")).to_contain_text("You ended it.")
            (told,) = await numbered(stream, 1)
            assert told["event"] == "chat.state"
            assert told["data"] == {"state": "CHAT_ENDED", "endedBy": "agent"}


async def test_a_customer_who_stops_waiting_goes_from_the_line(site: Site) -> None:
    async with waiting(site, "880214", "Ayşe Yıldız") as ayse:
        page = await open_desk(site)
        await expect(page.get_by_role("button", name="Accept: Ayşe Yıldız")).to_be_visible()
        assert (await ayse.customer.cancel(ayse.session)).status == 200
        await expect(page.locator(".row-loss")).to_have_text("Not waiting any more")
        await expect(page.get_by_text("No one is waiting")).to_be_visible(timeout=10_000)


async def test_opened_for_one_customer_who_ends_the_conversation(site: Site) -> None:
    async with waiting(site, "880214", "Ayşe Yıldız") as ayse:
        page = await open_desk(site, customerId="880214", lang="tr")
        await expect(page.locator("#chat-title")).to_have_text("Ayşe Yıldız")
        await ayse.write("a1", "Orada mısınız?")
        await expect(page.locator(".log")).to_contain_text("Orada mısınız?")
        assert (await ayse.customer.ask("POST", f"/v1/client/help/{ayse.session}/end")).status == 200
        await expect(page.locator(".over")).to_contain_text("Müşteri bitirdi.")
        again = await open_desk(site, customerId="880214", lang="tr")
        await expect(again.locator("h1")).to_have_text("Bu müşteri artık beklemiyor")


async def test_notes_stay_with_the_staff_and_come_back_with_the_customer(site: Site) -> None:
    async with waiting(site, "880214", "Ayşe Yıldız") as ayse:
        page = await open_desk(site, customerId="880214")
        await page.locator("#note").fill("Gelir belgesi geldi")
        await page.get_by_role("button", name="Save note").click()
        await expect(page.locator(".note")).to_contain_text("Selin Aksoy")
        assert await ayse.read() == []
        await page.get_by_role("button", name="End", exact=True).click()
        await page.get_by_role("button", name="Yes").click()
        await expect(page.locator(".over")).to_be_visible()
        await page.locator("#note").fill("Yarın aranacak")
        await page.get_by_role("button", name="Save note").click()
        await expect(page.locator(".note").last).to_contain_text("Selin Aksoy")
        assert (await ayse.customer.start()).json["state"] == "WAITING"
        again = await open_desk(site, customerId="880214", userId="31008", userName="Deniz Ak")
        await expect(again.locator(".note")).to_have_count(2)
        await expect(again.locator(".note").first).to_contain_text("Gelir belgesi geldi")
        await expect(again.locator(".note").first).to_contain_text("earlier conversation")


async def test_a_server_that_is_killed_loses_nothing_of_the_conversation(site: Site) -> None:
    async with waiting(site, "880214", "Ayşe Yıldız") as ayse:
        page = await open_desk(site)
        await page.get_by_role("button", name="Accept: Ayşe Yıldız").click()
        await expect(page.locator("#composer")).to_be_focused()
        await page.keyboard.type("before")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message-own")).to_contain_text("before")
        await site.server.kill()
        await expect(page.locator("main")).to_have_attribute("data-state", "offline", timeout=10_000)
        await page.keyboard.type("while it was down")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message-own").last).to_contain_text("Waiting to be sent")
        await site.server.start()
        await expect(page.locator("main")).to_have_attribute("data-state", "open", timeout=30_000)
        await expect(page.locator(".message-own").last).not_to_contain_text("Waiting", timeout=20_000)
        assert await ayse.read() == [("agent", "before"), ("agent", "while it was down")]


async def test_a_supervisor_closes_a_request_and_the_customer_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, supervisors="31001") as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=required_browser(), args=FLAGS)
        async with Customer(server.url, "880214") as ayse:
            await ayse.activate(customerName="Ayşe Yıldız")
            session = (await ayse.start()).json["sessionId"]
            page = await browser.new_page()
            given = {"userId": "31001", "userName": "Deniz Ak", "lang": "en"}
            await page.goto(f"{server.url}/app/agentchat.html#/auth?{urlencode(given)}")
            await page.get_by_role("button", name="Close request: Ayşe Yıldız").click()
            await page.get_by_role("button", name="Yes").click()
            await expect(page.locator(".row-loss")).to_have_text("The request was closed")
            ended = (await ayse.read(session)).json
            assert (ended["outcome"], ended["reason"]) == ("CANCELLED", "administrator")
        await browser.close()
