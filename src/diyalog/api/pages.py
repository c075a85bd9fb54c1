"""The built pages and the SDK, served from a dictionary filled at the start: no disk, no path joining."""

import base64
import gzip
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256, sha384
from pathlib import Path
from typing import Final

from diyalog.api.company_look import PLAIN, CompanyLook
from diyalog.api.exchange import HTML, TEXT, Answer, Exchange, Header

_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".html": HTML,
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".map": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".ts": TEXT,
    ".txt": TEXT,
    ".webmanifest": b"application/manifest+json",
    ".woff2": b"font/woff2",
}
_HASHED: Final = re.compile(r"/assets/[^/]+-[\w-]{8}\.\w+$")
_COMPRESSED_ALREADY: Final = (".png", ".woff2")
_WORTH_COMPRESSING: Final = 512
_ACCEPTS_GZIP: Final = re.compile(
    rb"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*(?!0(?:\.0{0,3})?\s*(?:,|$))[\d.]+\s*)?(?=,|$)"
)

_FOREVER: Final[Header] = (b"cache-control", b"public, max-age=31536000, immutable")
_ASK_FIRST: Final[Header] = (b"cache-control", b"no-cache")
_SAFE: Final[tuple[Header, ...]] = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_ANY_ORIGIN: Final[tuple[Header, ...]] = (
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
"""For the SDK: a page elsewhere loads it with an integrity hash, which needs CORS. It holds nothing secret."""

PAGES: Final = frozenset({"/app/help.html", "/app/agentchat.html"})
_ANCESTORS: Final = b'<meta name="diyalog-frame-ancestors" content="">'
"""Where a page learns who may frame it: only they are told what happens in it."""
_NOT_BUILT: Final = (
    b"The pages are not built. Run ./dev setup (or npm ci && npm run build), then start the server again.\n"
)


def page_headers(frame_ancestors: Iterable[str]) -> tuple[Header, ...]:
    """Headers of a page: nothing from elsewhere, nothing inline, framed only by `frame_ancestors` (none if empty)."""
    ancestors = " ".join(frame_ancestors) or "'none'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {ancestors}; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    permissions = b"camera=(self), microphone=(self), display-capture=(self)"
    return (*_SAFE, (b"content-security-policy", policy.encode()), (b"permissions-policy", permissions))


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file in the forms in which it is sent."""

    plain: Answer
    compressed: Answer | None
    unchanged: Answer
    tag: bytes

    def answer(self, exchange: Exchange) -> Answer:
        """The form that fits the request's headers."""
        known = exchange.header(b"if-none-match")
        if known is not None and (known.strip() == b"*" or self.tag in (tag.strip() for tag in known.split(b","))):
            return self.unchanged
        if self.compressed is not None and _ACCEPTS_GZIP.search(exchange.header(b"accept-encoding") or b""):
            return self.compressed
        return self.plain


def stored_file(content_type: bytes, body: bytes, headers: tuple[Header, ...], *, compress: bool = True) -> StoredFile:
    """Prepare a file. Its tag is weak because one stands for the plain and the compressed form."""
    tag = b'W/"%s"' % sha256(body).hexdigest()[:20].encode()
    headers = ((b"etag", tag), (b"vary", b"accept-encoding"), *headers)
    compressed = None
    if compress and len(body) > _WORTH_COMPRESSING:
        small = gzip.compress(body, 9, mtime=0)
        compressed = Answer(200, content_type, small, ((b"content-encoding", b"gzip"), *headers))
    return StoredFile(
        Answer(200, content_type, body, headers), compressed, Answer(304, content_type, b"", headers), tag
    )


class Pages:
    """Everything under `/app/` and `/sdk/`.

    `root` holds the built folders `app` and `sdk`; without them the server starts all the same and the pages say what
    to run. The SDK stands under `/sdk/<version>/`, which never changes, and under `/sdk/`, which is asked about
    each time. `look` is written into the pages here, once.
    """

    def __init__(self, root: Path, version: str, frame_ancestors: Iterable[str], look: CompanyLook = PLAIN) -> None:
        self._files: Mapping[str, StoredFile] = dict(
            (*_app(root / "app", tuple(frame_ancestors), look), *_sdk(root / "sdk", version))
        )
        self.integrity = _integrity(root / "sdk")

    def find(self, path: str) -> StoredFile | None:
        """The file at a path."""
        return self._files.get(path)

    def missing(self, path: str) -> Answer | None:
        """What to say at a page's address when the pages were never built."""
        return Answer(503, TEXT, _NOT_BUILT, (*_SAFE, _ASK_FIRST)) if path in PAGES else None


def _app(folder: Path, frame_ancestors: tuple[str, ...], look: CompanyLook) -> Iterator[tuple[str, StoredFile]]:
    yield "/app/company.json", _file("company.json", look.json(), (*_SAFE, _ASK_FIRST))
    for path, body in look.files():
        yield path, _file(path, body, (*_SAFE, _FOREVER))
    headers = page_headers(frame_ancestors)
    ancestors = _ANCESTORS.replace(b'""', b'"%s"' % html.escape(" ".join(frame_ancestors)).encode())
    for name, body in _contents(folder):
        path = f"/app/{name}"
        age = _FOREVER if _HASHED.search(path) else _ASK_FIRST
        if name.endswith(".html"):
            page = look.on_page(body).replace(_ANCESTORS, ancestors)
            yield path, _file(name, page, (*headers, age))
        else:
            yield path, _file(name, body, (*_SAFE, age))


def _sdk(folder: Path, version: str) -> Iterator[tuple[str, StoredFile]]:
    for name, body in _contents(folder):
        yield f"/sdk/{version}/{name}", _file(name, body, (*_SAFE, *_ANY_ORIGIN, _FOREVER))
        yield f"/sdk/{name}", _file(name, body, (*_SAFE, *_ANY_ORIGIN, _ASK_FIRST))


def _file(name: str, body: bytes, headers: tuple[Header, ...]) -> StoredFile:
    suffix = Path(name).suffix
    content_type = _TYPES.get(suffix, b"application/octet-stream")
    return stored_file(content_type, body, headers, compress=suffix not in _COMPRESSED_ALREADY)


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names below the folder, with `/`, and contents; hidden files are build tools' notes and left out."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            yield "/".join(parts), path.read_bytes()


def _integrity(folder: Path) -> dict[str, str]:
    """Subresource integrity of the SDK's scripts, by file name."""
    scripts = ((name, body) for name, body in _contents(folder) if name.endswith(".js"))
    return {name: "sha384-" + base64.b64encode(sha384(body).digest()).decode() for name, body in scripts}
