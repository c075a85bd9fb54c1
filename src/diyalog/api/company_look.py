"""The company's own look on the customer's page: its name, phone, links and one colour, from the settings.

They reach the page without inline style or script: the name, phone and links as JSON in a `<meta>`, the colour as a
style sheet with an address of its own. Contrasts are those of WCAG 2.2, 1.4.3 and 1.4.11.
"""

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from diyalog.setting_kinds import DARK_TEXT, WHITE, contrast

_READABLE: Final = 4.5
_SEEN: Final = 3.0
_DARK_SURFACE: Final = "#18201d"
_META: Final = b'<meta name="diyalog-company" content="">'
_SHEET: Final = b'<link rel="stylesheet" href="/app/theme.css">'
_PHONE: Final = b"<!--phone-->"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyLook:
    """Whose pages these are. `colour` is `#rrggbb`; a link is `text url`, or `tr: text url` for one language only."""

    name: str | None = None
    phone: str | None = None
    colour: str | None = None
    links: tuple[str, ...] = ()

    def json(self) -> bytes:
        """What `/app/company.json` says."""
        links = [_link(link) for link in self.links]
        return json.dumps({"name": self.name, "phone": self.phone, "links": links}, ensure_ascii=False).encode()

    def theme(self) -> tuple[str, bytes] | None:
        """Path and text of the style sheet, None without a colour. The path changes with the text."""
        if self.colour is None:
            return None
        body = _sheet(self.colour).encode()
        return f"/app/assets/theme-{sha256(body).hexdigest()[:8]}.css", body

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
