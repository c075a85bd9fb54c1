"""The documents say what the server does: routes, statuses, codes, headers, schemas."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no types of its own
from openapi_spec_validator import validate

from diyalog.api.problems import PROBLEMS

from .driver import GET_HASH, NOT_DELIVERED, Reply
from .node import DEVICE, Node, running_node

PACKAGE = Path(__file__).parents[2] / "src" / "diyalog" / "api"
OPENAPI: dict[str, Any] = json.loads((PACKAGE / "openapi.json").read_text("utf-8"))
ASYNCAPI: dict[str, Any] = json.loads((PACKAGE / "asyncapi.json").read_text("utf-8"))


def follow(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def is_described(reply: Reply, method: str, template: str) -> None:
    """Assert that the document has this answer's status and type, and that the body fits its schema."""
    responses = OPENAPI["paths"][template][method.lower()]["responses"]
    assert str(reply.status) in responses, f"{method} {template} {reply.status}"
    described = follow(OPENAPI, responses[str(reply.status)])
    media_type = (reply.header("content-type") or "").partition(";")[0]
    assert media_type in described["content"], f"{template} {reply.status} {media_type}"
    if media_type.endswith("json"):
        schema = {**described["content"][media_type]["schema"], "components": OPENAPI["components"]}
        Draft202012Validator(schema).validate(reply.json)
    for name in described.get("headers", {}):
        if name != "Date":  # written by the server behind
            assert reply.header(name.lower()) is not None, f"{template} {reply.status} {name}"


def test_the_openapi_document_is_valid() -> None:
    validate(OPENAPI)


async def test_every_route_is_in_the_document_and_vice_versa(node: Node) -> None:
    served = {(route.method.lower(), route.template) for route in node.application.table.routes}
    methods = {"get", "post", "put", "delete", "patch"}
    described = {(method, path) for path, item in OPENAPI["paths"].items() for method in item if method in methods}
    assert served == described


def test_every_code_is_in_the_document() -> None:
    assert OPENAPI["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(PROBLEMS)


def test_examples_fit_their_schemas() -> None:
    seen = 0
    for item in _contents(OPENAPI):
        schema = {**item["schema"], "components": OPENAPI["components"]}
        for example in item.get("examples", {}).values():
            Draft202012Validator(schema).validate(example["value"])
            seen += 1
    assert seen > 50


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    references = re.findall(r'"\$ref": "(#[^"]+)"', json.dumps(ASYNCAPI))
    assert len(references) > 10
    for reference in references:
        assert follow(ASYNCAPI, {"$ref": reference})


@pytest.mark.parametrize("name", list(ASYNCAPI["components"]["messages"]))
def test_examples_of_messages_fit(name: str) -> None:
    message = ASYNCAPI["components"]["messages"][name]
    schema = {**message["payload"], "components": ASYNCAPI["components"]}
    for example in message["examples"]:
        Draft202012Validator(schema).validate(example["payload"])


async def test_real_answers_are_as_described(node: Node) -> None:
    token = await node.activated()
    client = node.client
    activations, help_path, session_path = "/v1/client/activations", "/v1/client/help", "/v1/client/help/{sessionId}"
    started = await node.start(token)
    session = f"/v1/client/help/{started.json['sessionId']}"
    answers = [
        (started, "POST", help_path),
        (await client.json("POST", activations, {"customerId": "1", "deviceHash": DEVICE}), "POST", activations),
        (await client.json("POST", activations, {}), "POST", activations),
        (await client.json("POST", activations, "x", content_type="text/plain"), "POST", activations),
        (await client.json("POST", activations, {"x": "y" * 70_000}), "POST", activations),
        (await client.json("POST", help_path, {}, token=token), "POST", help_path),
        (await client.json("POST", help_path, {}), "POST", help_path),
        (await client.json("GET", help_path, token=token), "GET", help_path),
        (await client.json("GET", session, token=token), "GET", session_path),
        (await client.json("GET", "/v1/client/help/x", token=token), "GET", session_path),
        (await client.json("DELETE", session, token=token), "DELETE", session_path),
        (await client.json("GET", "/v1/client/events"), "GET", "/v1/client/events"),
        (await node.signed(NOT_DELIVERED, b'{"sessionId":"x"}'), "POST", NOT_DELIVERED),
        (await node.signed(NOT_DELIVERED, b"{}"), "POST", NOT_DELIVERED),
        (await node.signed(NOT_DELIVERED, b"["), "POST", NOT_DELIVERED),
        (await client.send("POST", NOT_DELIVERED), "POST", NOT_DELIVERED),
        (await node.signed(GET_HASH, b'{"customerId":"1","deviceHash":"d"}'), "POST", GET_HASH),
        (await node.signed(GET_HASH, b"{}"), "POST", GET_HASH),
    ]
    answers += [
        (await client.send("GET", path), "GET", path)
        for path in ("/livez", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json", "/docs", "/docs.css")
    ]
    node.health["store"] = False
    answers.append((await client.send("GET", "/readyz"), "GET", "/readyz"))
    for reply, method, template in answers:
        is_described(reply, method, template)


async def test_the_documents_are_served(tmp_path: Path) -> None:
    scripts = tmp_path / "static" / "sdk"
    scripts.mkdir(parents=True)
    (scripts / "diyalog.js").write_bytes(b"alert('Hello, world.');")
    async with running_node(tmp_path, static=tmp_path / "static") as node:
        served = await node.client.send("GET", "/openapi.json", {"accept-encoding": "identity"})
        assert served.json["info"]["version"] == "1.2.3"
        assert served.json["paths"] == OPENAPI["paths"]
        assert (await node.client.send("GET", "/asyncapi.json")).json["channels"] == ASYNCAPI["channels"]
        page = await node.client.send("GET", "/docs")
        assert page.header("content-type") == "text/html; charset=utf-8"
        assert "default-src 'none'" in (page.header("content-security-policy") or "")
        for path in ("/openapi.json", "/asyncapi.json", "/docs.css", "/sdk/1.2.3/diyalog.js", NOT_DELIVERED):
            assert path in page.text
        # Known answer: the example of the Subresource Integrity specification.
        assert "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO" in page.text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)


def _contents(value: object) -> list[dict[str, Any]]:
    """Every media type object of a document."""
    if isinstance(value, list):
        return [found for member in value for found in _contents(member)]
    if not isinstance(value, dict):
        return []
    own = [member for name, member in value.items() if "/" in name and "schema" in member]
    return own + [found for member in value.values() for found in _contents(member)]


def test_the_page_for_readers_names_every_path_and_code() -> None:
    page = (PACKAGE.parents[2] / "docs" / "http_api.md").read_text("utf-8")
    assert [path for path in OPENAPI["paths"] if path not in page] == []
    rows = [
        f"| `{code}` | {p.status} | {'yes' if p.retryable else 'no'} | {p.detail} |" for code, p in PROBLEMS.items()
    ]
    assert [row for row in rows if row not in page] == []
