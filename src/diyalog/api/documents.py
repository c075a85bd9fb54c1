"""The documents for readers and tools: OpenAPI, AsyncAPI, and a page that lists what is there."""

import html
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from diyalog.api.exchange import HTML, JSON, Answer, Exchange
from diyalog.api.pages import page_headers, stored_file

_ASK_FIRST: Final = (b"cache-control", b"no-cache")
_READABLE_ANYWHERE: Final = (b"access-control-allow-origin", b"*")
_METHODS: Final = ("get", "post", "put", "delete")

_STYLE: Final = b"""\
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid #8886 }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere }
"""


def _read(name: str, version: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files("diyalog.api").joinpath(name).read_bytes())
    document["info"]["version"] = version
    return document


class DocumentsApi:
    """`/openapi.json`, `/asyncapi.json`, `/docs` and its style sheet, read and made once."""

    def __init__(self, version: str, integrity: Mapping[str, str], frame_ancestors: Iterable[str]) -> None:
        openapi, asyncapi = _read("openapi.json", version), _read("asyncapi.json", version)
        page = _page(openapi, version, integrity)
        headers = (*page_headers(frame_ancestors), _ASK_FIRST)
        self._openapi = stored_file(JSON, _json(openapi), (_ASK_FIRST, _READABLE_ANYWHERE))
        self._asyncapi = stored_file(JSON, _json(asyncapi), (_ASK_FIRST, _READABLE_ANYWHERE))
        self._docs = stored_file(HTML, page.encode(), headers)
        self._style = stored_file(b"text/css; charset=utf-8", _STYLE, headers)

    async def openapi(self, exchange: Exchange) -> Answer:
        """The HTTP API as an OpenAPI 3.1 document."""
        return self._openapi.answer(exchange)

    async def asyncapi(self, exchange: Exchange) -> Answer:
        """The event stream as an AsyncAPI 3.0 document."""
        return self._asyncapi.answer(exchange)

    async def docs(self, exchange: Exchange) -> Answer:
        """The page that lists the documents and every operation."""
        return self._docs.answer(exchange)

    async def style(self, exchange: Exchange) -> Answer:
        """That page's style sheet."""
        return self._style.answer(exchange)


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _page(openapi: dict[str, Any], version: str, integrity: Mapping[str, str]) -> str:
    operations = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(operation['summary'])}</td></tr>\n"
        for path, method, operation in _operations(openapi)
    )
    scripts = "".join(
        f"<tr><td><a href='/sdk/{version}/{html.escape(name)}'><code>/sdk/{version}/{html.escape(name)}</code></a></td>"
        f"<td><code>{value}</code></td></tr>\n"
        for name, value in integrity.items()
    )
    sdk = f"<h2>Web SDK</h2>\n<table><tr><th>File</th><th>integrity</th></tr>\n{scripts}</table>\n" if scripts else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Diyalog {version}: documents</title>
<link rel="icon" href="/app/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<main>
<h1>Diyalog {version}</h1>
<p>{html.escape(openapi["info"]["summary"])}</p>
<h2>Documents</h2>
<ul>
<li><a href="/openapi.json">openapi.json</a>: the HTTP API (OpenAPI {openapi["openapi"]})</li>
<li><a href="/asyncapi.json">asyncapi.json</a>: the event stream (AsyncAPI 3.0)</li>
</ul>
<h2>Operations</h2>
<table><tr><th>Method</th><th>Path</th><th>Does</th></tr>
{operations}</table>
{sdk}</main>
</body>
</html>
"""


def _operations(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in openapi["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]
