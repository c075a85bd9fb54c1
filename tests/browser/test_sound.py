"""The sound when somebody joins: two notes once, and only for a customer who switched it on."""

import json
from typing import Any

from playwright.async_api import Page, WebSocketRoute, expect

from kit.site import Site, reaches

LISTEN = """window.notes = []; window.shakes = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) { notes.push(this.frequency.value); return start.call(this, at); };
navigator.vibrate = (ms) => { shakes.push(ms); return true; };"""


class Line:
    """The page's event stream with a hand on it: an agent who joins can be put into it."""

    def __init__(self) -> None:
        self.seq = 0
        self.session = ""
        self.page: WebSocketRoute | None = None

    def __call__(self, route: WebSocketRoute) -> None:
        self.page = route
        server = route.connect_to_server()

        def heard(message: str | bytes) -> None:
            told: dict[str, Any] = json.loads(message)
            if "seq" in told:
                self.seq, self.session = told["seq"], told["sessionId"]
            route.send(message)

        def said(message: str | bytes) -> None:
            # The server never sent the agent, so it must not be told that the page has received it.
            if json.loads(message)["type"] != "ack":
                server.send(message)

        server.on_message(heard)
        route.on_message(said)

    def join(self, name: str) -> None:
        assert self.page is not None
        data = {"outcome": "CONNECTED", "reason": None, "message": None, "interactionId": "1", "agentName": name}
        event = {"type": "event", "sessionId": self.session, "seq": self.seq + 1, "event": "wait.ended"}
        self.page.send(json.dumps({**event, "at": "2026-11-02T11:36:00.000Z", "data": data}))


async def listening(site: Site) -> tuple[Page, Line]:
    context = await site.context()
    await context.add_init_script(LISTEN)
    line = Line()
    await context.route_web_socket("**/v1/client/events", line)
    page = await site.page(context, "880214", helpType="voice_call")
    await reaches(page, "waiting")
    return page, line


async def test_two_notes_for_those_who_switched_them_on(site: Site) -> None:
    page, line = await listening(site)
    off = page.get_by_role("switch", name="Ses kapalı")
    await expect(off).not_to_be_checked()
    await off.press("Enter")
    await expect(page.get_by_role("switch", name="Ses açık")).to_be_checked()
    assert await page.evaluate("notes") == [], "the switch itself makes no sound"
    line.join("Selin Aksoy")
    await reaches(page, "connected")
    low, high = await page.evaluate("notes")
    assert low < high
    assert await page.evaluate("shakes") == [200]
    await expect(page.get_by_role("status")).to_have_attribute("aria-live", "assertive")
    await page.reload()
    assert await page.evaluate("notes") == []


async def test_silence_for_everybody_else(site: Site) -> None:
    page, line = await listening(site)
    await page.get_by_role("button", name="Süreyi gizle").click()
    line.join("Selin Aksoy")
    await reaches(page, "connected")
    assert await page.evaluate("[notes, shakes]") == [[], []]


async def test_the_tab_remembers_the_switch_and_says_how_it_stands(site: Site) -> None:
    page, line = await listening(site)
    await page.get_by_role("switch").click()
    await expect(page.get_by_role("switch", name="Ses açık")).to_be_visible()
    await page.reload()
    await reaches(page, "waiting")
    # A tap anywhere gives the browser's permission back, where it was lost with the reload.
    await page.get_by_role("button", name="Süreyi gizle").click()
    await expect(page.get_by_role("switch", name="Ses açık")).to_be_checked()
    line.join("Selin Aksoy")
    await reaches(page, "connected")
    assert len(await page.evaluate("notes")) == 2
