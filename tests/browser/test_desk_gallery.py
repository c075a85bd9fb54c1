"""Every state of the agent desk: it says what it must, and everybody can read and use it.

Each state is looked at once a language, in a frame's width and a desktop's in turn, light and dark; with
DIYALOG_TEST_SCREENS=all in every width, language and scheme.
"""

import os
from itertools import cycle, product

import pytest
from playwright.async_api import Page

from browser.desk_screens import DESK_SCREENS
from browser.gallery import DESK, Gallery, every_state, show
from kit.site import ROOT

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
LEAST_TARGET = 32
ALL = os.environ.get("DIYALOG_TEST_SCREENS") == "all"
WIDTHS = (320, 390, 480, 899, 1280) if ALL else (480, 1280)
SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"

BROKEN = """(least) => {
  const broken = [];
  if (document.scrollingElement.scrollWidth > innerWidth) broken.push('scrolls sideways');
  for (const part of document.querySelectorAll('.pane, .log, .desk-main')) {
    if (part.scrollWidth > part.clientWidth + 1) broken.push(`${part.className} scrolls sideways`);
  }
  const heading = document.querySelector('h1').getBoundingClientRect();
  if (heading.width < 20 || heading.height < 10 || heading.right > innerWidth + 1) broken.push('no heading to be seen');
  for (const target of document.querySelectorAll('button, textarea')) {
    const { width, height } = target.getBoundingClientRect();
    if (width > 0 && (width < least || height < least)) broken.push(`${target.textContent}: ${width} x ${height}`);
  }
  for (const text of document.querySelectorAll('h1, h2, h3, p, li, span, button, dt, dd')) {
    if (text.closest('.visually-hidden, .desk-tool-word, .desk-agent') !== null) continue;
    const style = getComputedStyle(text);
    if (style.textTransform !== 'none') broken.push(`changes letters: ${text.textContent}`);
    if (style.display !== 'inline' && text.scrollWidth > text.clientWidth + 1) broken.push(`cut: ${text.textContent}`);
  }
  if (document.querySelector('[style]') !== null) broken.push('has a style of its own');
  return broken;
}"""


async def wrong_on(page: Page, name: str, lang: str, *, axe: bool = True) -> list[str]:
    """Everything that is wrong with the state that is shown."""
    screen = DESK_SCREENS[name]
    wrong: list[str] = await page.evaluate(BROKEN, LEAST_TARGET)
    heading = await page.inner_text("h1")
    if heading != (screen.turkish if lang == "tr" else screen.english):
        wrong.append(f"is headed {heading!r}")
    if await page.get_attribute("main", "data-state") != screen.state:
        wrong.append(f"is not {screen.state}")
    text = await page.inner_text("main")
    wrong += [f"does not show {part!r}" for part in screen.shown if part not in text]
    if await page.get_attribute("html", "lang") != lang:
        wrong.append("names the wrong language")
    title = await page.title()
    if "Ayşe" in title or "Mehmet" in title:
        wrong.append(f"names a customer in its title: {title}")
    if axe:
        await page.evaluate(AXE)
        found = await page.evaluate("() => axe.run()")
        wrong += [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found["violations"]]
    return [f"{name}, {lang}: {one}" for one in wrong]


async def test_the_gallery_shows_every_state(gallery: Gallery) -> None:
    assert await every_state(await gallery.page(width=390), DESK) == list(DESK_SCREENS)


@pytest.mark.parametrize("lang", ["tr", "en"])
async def test_each_state_is_clear(gallery: Gallery, lang: str) -> None:
    combinations = list(product(WIDTHS, ("light", "dark")))
    pages = [await gallery.page(width=width, height=720, scheme=scheme) for width, scheme in combinations]
    if lang == "en":
        pages.reverse()
    turns = cycle(pages)
    wrong = []
    for name in DESK_SCREENS:
        for page in pages if ALL else [next(turns)]:
            await show(page, name, lang, file=DESK)
            wrong += await wrong_on(page, name, lang)
    assert wrong == [], "\n".join(wrong)


NARROW = (
    list(DESK_SCREENS)
    if ALL
    else [
        "refused-sign-in",
        "not-waiting",
        "list",
        "list-unsure",
        "duty-missed",
        "offer-two",
        "chat",
        "chat-answers",
        "chat-end-failed",
        "chat-unsent",
        "customer",
        "notes-unsaved",
    ]
)


@pytest.mark.parametrize("lang", ["tr", "en"])
async def test_large_and_wide_text_breaks_nothing(gallery: Gallery, lang: str) -> None:
    """320 px is 1280 px at 400 %; text at 200 %; spacing as far as WCAG 2.2, 1.4.12 goes."""
    wrong = []
    for enlarge in ("html { font-size: 200% !important }", SPACED):
        page = await gallery.page(width=320, height=568, bypass_csp=True)
        for name in NARROW:
            await show(page, name, lang, file=DESK)
            await page.add_style_tag(content=enlarge)
            found = await wrong_on(page, name, lang, axe=False)
            wrong += [f"{enlarge}: {one}" for one in found if "style of its own" not in one]
        await page.context.close()
    assert wrong == [], "\n".join(wrong)


async def test_nothing_moves_at_the_desk(gallery: Gallery) -> None:
    page = await gallery.page(width=1280, reduced_motion="no-preference")
    for name in ("list-taking", "chat"):
        await show(page, name, "tr", file=DESK)
        assert await page.evaluate("() => document.getAnimations().length") == 0, name


async def test_the_keyboard_reaches_everything_in_reading_order(gallery: Gallery) -> None:
    page = await gallery.page(width=1280)
    await show(page, "chat", "en", file=DESK)
    assert await page.evaluate("document.activeElement.tagName") == "H1"
    reached = []
    for _ in range(14):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate(
                "(document.activeElement.ariaLabel ?? document.activeElement.textContent"
                " + (document.activeElement.id ? '#' + document.activeElement.id : '')).trim()"
            )
        )
        ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid", reached[-1]
    assert reached == [
        "Sound off",
        "Settings",
        "Türkçe",
        "Accept: Mehmet Kaya",
        "Accept: Zeynep Demir Yıldırımoğlu Karaosmanoğlu",
        "Accept: Customer ••••99",
        "ChatAyşe Yıldız",
        "ChatCan ÖztürkNo answer for 3 min22 new messages",
        "End",
        "Messages",
        "Ready answers",
        "#composer",
        "Send",
        "Show",
    ]


async def test_the_keys_are_listed_and_can_be_switched_off(gallery: Gallery) -> None:
    page = await gallery.page(width=480)
    await show(page, "chat", "en", file=DESK)
    await page.get_by_role("button", name="Settings").click()
    dialog = page.get_by_role("dialog", name="Settings")
    assert "Alt + E" in await dialog.inner_text()
    assert await dialog.get_by_role("checkbox", name="Use these keys").is_checked()
    await page.keyboard.press("Escape")
    assert not await dialog.is_visible()
