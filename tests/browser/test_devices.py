"""Camera and microphone tried during the wait, with the browser's own pretended devices."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright, expect

from browser.condition import holds
from browser.test_waiting_page import axe_violations
from kit.site import FLAGS, Site, find_browser, reaches

PRETENDED = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"
LIVE = """(picture => picture !== null && picture.srcObject.active && picture.videoWidth > 0 && !picture.paused)
(document.querySelector('video'))"""


@asynccontextmanager
async def waiting(site: Site, *flags: str, help_type: str = "video_call", lang: str = "en") -> AsyncIterator[Page]:
    """A customer who waits, in a browser with these flags; every stream it opened is kept in `window.opened`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=[*FLAGS, *flags])
        context = await browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
        await context.add_init_script(
            """window.opened = [];
               const media = navigator.mediaDevices;
               const ask = media.getUserMedia.bind(media);
               media.getUserMedia = async (wanted) => {
                 const stream = await ask(wanted);
                 window.opened.push(stream);
                 return stream;
               };"""
        )
        page = await site.page(context, "880214", helpType=help_type, lang=lang)
        await reaches(page, "waiting")
        yield page
        await browser.close()


async def all_off(page: Page) -> bool:
    off: bool = await page.evaluate("opened.every(stream => !stream.active)")
    return off


async def test_camera_and_microphone_are_tried_and_told_in_words(site: Site) -> None:
    async with waiting(site, PRETENDED, ALLOWED) as page:
        assert await page.evaluate("opened.length") == 0, "nothing is switched on by itself"
        await page.get_by_role("button", name="Try camera and microphone").click()
        main = page.locator("main")
        await expect(page.get_by_role("heading", name="Camera and microphone")).to_be_focused()
        await holds(page, LIVE)
        await expect(main).to_contain_text("Both work. No one sees you until you join.")
        await expect(page.get_by_role("status")).to_have_text("Both work. No one sees you until you join.")
        await holds(page, "document.querySelector('meter').value > 0")
        assert await axe_violations(page) == []
        microphone = page.get_by_label("Microphone", exact=True)
        await microphone.focus()
        await microphone.select_option(index=1)
        await holds(page, "opened.length === 2 && !opened[0].active")
        await holds(page, LIVE)
        await expect(microphone).to_be_focused()
        chosen = "opened[1].getAudioTracks()[0].getSettings().deviceId === document.querySelector('select').value"
        assert await page.evaluate(chosen)
        await expect(main).to_contain_text("Both work.")
        await page.get_by_role("button", name="Close the test").press("Enter")
        await expect(page.get_by_role("button", name="Try camera and microphone")).to_be_focused()
        assert await all_off(page)


async def test_a_voice_call_tries_the_microphone_only_and_the_end_of_the_wait_switches_it_off(site: Site) -> None:
    async with waiting(site, PRETENDED, ALLOWED, help_type="voice_call", lang="tr") as page:
        await page.get_by_role("button", name="Mikrofonu dene").click()
        await expect(page.locator("main")).to_contain_text("Mikrofonunuz çalışıyor.")
        assert await page.locator("video").count() == 0
        assert await page.evaluate("opened[0].getVideoTracks().length") == 0
        await site.company.not_delivered(interactionId=site.interaction(), message="Yarın deneyin.")
        await reaches(page, "ended")
        assert await all_off(page)


async def test_a_refusal_is_explained_with_another_way(site: Site) -> None:
    async with waiting(site, PRETENDED) as page:
        await page.get_by_role("button", name="Try camera and microphone").click()
        refused = "The app or the browser does not let us use your camera."
        await expect(page.locator("main")).to_contain_text(refused)
        await expect(page.get_by_role("status")).to_contain_text(refused)
        await page.get_by_text("How to allow it").press("Enter")
        await expect(page.get_by_text("your place in line is kept")).to_be_visible()
        assert await axe_violations(page) == []
        await page.context.grant_permissions(["microphone"])
        await page.get_by_role("button", name="Talk without a picture").click()
        await expect(page.locator("main")).to_contain_text("Your microphone works.")
        await page.get_by_role("button", name="Close the test").click()
        await expect(page.get_by_role("button", name="Try camera and microphone")).to_be_visible()


async def test_a_missing_camera_is_said(site: Site) -> None:
    async with waiting(site, ALLOWED, lang="tr") as page:
        await page.get_by_role("button", name="Kamera ve mikrofonu dene").click()
        await expect(page.locator("main")).to_contain_text("Kamera bulamadık.")
        await expect(page.get_by_role("button", name="Görüntüsüz konuş")).to_be_visible()


async def test_the_page_lets_itself_use_the_devices_and_nobody_else(site: Site) -> None:
    page = await site.page(await site.context(), "880214")
    await reaches(page, "waiting")
    answer = await page.request.get(f"{site.server.url}/app/help.html")
    allowed = [part.strip() for part in answer.headers["permissions-policy"].split(",")]
    assert {"camera=(self)", "microphone=(self)"} <= set(allowed)


async def test_somebody_who_asked_to_write_is_offered_no_camera(site: Site) -> None:
    page = await site.page(await site.context(), "880214", lang="en")
    await reaches(page, "waiting")
    assert await page.get_by_role("button", name="Try").count() == 0
