"""The customer's waiting page in a real browser, on a real server."""

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from kit.site import ROOT, Site, reaches

MESSAGE = "Tüm temsilcilerimiz görüşmede.\nHafta içi 14:00'ten sonra deneyin. <b>Teşekkürler</b>"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


async def axe_violations(page: Page) -> list[str]:
    """What axe finds wrong, run under the page's own policy."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate("() => axe.run()")
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found["violations"]]


async def test_the_customer_is_told_why_nobody_came(site: Site) -> None:
    page = await site.page(await site.context(), "880214")
    await reaches(page, "waiting")
    await expect(page.locator("h1")).to_have_text("Sıradasınız")
    await expect(page.get_by_text("7700418")).to_be_visible()
    assert await axe_violations(page) == []
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await reaches(page, "ended")
    await expect(page.locator("main")).to_contain_text(MESSAGE, use_inner_text=True)
    assert await page.locator("main b").count() == 0, "text of the company is never markup"
    assert "Sizi bir temsilciye bağlayamadık" in await page.title()
    assert await axe_violations(page) == []
    assert (await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")) is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "lang", "title"), [(320, "en", "You are in line"), (1280, "tr", "Sıradasınız")])
async def test_every_size_language_and_scheme_is_readable(
    site: Site, scheme: str, width: int, lang: str, title: str
) -> None:
    context = await site.context(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page = await site.page(context, "880214", lang=lang)
    await reaches(page, "waiting")
    await expect(page.locator("h1")).to_have_text(title)
    assert await page.get_attribute("html", "lang") == lang
    assert await axe_violations(page) == []
    assert (await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")) is True


async def test_a_reload_goes_on_with_the_same_wait(site: Site) -> None:
    page = await site.page(await site.context(), "880214")
    await reaches(page, "waiting")
    for _ in range(2):
        await page.reload()
        await reaches(page, "waiting")
    assert len(site.queue.ledger.interactions) == 1
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await reaches(page, "ended")
    await page.reload()
    await reaches(page, "ended")
    await expect(page.locator("main")).to_contain_text("Teşekkürler")
    assert len(site.queue.ledger.interactions) == 1, "it never starts again by itself"


async def test_asking_again_starts_a_new_wait(site: Site) -> None:
    page = await site.page(await site.context(), "880214")
    await reaches(page, "waiting")
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await reaches(page, "ended")
    await page.get_by_role("button", name="Yeniden iste").dblclick()
    await reaches(page, "waiting")
    assert len(site.queue.ledger.interactions) == 2, "a second tap does nothing"


async def test_secrets_leave_the_address(site: Site) -> None:
    page = await site.page(await site.context(), "880214", deviceHash="dh", transactionHash="0" * 40)
    await page.wait_for_url(lambda url: "transactionHash" not in url)
    assert "customerId=880214" in page.url
    assert "0" * 40 not in page.url


async def test_the_token_lives_in_this_tab_only(site: Site) -> None:
    context = await site.context()
    page = await site.page(context, "880214")
    await reaches(page, "waiting")
    kept: dict[str, str] = await page.evaluate("({ ...sessionStorage })")
    holding = [name for name, text in kept.items() if "token" in text and json.loads(text)["token"]]
    assert holding == ["diyalog.help.880214"]
    assert await page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert await page.evaluate("indexedDB.databases()") == []
    token = json.loads(kept[holding[0]])["token"]
    assert token not in page.url
    other = await site.page(context, "880214")
    await reaches(other, "waiting")
    assert token not in json.dumps(await other.evaluate("({ ...sessionStorage })"))


async def test_stopping_asks_first_and_keeps_waiting_by_default(site: Site) -> None:
    page = await site.page(await site.context(), "880214")
    await reaches(page, "waiting")
    stop = page.get_by_role("button", name="Beklemeyi bırak")
    await stop.first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert await page.get_attribute("main", "data-state") == "waiting"
    await stop.first.focus()
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Beklemeyi bırak").click()
    await reaches(page, "ended")
    await expect(page.locator("h1")).to_contain_text("Beklemeyi bıraktınız")
    await site.queue.wait_for(lambda ledger: ledger.interactions[0].deleted_at is not None)


async def test_stopping_too_late_shows_how_the_wait_ended(site: Site) -> None:
    page = await site.page(await site.context(), "880214")
    await reaches(page, "waiting")
    # The browser's stream is held up, so the page does not know yet that the wait has ended.
    await page.get_by_role("button", name="Beklemeyi bırak").first.click()
    ended = await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    assert ended.json["isSuccess"] is True
    await reaches(page, "ended")
    await expect(page.locator("main")).to_contain_text("Teşekkürler")


async def test_a_killed_server_is_waited_for_and_the_outcome_still_arrives(site: Site) -> None:
    page = await site.page(await site.context(), "880214")
    await reaches(page, "waiting")
    await site.server.kill()
    await expect(page.locator("main")).to_contain_text("Yeniden bağlanıyor", timeout=20_000)
    await site.server.start()
    await site.company.not_delivered(interactionId=site.interaction(), message=MESSAGE)
    await reaches(page, "ended")
    await expect(page.locator("main")).to_contain_text("Teşekkürler")


async def test_a_lost_network_is_said_only_when_it_matters_and_ends_quietly(site: Site) -> None:
    context = await site.context()
    page = await site.page(context, "880214")
    await reaches(page, "waiting")
    await context.set_offline(True)
    await reaches(page, "offline")
    await context.set_offline(False)
    await reaches(page, "waiting")
    assert len(site.queue.ledger.interactions) == 1


async def test_a_second_tab_takes_the_wait_over_and_gives_it_back(site: Site) -> None:
    context = await site.context()
    first = await site.page(context, "880214")
    await reaches(first, "waiting")
    second = await site.page(context, "880214")
    await reaches(second, "waiting")
    await expect(first.locator("h1")).to_contain_text("başka bir ekranda")
    open_sessions = {one.session_id for one in site.queue.ledger.interactions if one.deleted_at is None}
    assert len(open_sessions) == 1
    await first.get_by_role("button", name="Buradan devam et").click()
    await expect(first.locator("h1")).to_have_text("Sıradasınız")


async def test_a_queue_that_refuses_is_said_in_words(site: Site) -> None:
    site.queue.script("create", "refuse=closed")
    page = await site.page(await site.context(), "880214", lang="en")
    await reaches(page, "ended")
    await expect(page.locator("h1")).to_contain_text("We can't take this kind of request right now")
    assert "closed" not in await page.inner_text("main"), "the queue's own words are not for customers"


async def test_changes_are_announced_once(site: Site) -> None:
    context = await site.context()
    page = await site.page(context, "880214", lang="en")
    await reaches(page, "waiting")
    await page.evaluate(
        """() => { window.said = []; new MutationObserver(() => {
             const text = document.querySelector('[role=status]').textContent.trim();
             if (text) window.said.push(text);
           }).observe(document.querySelector('[role=status]'),
                      {childList: true, characterData: true, subtree: true}); }"""
    )
    await site.company.not_delivered(interactionId=site.interaction(), message="Please call tomorrow.")
    await reaches(page, "ended")
    await expect(page.get_by_role("status")).to_contain_text("Please call tomorrow.")
    said = json.loads(await page.evaluate("JSON.stringify(window.said)"))
    focused = await page.evaluate("document.activeElement.tagName")
    assert said == ["Please call tomorrow."], "the message is spoken once"
    assert focused == "H1", "the outcome is spoken by moving to its heading"
