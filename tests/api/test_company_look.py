"""The company's look: what reaches the page, and that no colour makes it unreadable."""

import html
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.api.company_look import PLAIN, CompanyLook, Texts, read_texts
from diyalog.api.exchange import Answer
from diyalog.api.pages import Pages
from diyalog.setting_kinds import COLOUR, LINKS, NAME, PHONE, Kind

BUILT = (
    b'<meta name="diyalog-company" content=""><link rel="stylesheet" href="/app/theme.css">'
    b"<p>call us</p><!--phone-->" + b"<p>wait</p>" * 20
)
BANK = CompanyLook(
    name='Anadolu "Bankası" & <b>',
    phone="0850 000 00 00",
    colour="#c8102e",
    links=("tr: Şubeler https://bank.example/s", "FAQ https://bank.example/f?a=1&b=2"),
)


def brightness(colour: str) -> float:
    """Relative luminance, written from WCAG 2.2 and not taken from the program."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, two: str) -> float:
    low, high = sorted((brightness(one), brightness(two)))
    return (high + 0.05) / (low + 0.05)


def tones(look: CompanyLook) -> list[dict[str, str]]:
    theme = look.theme()
    assert theme is not None
    return [
        dict(re.findall(r"--([\w-]+):([^;]+);", block)) for block in re.findall(r"\{(--[^}]+)\}", theme[1].decode())
    ]


def test_the_page_carries_the_look_without_anything_inline(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "help.html").write_bytes(BUILT)
    pages = Pages(tmp_path, "1", (), BANK)

    def sent(path: str) -> Answer:
        file = pages.find(path)
        assert file is not None, path
        return file.plain

    page = sent("/app/help.html").body.decode()
    assert '<a href="tel:08500000000">0850 000 00 00</a>' in page
    assert not re.search(r"<b>|<style|<script|style=", page)
    sheet = re.search(r'href="(/app/assets/theme-[0-9a-f]{8}\.css)"', page)
    assert sheet is not None
    theme = dict(sent(sheet[1]).headers)
    assert theme[b"content-type"] == b"text/css; charset=utf-8"
    assert b"immutable" in theme[b"cache-control"]
    told = {
        "name": 'Anadolu "Bankası" & <b>',
        "phone": "0850 000 00 00",
        "links": [
            {"text": "Şubeler", "url": "https://bank.example/s", "lang": "tr"},
            {"text": "FAQ", "url": "https://bank.example/f?a=1&b=2"},
        ],
    }
    assert json.loads(sent("/app/company.json").body) == told
    written = re.search(r'name="diyalog-company" content="([^"]*)"', page)
    assert written is not None
    assert json.loads(html.unescape(written[1])) == told


def test_without_settings_nothing_is_loaded_for_the_look() -> None:
    page = PLAIN.on_page(BUILT)
    assert (b"theme" in page, b"tel:" in page, PLAIN.theme()) == (False, False, None)


@pytest.mark.parametrize(
    ("colour", "text", "as_text"),
    [
        ("#c8102e", "#ffffff", "#c8102e"),
        ("#f36f21", "#16211f", "#16211f"),
        ("#ffc72c", "#16211f", "#16211f"),
        ("#00a0af", "#16211f", "#16211f"),
    ],
)
def test_text_on_the_colour_and_in_it(colour: str, text: str, as_text: str) -> None:
    light = tones(CompanyLook(colour=colour))[0]
    assert (light["on-accent"], light["accent-text"]) == (text, as_text)
    assert light["accent-line"] == ("none" if as_text == colour else "underline")


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_every_colour_is_refused_or_readable_everywhere(colour: str) -> None:
    if max(ratio(colour, "#ffffff"), ratio(colour, "#16211f")) < 4.5:
        with pytest.raises(ValueError, match=r"only \d\.\d to 1"):
            COLOUR.from_text(colour)
        return
    assert COLOUR.from_text(colour) == colour
    light, dark, forced = tones(CompanyLook(colour=colour))
    assert forced == dark
    for tone, surface, ink in ((light, "#ffffff", "#16211f"), (dark, "#18201d", "#eaf0ed")):
        assert ratio(tone["accent"], tone["on-accent"]) >= 4.5
        assert ratio(tone["accent-strong"], tone["on-accent"]) >= 4.5
        assert ratio(tone["accent-text"], surface) >= 4.5
        assert ratio(tone["accent-mark"], surface) >= 3
        assert ratio(tone["accent-soft"], ink) >= 4.5


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (COLOUR, "red"),
        (COLOUR, "#fff"),
        (COLOUR, "#8a8a8a;}"),
        (NAME, "A\nB"),
        (NAME, "x" * 61),
        (PHONE, "call us"),
        (PHONE, "javascript:1"),
        (LINKS, "https://bank.example"),
        (LINKS, "Help javascript:alert(1)"),
    ],
)
def test_what_is_no_look_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        kind.from_text(text)


def png(width: int, height: int) -> bytes:
    """The head of a PNG file, which is all that is looked at."""
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"..."


def texts_of(folder: Path, text: str) -> Texts:
    file = folder / "texts.toml"
    file.write_text(text, encoding="utf-8")
    return read_texts(file)


def test_corners_alone_make_a_style_sheet() -> None:
    theme = CompanyLook(radius=13).theme()
    assert theme is not None
    assert dict(re.findall(r"--([\w-]+):([^;]+);", theme[1].decode())) == {
        "radius-large": "13px",
        "radius-small": "6px",
    }
    assert CompanyLook(radius=8).theme() is None, "that is how the pages were built"


def test_every_file_of_the_look_has_an_address_that_changes_with_it() -> None:
    look = CompanyLook(colour="#c8102e", logo=png(64, 32))
    (sheet, _), (logo, body) = look.files()
    assert body == png(64, 32)
    assert re.fullmatch(r"/app/assets/theme-[0-9a-f]{8}\.css", sheet)
    assert re.fullmatch(r"/app/assets/logo-[0-9a-f]{8}\.png", logo)
    assert json.loads(look.json())["logo"] == {"url": logo, "width": 64, "height": 32}
    ((other, _),) = CompanyLook(logo=png(64, 33)).files()
    assert other != logo
    assert list(PLAIN.files()) == []


def test_hours_and_texts_reach_the_page_as_text(tmp_path: Path) -> None:
    turkish = '[tr]\n"waiting.range" = "En çok {to} dk, en az {from}"\nreference = "No: {id} <b>"\n'
    own = texts_of(tmp_path, turkish + '[en]\n"stop.keep" = "Stay"\n')
    look = CompanyLook(hours={"tr": "Hafta içi 09.00–18.00"}, texts=own)
    told = json.loads(look.json())
    assert told["hours"] == {"tr": "Hafta içi 09.00–18.00"}
    assert told["texts"] == {
        "tr": {"waiting.range": "En çok {1} dk, en az {0}", "reference": "No: {0} <b>"},
        "en": {"stop.keep": "Stay"},
    }
    assert b"<b>" not in look.on_page(BUILT)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[tr\n", "is not a TOML file"),
        ('[de]\n"stop.keep" = "x"\n', "has 'de'; only the tables [tr] and [en] may stand there"),
        ('tr = "x"\n', "has 'tr'; only the tables"),
        ('[tr]\n"stop.kep" = "x"\n', "'stop.kep' in [tr] is no text of the page; write \"stop.keep\", in quotes"),
        ('[en]\nstop.keep = "x"\n', "'stop' in [en] is no text of the page; "),
        ('[en]\n"stop.keep" = 7\n', "'stop.keep' in [en] must be printable text on one line"),
        ('[en]\n"stop.keep" = " "\n', "'stop.keep' in [en] must be printable text on one line"),
        ('[en]\n"stop.keep" = """a\nb"""\n', "'stop.keep' in [en] must be printable text on one line"),
        (f'[en]\n"stop.keep" = "{"x" * 401}"\n', "at most 400 characters"),
        ('[en]\nreference = "Number"\n', "'reference' in [en] must have {id}, once, and no other braces"),
        ('[en]\nreference = "{id} {id}"\n', "must have {id}, once"),
        ('[en]\nreference = "{id} {}"\n', "must have {id}, once"),
        ('[en]\n"stop.keep" = "{id}"\n', "must have no variable, once"),
        ('[tr]\nreference = "{id}\'li talep"\n', "'reference' in [tr] glues a suffix to a variable"),
    ],
)
def test_texts_that_cannot_stand_on_the_page_are_refused(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        texts_of(tmp_path, text)
