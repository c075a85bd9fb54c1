"""The company's own look on the customer's page: name, phone, hours, links, texts, logo, corners and one colour.

They come from the settings, checked there, and reach the page without inline style or script: words as JSON in a
`<meta>`, colour and corners as a style sheet and the logo as a picture, each with an address of its own. Contrasts are
those of WCAG 2.2, 1.4.3 and 1.4.11.
"""

import difflib
import html
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final, Protocol

from diyalog.setting_kinds import DARK_TEXT, WHITE, contrast

_READABLE: Final = 4.5
_SEEN: Final = 3.0
_DARK_SURFACE: Final = "#18201d"
_META: Final = b'<meta name="diyalog-company" content="">'
_SHEET: Final = b'<link rel="stylesheet" href="/app/theme.css">'
_PHONE: Final = b"<!--phone-->"
_OWN_RADIUS: Final = 8
"""The corners as the pages were built, in pixels."""
_LANGUAGES: Final = ("tr", "en")
_LONGEST_TEXT: Final = 400
_VARIABLE: Final = re.compile(r"\{(\w+)\}")

Texts = Mapping[str, Mapping[str, str]]
"""Texts by language and name, as in `waiting.lead`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyLook:
    """Whose pages these are. `colour` is `#rrggbb`; a link is `text url`, or `tr: text url` for one language only.

    `hours` and `texts` are by language, texts also by name, their variables in braces; `logo` is a PNG file's bytes.
    """

    name: str | None = None
    phone: str | None = None
    colour: str | None = None
    links: tuple[str, ...] = ()
    radius: int = _OWN_RADIUS
    hours: Mapping[str, str] = field(default_factory=dict)
    texts: Texts = field(default_factory=dict)
    logo: bytes | None = None

    def json(self) -> bytes:
        """What `/app/company.json` says."""
        told: dict[str, object] = {"name": self.name, "phone": self.phone, "links": [_link(one) for one in self.links]}
        if self.hours:
            told["hours"] = dict(self.hours)
        if self.texts:
            told["texts"] = _numbered(self.texts)
        if self.logo is not None:
            width, height = (int.from_bytes(self.logo[at : at + 4], "big") for at in (16, 20))
            told["logo"] = {"url": _address("logo", self.logo, "png"), "width": width, "height": height}
        return json.dumps(told, ensure_ascii=False).encode()

    def theme(self) -> tuple[str, bytes] | None:
        """Path and text of the style sheet, None without a colour or corners. The path changes with the text."""
        corners = "" if self.radius == _OWN_RADIUS else _corners(self.radius)
        sheet = corners + ("" if self.colour is None else _sheet(self.colour))
        body = sheet.encode()
        return (_address("theme", body, "css"), body) if sheet else None

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path and contents of every file that the look is made of. Paths change with the contents."""
        if theme := self.theme():
            yield theme
        if self.logo is not None:
            yield _address("logo", self.logo, "png"), self.logo

    def on_page(self, page: bytes) -> bytes:
        """Write the look into a built page."""
        theme = self.theme()
        sheet = b"" if theme is None else f'<link rel="stylesheet" href="{theme[0]}">'.encode()
        content = html.escape(self.json().decode()).encode()
        phone = "" if self.phone is None else _call(self.phone)
        return (
            page.replace(_META, _META.replace(b'content=""', b'content="%s"' % content))
            .replace(_SHEET, sheet)
            .replace(_PHONE, phone.encode())
        )


PLAIN: Final = CompanyLook()
"""No company is named: the pages look as they were built."""


class LookSettings(Protocol):
    """The settings of the look, under their own names."""

    @property
    def company_name(self) -> str | None:
        """`DIYALOG_COMPANY_NAME`."""

    @property
    def company_phone(self) -> str | None:
        """`DIYALOG_COMPANY_PHONE`."""

    @property
    def company_colour(self) -> str | None:
        """`DIYALOG_COMPANY_COLOUR`."""

    @property
    def company_links(self) -> tuple[str, ...]:
        """`DIYALOG_COMPANY_LINKS`."""

    @property
    def company_hours_tr(self) -> str | None:
        """`DIYALOG_COMPANY_HOURS_TR`."""

    @property
    def company_hours_en(self) -> str | None:
        """`DIYALOG_COMPANY_HOURS_EN`."""

    @property
    def company_logo(self) -> Path | None:
        """`DIYALOG_COMPANY_LOGO`."""

    @property
    def company_radius(self) -> int:
        """`DIYALOG_COMPANY_RADIUS`."""

    @property
    def company_texts(self) -> Path | None:
        """`DIYALOG_COMPANY_TEXTS`."""


def read_look(settings: LookSettings) -> CompanyLook:
    """The look that settings describe, its files read. Raises as `read_texts`."""
    hours = {"tr": settings.company_hours_tr, "en": settings.company_hours_en}
    return CompanyLook(
        name=settings.company_name,
        phone=settings.company_phone,
        colour=settings.company_colour,
        links=settings.company_links,
        radius=settings.company_radius,
        hours={lang: text for lang, text in hours.items() if text is not None},
        logo=None if settings.company_logo is None else settings.company_logo.read_bytes(),
        texts={} if settings.company_texts is None else read_texts(settings.company_texts),
    )


def read_texts(file: Path) -> Texts:
    """A company's own texts from its TOML file, checked against the page's.

    Raises OSError where there is no file, and ValueError with a sentence for the operator: of a text that the page does
    not have, or that leaves out one of its variables.
    """
    try:
        given = tomllib.loads(file.read_bytes().decode())
    except ValueError as wrong:
        raise ValueError(f"is not a TOML file: {wrong}") from None
    variables = _variables()
    for lang, texts in given.items():
        if lang not in _LANGUAGES or not isinstance(texts, dict):
            raise ValueError(f"has {lang!r}; only the tables [tr] and [en] may stand there")
        for name, text in texts.items():
            if name not in variables:
                near = difflib.get_close_matches(name, variables, n=1)
                instead = f'write "{near[0]}", in quotes' if near else "remove it"
                raise ValueError(f"{name!r} in [{lang}] is no text of the page; {instead}")
            if wrong_text := _wrong_with(text, lang, variables[name]):
                raise ValueError(f"{name!r} in [{lang}] {wrong_text}")
    return given


def _wrong_with(text: object, lang: str, variables: Sequence[str]) -> str | None:
    if not isinstance(text, str) or not text.isprintable() or not 0 < len(text.strip()) <= _LONGEST_TEXT:
        return f"must be printable text on one line, of at most {_LONGEST_TEXT} characters"
    if sorted(_VARIABLE.findall(text)) != sorted(variables) or re.search(r"[{}]", _VARIABLE.sub("", text)):
        wanted = ", ".join(f"{{{name}}}" for name in variables) or "no variable"
        return f"must have {wanted}, once, and no other braces"
    if lang == "tr" and re.search(r"\}['’\w]", text):
        return "glues a suffix to a variable; write the variable apart"
    return None


def _variables() -> dict[str, list[str]]:
    """The variables of every text of the page that may be replaced, in the page's order."""
    named: dict[str, list[str]] = json.loads(files("diyalog").joinpath("page_texts.json").read_text("utf-8"))
    return named


def _numbered(texts: Texts) -> dict[str, dict[str, str]]:
    """The same texts with `{0}` for the first variable, as the page fills them in."""
    variables = _variables()

    def numbered(name: str, text: str) -> str:
        return _VARIABLE.sub(lambda found: f"{{{variables[name].index(found[1])}}}", text)

    return {lang: {name: numbered(name, text) for name, text in own.items()} for lang, own in texts.items()}


def _address(name: str, body: bytes, suffix: str) -> str:
    return f"/app/assets/{name}-{sha256(body).hexdigest()[:8]}.{suffix}"


def _corners(radius: int) -> str:
    return f":root:root{{--radius-large:{radius}px;--radius-small:{radius // 2}px;}}\n"


def _link(link: str) -> dict[str, str]:
    text, _, url = link.rpartition(" ")
    lang, colon, rest = text.partition(": ")
    return {"text": rest, "url": url, "lang": lang} if colon and lang in {"tr", "en"} else {"text": text, "url": url}


def _call(phone: str) -> str:
    dialled = re.sub(r"[^\d+]", "", phone)
    return f'<p><a href="tel:{dialled}">{html.escape(phone)}</a></p>'


def _sheet(colour: str) -> str:
    """All tones that follow from one colour, for light and dark."""
    light = _tones(colour, surface=WHITE, ink="#16211f", second="#46534f", soft=0.86)
    dark = _tones(_on_dark(colour), surface=_DARK_SURFACE, ink="#eaf0ed", second="#b4c0bb", soft=0.8)
    return (
        f":root:root{{{light}}}\n"
        f"@media (prefers-color-scheme: dark){{:root:root:not([data-theme=light]){{{dark}}}}}\n"
        f":root:root[data-theme=dark]{{{dark}}}\n"
    )


def _tones(colour: str, *, surface: str, ink: str, second: str, soft: float) -> str:
    """Tokens for a colour on a surface. Where it is too faint for text or marks, ink takes its place."""
    text = WHITE if contrast(colour, WHITE) >= contrast(colour, DARK_TEXT) else DARK_TEXT
    readable = contrast(colour, surface) >= _READABLE
    tokens = {
        "accent": colour,
        "accent-strong": _mixed(colour, "#000000" if text == WHITE else WHITE, 0.25),
        "accent-soft": _mixed(colour, surface, soft),
        "on-accent": text,
        "accent-text": colour if readable else ink,
        "accent-line": "none" if readable else "underline",
        "accent-mark": colour if contrast(colour, surface) >= _SEEN else second,
    }
    return _declared(tokens.items())


def _declared(tokens: Iterable[tuple[str, str]]) -> str:
    return "".join(f"--{name}:{value};" for name, value in tokens)


def _on_dark(colour: str) -> str:
    """The least lightened tone that can be read on the dark surface and carries dark text."""
    tones = (_mixed(colour, WHITE, step / 20) for step in range(21))
    return next(tone for tone in tones if min(contrast(tone, _DARK_SURFACE), contrast(tone, DARK_TEXT)) >= _READABLE)


def _mixed(colour: str, other: str, share: float) -> str:
    """The colour with so large a share of the other one, in sRGB."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + bytes(round(one + (two - one) * share) for one, two in pairs).hex()
