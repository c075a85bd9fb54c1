"""How the text of one setting becomes its value: numbers in their range, switches, URLs, origins, networks.

Every reader raises ValueError with a sentence saying what the text must be. The text itself is repeated only where it
cannot hold a secret (URLs may carry a password).
"""

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

MOST_SECONDS: Final = 315_360_000
"""Ten years; longer spans are slips of the pen and would overflow the times of the database's rows."""

WHITE: Final = "#ffffff"
DARK_TEXT: Final = "#16211f"
"""The pages' ink in light, and the text on light colours."""
_READABLE: Final = 4.5
_LONGEST_NAME: Final = 60
_LONGEST_USER: Final = 255

_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_ANCESTOR: Final = re.compile(r"https?://(?:\*\.)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._:-]+|\[[0-9A-Fa-f:.]+\]")
_WORDS: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


class Kind(Struct, frozen=True):
    """One form of value: `from_text` reads flags and variables; `placeholder` stands for it in the help.

    `toml` are the types it may have in the file, `wanted` names them in the refusal.
    """

    placeholder: str
    wanted: str
    toml: tuple[type, ...]
    from_text: Callable[[str], object]

    def from_toml(self, value: object) -> object:
        """Read a value of the TOML file, whose type must fit. Raises ValueError saying what it must be."""
        if type(value) not in self.toml:
            raise ValueError(f"must be {self.wanted}, not {_toml_name(value)}")
        if isinstance(value, bool):
            return value
        if isinstance(value, list):
            if not all(isinstance(part, str) for part in value):
                raise ValueError(f"must be {self.wanted}")
            return self.from_text(",".join(value))
        return self.from_text(str(value))


def _toml_name(value: object) -> str:
    names = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", list: "an array"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def _whole(least: int, most: int) -> Callable[[str], int]:
    wanted = f"must be a whole number from {least} to {most}"

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text.strip()) or not least <= int(text) <= most:
            raise ValueError(f"{wanted}, not {text!r}")
        return int(text)

    return read


def _number(most: float, *, zero: bool) -> Callable[[str], float]:
    wanted = f"must be a number {'from 0' if zero else 'above 0, at most'}{' to' if zero else ''} {most:.15g}"

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (0 <= value <= most) or (value == 0 and not zero):
            raise ValueError(f"{wanted}, not {text!r}")
        return value

    return read


def _truth(text: str) -> bool:
    value = _WORDS.get(text.strip().lower())
    if value is None:
        raise ValueError(f"must be true or false, not {text!r}")
    return value


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {text!r}")
        return text

    return read


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"must be a host name or an IP address, without scheme and port, not {text!r}")
    return text.strip("[]")


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("must be a path, without NUL")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("must be a path; there is no home directory for its ~") from None


def _url(text: str) -> str:
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http:// or https:// URL with a host and without ? and #")
    return parts.scheme + text[len(parts.scheme) :].rstrip("/")  # the scheme in small letters, as everybody expects it


def _split(text: str) -> SplitResult | None:
    if not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # brackets or port out of order
        return None
    return None if port == 0 else parts


def _token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError("must be printable ASCII without spaces around it: it is sent as an HTTP header")
    return text


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text) or _split(text) is None:
        raise ValueError(f"must be origins like https://www.example.com, without path, not {text!r}")
    return _as_sent(text)


def _ancestor(text: str) -> str:
    if text in {"self", "'self'"}:
        return "'self'"
    if not _ANCESTOR.fullmatch(text) or _split(text) is None:
        raise ValueError(f"must be 'self' or origins like https://www.example.com, without path, not {text!r}")
    return _as_sent(text)


def _as_sent(origin: str) -> str:
    """Write an origin as browsers send it: lower case, without the scheme's own port."""
    lowered = origin.lower()
    return lowered.removesuffix(":443" if lowered.startswith("https:") else ":80")


def contrast(one: str, two: str) -> float:
    """Contrast ratio of two colours `#rrggbb`, from 1 to 21, as WCAG 2.2 defines it."""
    lower, upper = sorted((_luminance(one), _luminance(two)))
    return (upper + 0.05) / (lower + 0.05)


def _luminance(colour: str) -> float:
    parts = (part / 255 for part in bytes.fromhex(colour[1:]))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        raise ValueError(f"must be a colour like #0e5e57, not {text!r}")
    reached = max(contrast(text, WHITE), contrast(text, DARK_TEXT))
    if reached < _READABLE:
        raise ValueError(
            f"{text} reaches a contrast of only {reached:.1f} to 1 with white and with dark text; "
            f"{_READABLE} are needed: take a darker or a lighter tone"
        )
    return text.lower()


def _name(text: str) -> str:
    if not text.isprintable() or not text.strip() or len(text) > _LONGEST_NAME:
        raise ValueError(f"must be printable text of at most {_LONGEST_NAME} characters")
    return text.strip()


def _user(text: str) -> str:
    if not text.isprintable() or len(text) > _LONGEST_USER:
        raise ValueError(f"must be user ids of at most {_LONGEST_USER} printable characters")
    return text


def _phone(text: str) -> str:
    if not re.fullmatch(r"\+?[0-9][0-9 ()./-]{1,30}", text):
        raise ValueError(f"must be a phone number as people write it, like 0850 000 00 00, not {text!r}")
    return text.strip()


def _link(text: str) -> str:
    words, _, url = text.rpartition(" ")
    if not words.strip() or not text.isprintable() or not re.fullmatch(r"https?://[!-~]+", url):
        raise ValueError(
            f"must be texts with their addresses, like Branches https://bank.example/branches, not {text!r}"
        )
    return f"{words.strip()} {url}"


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(f"must be IP addresses or networks like 10.0.0.0/8, not {text!r}") from None


def _each(read: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    return lambda text: tuple(read(part.strip()) for part in text.split(",") if part.strip())


ADDRESS: Final = Kind("HOST", "a text", (str,), _address)
PORT: Final = Kind("PORT", "a whole number", (int,), _whole(0, 65_535))
COUNT: Final = Kind("N", "a whole number", (int,), _whole(0, 2**31 - 1))
SECONDS: Final = Kind("SECONDS", "a number", (int, float), _number(MOST_SECONDS, zero=False))
SECONDS_OR_NONE: Final = Kind("SECONDS", "a number", (int, float), _number(MOST_SECONDS, zero=True))
SPAN: Final = Kind("DAYS", "a number", (int, float), _number(MOST_SECONDS / 86_400, zero=False))
SWITCH: Final = Kind("true|false", "true or false", (bool,), _truth)
FILE: Final = Kind("FILE", "a text", (str,), _path)
FOLDER: Final = Kind("FOLDER", "a text", (str,), _path)
URL: Final = Kind("URL", "a text", (str,), _url)
DATABASE: Final = Kind("URL", "a text", (str,), str)
TOKEN: Final = Kind("TOKEN", "a text", (str,), _token)
QUEUE: Final = Kind("builtin|http", "a text", (str,), _one_of("builtin", "http"))
ATTACHED_DATA: Final = Kind("object|array", "a text", (str,), _one_of("object", "array"))
NETWORKS: Final = Kind("LIST", "an array of texts", (list,), _each(_network))
ORIGINS: Final = Kind("LIST", "an array of texts", (list,), _each(_origin))
ANCESTORS: Final = Kind("LIST", "an array of texts", (list,), _each(_ancestor))
USERS: Final = Kind("LIST", "an array of texts", (list,), _each(_user))
NAME: Final = Kind("TEXT", "a text", (str,), _name)
PHONE: Final = Kind("PHONE", "a text", (str,), _phone)
COLOUR: Final = Kind("COLOUR", "a text", (str,), _colour)
LINKS: Final = Kind("LIST", "an array of texts", (list,), _each(_link))
