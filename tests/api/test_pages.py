"""The built pages: forms, headers, and what happens without them."""

import gzip
import re
from pathlib import Path

import pytest

from diyalog.api.pages import Pages, page_headers

from .node import Node, running_node

HTML = b"<!doctype html><title>Live help</title>" + b"<p>wait</p>" * 100
SCRIPT = b"export const a = 1;\n" * 100


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    for name, body in {
        "app/help.html": HTML,
        "app/assets/help-DP2lpp4-.js": SCRIPT,
        "app/support.js": b"var a;",
        "app/icon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "app/.vite/manifest.json": b"{}",
        "sdk/diyalog.js": SCRIPT,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


async def test_the_page_and_its_policy(tmp_path: Path, static: Path) -> None:
    async with running_node(tmp_path, static=static) as node:
        page = await node.client.send("GET", "/app/help.html")
        assert (page.status, page.body, page.header("content-type")) == (200, HTML, "text/html; charset=utf-8")
        assert page.header("cache-control") == "no-cache"
        assert page.header("content-security-policy") == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
            "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        assert page.header("permissions-policy") == "camera=(self), microphone=(self), display-capture=(self)"
        assert page.header("x-content-type-options") == "nosniff"
        assert page.header("referrer-policy") == "no-referrer"


def test_who_may_frame_the_pages() -> None:
    headers = dict(page_headers(("https://desk.example", "https://bank.example")))
    assert b"frame-ancestors https://desk.example https://bank.example;" in headers[b"content-security-policy"]


async def test_hashed_files_never_change_and_the_sdk_may_be_loaded_elsewhere(tmp_path: Path, static: Path) -> None:
    async with running_node(tmp_path, static=static) as node:
        forever = "public, max-age=31536000, immutable"
        ages = {
            "/app/assets/help-DP2lpp4-.js": forever,
            "/app/support.js": "no-cache",
            "/app/icon.svg": "no-cache",
            "/sdk/1.2.3/diyalog.js": forever,
            "/sdk/diyalog.js": "no-cache",
        }
        for path, age in ages.items():
            reply = await node.client.send("GET", path)
            assert (reply.status, reply.header("cache-control")) == (200, age), path
            assert reply.header("x-content-type-options") == "nosniff"
            assert reply.header("access-control-allow-origin") == ("*" if path.startswith("/sdk/") else None)


@pytest.mark.parametrize(
    ("accepts", "compressed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("deflate, GZIP;q=1.0, *;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, br", False),
        ("identity", False),
        ("xgzip", False),
        ("", False),
    ],
)
async def test_compressed_where_accepted(tmp_path: Path, static: Path, accepts: str, *, compressed: bool) -> None:
    async with running_node(tmp_path, static=static) as node:
        reply = await node.client.send("GET", "/app/help.html", {"accept-encoding": accepts})
        assert (reply.header("content-encoding") == "gzip") is compressed
        assert (gzip.decompress(reply.body) if compressed else reply.body) == HTML
        assert reply.header("vary") == "accept-encoding"


async def test_unchanged(tmp_path: Path, static: Path) -> None:
    async with running_node(tmp_path, static=static) as node:
        tag = (await node.client.send("GET", "/app/help.html")).header("etag")
        assert tag is not None
        assert re.fullmatch(r'W/"[0-9a-f]{20}"', tag)
        for sent in (tag, f'"other", {tag}', "*"):
            reply = await node.client.send("GET", "/app/help.html", {"if-none-match": sent, "accept-encoding": "gzip"})
            assert (reply.status, reply.body, reply.header("etag")) == (304, b"", tag)
        assert (await node.client.send("GET", "/app/help.html", {"if-none-match": '"other"'})).status == 200
        other = (await node.client.send("GET", "/app/support.js")).header("etag")
        assert other != tag


async def test_head_method_and_what_is_not_there(tmp_path: Path, static: Path) -> None:
    async with running_node(tmp_path, static=static) as node:
        head = await node.client.send("HEAD", "/app/help.html")
        assert (head.status, head.body, head.header("content-length")) == (200, b"", str(len(HTML)))
        posted = await node.client.send("POST", "/app/help.html")
        assert (posted.status, posted.header("allow")) == (405, "GET, HEAD")
        for path in (
            "/app/",
            "/app/.vite/manifest.json",
            "/app/../app/help.html",
            "/app/%2e%2e/help.html",
            "/app/help.html/",
            "/sdk/9.9.9/diyalog.js",
        ):
            assert (await node.client.send("GET", path)).status == 404, path
        assert {route for _, route, *_ in node.journal.requests} == {"/app/*", "/sdk/*"}


def test_a_page_knows_who_may_frame_it(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    written = b'<meta name="diyalog-frame-ancestors" content="%s">'
    (tmp_path / "app" / "agentchat.html").write_bytes(written % b"")
    for ancestors, told in {
        (): b"",
        ("https://desk.example", "https://*.bank.example"): b"https://desk.example https://*.bank.example",
        ("'self'",): b"&#x27;self&#x27;",
    }.items():
        page = Pages(tmp_path, "1", ancestors).find("/app/agentchat.html")
        assert page is not None
        assert page.plain.body == written % told


@pytest.mark.parametrize("path", ["/app/help.html", "/app/agentchat.html"])
async def test_pages_that_were_never_built(node: Node, path: str) -> None:
    reply = await node.client.send("GET", path)
    assert reply.status == 503
    assert "./dev setup" in reply.text
    assert (await node.client.send("GET", "/app/assets/x.js")).status == 404
    assert (await node.client.send("GET", "/livez")).status == 200


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    pages = Pages(tmp_path / "no", "1", ())
    assert pages.find("/app/help.html") is None
    assert pages.integrity == {}
