"""Every screen of the customer's page: it says what it must, and everybody can read and use it.

Each screen is looked at once a language at a phone's width, light and dark in turn; with DIYALOG_TEST_SCREENS=all in
every width, language and scheme, and with large and widely spaced text.
"""

import os
from itertools import product

import pytest
from playwright.async_api import Page

from browser.gallery import Gallery, every_state, show
from browser.screens import SCREENS
from kit.site import ROOT

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
LEAST_TARGET = 48
ALL = os.environ.get("DIYALOG_TEST_SCREENS") == "all"
WIDTHS = (320, 390, 1280) if ALL else (390,)
SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"

BROKEN = """(least) => {
  const broken = [];
  const page = document.scrollingElement;
  if (page.scrollWidth > innerWidth) broken.push(`scrolls sideways: ${page.scrollWidth}`);
  const heading = document.querySelector('h1').getBoundingClientRect();
  if (heading.width < 20 || heading.height < 10 || heading.right > innerWidth + 1) broken.push('no heading to be seen');
  for (const target of document.querySelectorAll('button, a, select, summary')) {
    const { width, height } = target.getBoundingClientRect();
    if (width > 0 && (width < least || height < least)) {
      broken.push(`${target.textContent}: ${width} x ${height}`);
    }
  }
  for (const text of document.querySelectorAll('h1, h2, p, li, span, button, a')) {
    if (text.classList.contains('visually-hidden')) continue;
    const style = getComputedStyle(text);
    if (style.textTransform !== 'none') broken.push(`changes letters: ${text.textContent}`);
    if (style.display !== 'inline' && text.scrollWidth > text.clientWidth + 1) broken.push(`cut: ${text.textContent}`);
  }
  return broken;
}"""


async def wrong_on(page: Page, name: str, lang: str, *, axe: bool = True) -> list[str]:
    """Everything that is wrong with the screen that is shown."""
    screen = SCREENS[name]
    wrong: list[str] = await page.evaluate(BROKEN, LEAST_TARGET)
    heading = await page.inner_text("h1")
    if heading != (screen.turkish if lang == "tr" else screen.english):
        wrong.append(f"is headed {heading!r}")
    if await page.get_attribute("main", "data-state") != screen.state:
        wrong.append(f"is not {screen.state}")
    text = await page.inner_text("main")
    wrong += [f"does not show {part!r}" for part in screen.shown if part not in text]
    if screen.reference and "880214" not in text:
        wrong.append("gives no reference number")
    if "Anadolu Bankası" not in await page.inner_text("header"):
        wrong.append("does not name the company")
    if await page.get_attribute("html", "lang") != lang:
        wrong.append("names the wrong language")
    if axe:
        await page.evaluate(AXE)
        found = await page.evaluate("() => axe.run()")
        wrong += [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found["violations"]]
    return [f"{name}, {lang}: {one}" for one in wrong]


async def test_the_gallery_shows_every_screen(gallery: Gallery) -> None:
    assert await every_state(await gallery.page(width=390)) == list(SCREENS)


@pytest.mark.parametrize("lang", ["tr", "en"])
async def test_each_screen_is_clear(gallery: Gallery, lang: str) -> None:
    schemes = ("light", "dark")
    pages = [await gallery.page(width=width, scheme=scheme) for width, scheme in product(WIDTHS, schemes)]
    wrong = []
    for number, name in enumerate(SCREENS):
        for page in pages if ALL else [pages[(number + (lang == "en")) % 2]]:
            await show(page, name, lang)
            wrong += await wrong_on(page, name, lang)
    assert wrong == []


NARROW = (
    list(SCREENS)
    if ALL
    else ["choose", "longer", "cut-off-long", "devices-running", "devices-refused", "stop-asked", "not-delivered-long"]
)


@pytest.mark.parametrize("lang", ["tr", "en"])
async def test_large_and_wide_text_breaks_nothing(gallery: Gallery, lang: str) -> None:
    """320 px is 1280 px at 400 %; text at 200 %; spacing as far as WCAG 2.2, 1.4.12 goes."""
    wrong = []
    for enlarge in ("html { font-size: 200% !important }", SPACED):
        page = await gallery.page(width=320, height=568, bypass_csp=True)
        for name in NARROW:
            await show(page, name, lang)
            await page.add_style_tag(content=enlarge)
            wrong += [f"{enlarge}: {one}" for one in await wrong_on(page, name, lang, axe=False)]
        await page.context.close()
    assert wrong == [], "\n".join(wrong)


async def test_forced_colours_keep_every_shape(gallery: Gallery) -> None:
    page = await gallery.page(width=390, forced_colors="active")
    for name in ("waiting", "longer", "stop-asked"):
        await show(page, name, "tr")
        bare = await page.evaluate(
            """() => [...document.querySelectorAll('.button, .note, .fact')].filter(one => {
                 const style = getComputedStyle(one);
                 return style.borderLeftStyle === 'none' || parseFloat(style.borderLeftWidth) < 1;
               }).map(one => one.className)"""
        )
        assert bare == [], name


async def test_nothing_moves_for_those_who_do_not_want_it(gallery: Gallery) -> None:
    moving = "() => document.getAnimations().length"
    calm = await gallery.page(width=390)
    await show(calm, "waiting", "tr")
    assert await calm.evaluate(moving) == 0
    lively = await gallery.page(width=390, reduced_motion="no-preference")
    await show(lively, "waiting", "tr")
    assert await lively.evaluate(moving) > 0, "otherwise the check above would see nothing either"


async def test_the_keyboard_reaches_everything_in_reading_order(gallery: Gallery) -> None:
    page = await gallery.page(width=390)
    await show(page, "longer", "en")
    assert await page.evaluate("document.activeElement.tagName") == "H1"
    reached = []
    for key in (*["Tab"] * 5, *["Shift+Tab"] * 5):
        await page.keyboard.press(key)
        reached.append(await page.evaluate("document.activeElement.textContent.trim()"))
        ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid", reached[-1]
        covered = await page.evaluate(
            """() => { const { left, top, width, height } = document.activeElement.getBoundingClientRect();
                 const front = document.elementFromPoint(left + width / 2, top + height / 2);
                 return !document.activeElement.contains(front); }"""
        )
        assert not covered, reached[-1]
    down = ["Keep waiting", "Call 0850 000 00 00", "Sound off", "Hide the time", "Stop waiting"]
    assert reached == [*down, *down[3::-1], "Türkçe"]
