"""The web SDK as another company's page uses it, in a real browser, on a real server."""

import re

import aiohttp
from playwright.async_api import BrowserContext, Page

from kit.site import Site

MESSAGE = "Şu an kimse yok.\nYarın deneyin. <b>Teşekkürler</b>"
LIMIT_MS = 20_000

ASK = """async (customerId) => {
  window.told = [];
  window.diyalog = new Diyalog({ url: location.origin });
  diyalog.on("help", (help) => { told.push(help.state); window.help = help; });
  diyalog.on("connection", (change) => told.push(change.state + " " + (change.code ?? "")));
  diyalog.on("wait.ended", (end) => { window.ended = end; });
  const restored = await diyalog.restore(customerId);
  if (!restored) await diyalog.activate({ customerId, deviceHash: "d" });
  const request = { helpType: "chat" };
  const open = await diyalog.currentHelp();
  const [first, second] = open ? [open, open]
    : await Promise.all([diyalog.startHelp(request), diyalog.startHelp(request)]);
  diyalog.follow(first);
  return [restored, first.sessionId === second.sessionId, first.sessionId];
}"""
"""What an app does when its screen opens, with a double tap in it."""


LOAD = """([src, integrity, type]) => new Promise((resolve) => {
  const script = Object.assign(document.createElement("script"), { src, integrity, type, crossOrigin: "anonymous" });
  script.onload = () => resolve("loaded");
  script.onerror = () => resolve("refused");
  document.head.append(script);
})"""


async def integrity_of(site: Site, file: str) -> tuple[str, str]:
    """The versioned address of a file of the SDK, and its hash, as `/docs` prints them."""
    async with aiohttp.ClientSession() as session, session.get(f"{site.server.url}/docs") as answer:
        page = await answer.text()
    found = re.search(rf"href='(/sdk/[^']+/{re.escape(file)})'.+?<code>(sha384-[^<]+)</code></td></tr>", page)
    assert found is not None
    return found[1], found[2]


async def app(site: Site, context: BrowserContext) -> Page:
    """An empty page at the server's origin; one that stands in for the company's own."""
    page = await context.new_page()
    page.on("pageerror", lambda error: site.complaints.append(str(error)))
    await page.goto(f"{site.server.url}/livez")
    return page


async def load(site: Site, page: Page, file: str = "diyalog.global.js", hashed: str = "") -> str:
    """Load a file of the SDK as a script, with its own hash or that of the file `hashed`; what became of it."""
    source, _ = await integrity_of(site, file)
    _, integrity = await integrity_of(site, hashed or file)
    outcome = await page.evaluate(LOAD, [source, integrity, "module" if file == "diyalog.js" else ""])
    return str(outcome)


async def opened(site: Site, context: BrowserContext) -> Page:
    """That page with the SDK as a classic script."""
    page = await app(site, context)
    assert await load(site, page) == "loaded"
    return page


async def until(page: Page, condition: str) -> None:
    await page.wait_for_function(condition, timeout=LIMIT_MS)


async def test_a_customer_waits_reloads_and_is_told(site: Site) -> None:
    context = await site.context()
    page = await opened(site, context)
    restored, one_wait, session_id = await page.evaluate(ASK, "880214")
    assert (restored, one_wait) == (False, True)
    await until(page, "told.includes('open ')")
    offset = await page.evaluate("Math.abs(diyalog.serverNow() - Date.now())")
    assert offset < 1_000, "server and browser share this machine's clock"

    await page.reload()
    assert await load(site, page) == "loaded"
    restored, _, again = await page.evaluate(ASK, "880214")
    assert (restored, again) == (True, session_id)
    await until(page, "told.includes('open ')")
    assert len(site.queue.ledger.interactions) == 1, "double tap and reload made one wait"

    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await until(page, "window.ended !== undefined && told.includes('closed 1000')")
    ended = await page.evaluate("window.ended")
    assert (ended["sessionId"], ended["outcome"], ended["message"]) == (session_id, "NOT_DELIVERED", MESSAGE)
    assert await page.evaluate("diyalog.currentHelp()") is None, "the end is acknowledged"


async def test_the_end_is_held_until_the_app_is_done_with_it(site: Site) -> None:
    page = await opened(site, await site.context())
    await page.evaluate(ASK, "880215")
    await page.evaluate(
        "void diyalog.on('wait.ended', () => new Promise((resolve) => { window.shown = resolve; }))",
    )
    await until(page, "told.includes('open ')")
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await until(page, "window.shown !== undefined")
    unread = await page.evaluate("diyalog.currentHelp()")
    assert unread["message"] == MESSAGE, "not acknowledged while the app is showing it"
    await page.evaluate("shown()")
    await until(page, "told.includes('closed 1000')")


async def test_two_tabs_hand_the_wait_over(site: Site) -> None:
    context = await site.context()
    first = await opened(site, context)
    await first.evaluate(ASK, "880216")
    await until(first, "told.includes('open ')")
    second = await opened(site, context)
    await second.evaluate(ASK, "880216")
    await until(second, "told.includes('open ')")
    await until(first, "told.includes('closed 4409')")
    await first.evaluate("told.length = 0; diyalog.useHere()")
    await until(first, "told.includes('open ')")
    await until(second, "told.includes('closed 4409')")
    # The tab that follows is closed: the other goes on by itself.
    await second.evaluate("told.length = 0")
    await first.close(run_before_unload=False)
    await until(second, "told.includes('open ')")
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await until(second, "window.ended !== undefined")
    assert len(site.queue.ledger.interactions) == 1


async def test_a_killed_server_and_a_lost_network_lose_no_end(site: Site) -> None:
    context = await site.context()
    page = await opened(site, context)
    await page.evaluate(ASK, "880217")
    await until(page, "told.includes('open ')")
    await site.server.kill()
    await until(page, "told.some((one) => one.startsWith('lost'))")
    await context.set_offline(True)
    await site.server.start()
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await context.set_offline(False)
    await until(page, "window.ended !== undefined && told.includes('closed 1000')")
    assert (await page.evaluate("window.ended"))["message"] == MESSAGE


async def test_a_cancel_that_came_too_late_tells_the_outcome(site: Site) -> None:
    page = await opened(site, await site.context())
    _, _, session_id = await page.evaluate(ASK, "880218")
    await page.evaluate("diyalog.unfollow()")
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    result = await page.evaluate("(id) => diyalog.cancel(id)", session_id)
    assert result["cancelled"] is False
    assert (result["help"]["outcome"], result["help"]["message"]) == ("NOT_DELIVERED", MESSAGE)


async def test_the_files_run_only_as_they_were_hashed(site: Site) -> None:
    page = await app(site, await site.context())
    assert await load(site, page, "diyalog.js", hashed="diyalog.global.js") == "refused"
    assert await load(site, page, "diyalog.global.js", hashed="diyalog.js") == "refused"
    assert await page.evaluate("typeof Diyalog") == "undefined"
    assert await load(site, page, "diyalog.global.js") == "loaded"
    assert await page.evaluate("typeof Diyalog") == "function"


async def test_the_module_is_imported_from_the_server(site: Site) -> None:
    page = await app(site, await site.context())
    assert await load(site, page, "diyalog.js") == "loaded"
    source, _ = await integrity_of(site, "diyalog.js")
    names = await page.evaluate("(source) => import(source).then(Object.keys)", source)
    assert {"Diyalog", "DiyalogError", "errorText"} <= set(names)
