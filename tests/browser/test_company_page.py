"""The page of a company that has set its look, served by a real server with the built-in queue."""

from pathlib import Path

from playwright.async_api import async_playwright, expect

from browser.condition import holds
from browser.test_company_colours import red_picture
from kit.server import running
from kit.site import FLAGS, reaches, required_browser

LOOK = {
    "company_name": "Anadolu Bankası",
    "company_phone": "0850 000 00 00",
    "company_colour": "#c8102e",
    "company_links": "tr: Şubelerimiz https://bank.example/subeler",
    "company_hours_tr": "Hafta içi 09.00–18.00",
    "company_radius": "12",
}


async def test_every_part_of_the_look_reaches_the_customer(tmp_path: Path) -> None:
    executable = required_browser()
    complaints = []
    logo, texts = tmp_path / "logo.png", tmp_path / "texts.toml"
    logo.write_bytes(red_picture(200, 100))
    texts.write_text('[tr]\n"ended.stoppedText" = "Dilediğinizde yeniden isteyin."\n', encoding="utf-8")
    look = {**LOOK, "company_logo": str(logo), "company_texts": str(texts)}
    async with running(tmp_path, **look) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{server.url}/app/help.html#/start?customerId=880214&helpType=chat&lang=tr")
        await reaches(page, "waiting")
        await expect(page.locator("header")).to_contain_text("Anadolu Bankası")
        await expect(page).to_have_title("Sıradaki sizsiniz – Anadolu Bankası")
        # What is hidden stays hidden, also in the other language and after a reload.
        await page.get_by_role("button", name="Süreyi gizle").click()
        await page.get_by_role("button", name="English").click()
        await expect(page.locator("h1")).to_have_text("You are next")
        await page.reload()
        await expect(page.get_by_role("button", name="Show the time")).to_be_visible()
        await page.get_by_role("button", name="Türkçe").click()
        await page.get_by_role("button", name="Beklemeyi bırak").first.click()
        await page.get_by_role("dialog").get_by_role("button", name="Beklemeyi bırak").click()
        await reaches(page, "ended")
        again = page.get_by_role("button", name="Yeniden iste")
        assert await again.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(200, 16, 46)"
        assert await again.evaluate("one => getComputedStyle(one).borderTopLeftRadius") == "12px"
        await expect(page.locator("main")).to_contain_text("Dilediğinizde yeniden isteyin.")
        await holds(page, "document.querySelector('header img').naturalWidth === 200")
        old = await (await browser.new_context(java_script_enabled=False)).new_page()
        await old.goto(f"{server.url}/app/help.html")
        await expect(old.get_by_role("link", name="0850 000 00 00")).to_be_visible()
        await browser.close()
    assert complaints == []
