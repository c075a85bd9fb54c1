"""The gate of the company API: order of the checks, exact answers, the limit of failures."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from .driver import GET_HASH, KEY_ID, NOT_DELIVERED, Reply, http_date, signature
from .node import Node, running_node

BODY = b'{"interactionId":"1"}'
HEADERS_TEXT = "Required headers not found"
FORMAT_TEXT = "Authorization failed due to data format not valid"
DATE_TEXT = "Authorization failed due to date not valid"
VECTORS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "vectors" / "signature.json").read_text("utf-8"))


def is_plain(reply: Reply, status: int, text: str) -> bool:
    return (reply.status, reply.text, reply.header("content-type")) == (status, text, "text/plain; charset=utf-8")


async def test_the_published_example_passes(node: Node) -> None:
    vector = VECTORS["vectors"][0]
    node.clock.at = vector["dateMs"]
    reply = await node.client.send(
        vector["method"],
        vector["target"],
        {
            "Content-Type": vector["contentType"],
            "x-dlg-date": vector["date"],
            "x-dlg-requester-userid": vector["requester"],
            "x-dlg-authorization": vector["authorization"],
        },
        base64.b64decode(vector["bodyBase64"]),
    )
    assert (reply.status, reply.json["errorCode"]) == (200, 402)


@pytest.mark.parametrize("missing", ["x-dlg-date", "x-dlg-requester-userid", "x-dlg-authorization"])
async def test_a_missing_or_empty_header(node: Node, missing: str) -> None:
    headers = signature(node.clock.at, "POST", NOT_DELIVERED, BODY)
    empty = await node.client.send("POST", NOT_DELIVERED, headers | {missing: ""}, BODY)
    del headers[missing]
    absent = await node.client.send("POST", NOT_DELIVERED, headers, BODY)
    assert is_plain(empty, 400, HEADERS_TEXT)
    assert is_plain(absent, 400, HEADERS_TEXT)


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"x_dlg_authorization": f"HMAC {KEY_ID}:AAAA"}, 400, FORMAT_TEXT),
        ({"x_dlg_authorization": f"DLGA {KEY_ID}"}, 400, FORMAT_TEXT),
        ({"x_dlg_authorization": f"DLGA {KEY_ID}:" + "A" * 512}, 400, FORMAT_TEXT),
        ({"x_dlg_date": "2025-05-14T08:05:09Z"}, 400, DATE_TEXT),
        ({"x_dlg_authorization": f"HMAC {KEY_ID}:AAAA", "x_dlg_date": "yesterday"}, 400, FORMAT_TEXT),
        ({"x_dlg_authorization": f"DLGA {KEY_ID}:AAAA"}, 401, "Authorization failed"),
        ({"x_dlg_authorization": "DLGA NOBODY:AAAA"}, 401, "Authorization failed"),
    ],
)
async def test_refusals_to_the_letter(node: Node, changes: dict[str, str], status: int, text: str) -> None:
    assert is_plain(await node.signed(NOT_DELIVERED, BODY, **changes), status, text)


@pytest.mark.parametrize(("off_ms", "status"), [(900_000, 200), (-900_000, 200), (901_000, 403), (-901_000, 403)])
async def test_the_clock(node: Node, off_ms: int, status: int) -> None:
    headers = signature(node.clock.at + off_ms, "POST", NOT_DELIVERED, BODY)
    reply = await node.client.send("POST", NOT_DELIVERED, headers, BODY)
    assert reply.status == status
    if status == 403:
        assert is_plain(reply, 403, "Request time may not be correct.")


async def test_a_wrong_signature_is_told_before_a_wrong_clock(node: Node) -> None:
    headers = signature(node.clock.at + 2_000_000, "POST", NOT_DELIVERED, BODY, secret="another")
    assert is_plain(await node.client.send("POST", NOT_DELIVERED, headers, BODY), 401, "Authorization failed")


async def test_old_header_names_are_read(node: Node) -> None:
    headers = signature(node.clock.at, "POST", NOT_DELIVERED, BODY)
    old = {
        "content-type": "application/json",
        "date": headers["x-dlg-date"],
        "x-requester-userid": "31007",
        "x-authorization": headers["x-dlg-authorization"],
    }
    assert (await node.client.send("POST", NOT_DELIVERED, old, BODY)).status == 200


async def test_a_header_given_twice(node: Node) -> None:
    headers = [(k.encode(), v.encode()) for k, v in signature(node.clock.at, "POST", NOT_DELIVERED, BODY).items()]
    twice = [*headers, (b"x-dlg-date", http_date(node.clock.at).encode())]
    assert is_plain(await node.client.send("POST", NOT_DELIVERED, twice, BODY), 400, FORMAT_TEXT)


async def test_the_target_is_signed_as_received(node: Node) -> None:
    for target in (f"{NOT_DELIVERED}?x=1", f"{NOT_DELIVERED}?", NOT_DELIVERED.replace("interaction", "%69nteraction")):
        assert (await node.signed(target, BODY)).status == 200, target
    moved = signature(node.clock.at, "POST", NOT_DELIVERED, BODY)
    assert (await node.client.send("POST", f"{NOT_DELIVERED}?x=1", moved, BODY)).status == 401


async def test_nothing_is_told_of_routes_before_the_signature(node: Node) -> None:
    for path in ("/v1/application/nothing", "/v1/reporting/getonlinehelplist", f"{NOT_DELIVERED}/"):
        assert is_plain(await node.client.send("POST", path), 400, HEADERS_TEXT)
        reply = await node.signed(path, BODY)
        assert is_plain(reply, 404, "There is nothing at this path.")


async def test_method_and_media_type_come_last(node: Node) -> None:
    headers = signature(node.clock.at, "GET", NOT_DELIVERED, b"", content_type="text/xml")
    method = await node.client.send("GET", NOT_DELIVERED, headers)
    assert (method.status, method.header("allow")) == (405, "POST")
    for content_type in ("text/xml", "application/jsonx", ""):
        headers = signature(node.clock.at, "POST", NOT_DELIVERED, BODY, content_type=content_type)
        reply = await node.client.send("POST", NOT_DELIVERED, headers, BODY)
        assert is_plain(reply, 415, "Content-Type must be application/json.")
    headers = signature(node.clock.at, "POST", NOT_DELIVERED, BODY, content_type="application/json; charset=utf-8")
    assert (await node.client.send("POST", NOT_DELIVERED, headers, BODY)).status == 200


async def test_a_body_in_pieces_and_one_too_large(node: Node) -> None:
    headers = signature(node.clock.at, "POST", NOT_DELIVERED, BODY)
    assert (await node.client.send("POST", NOT_DELIVERED, headers, pieces=[BODY[:5], BODY[5:]])).status == 200
    largest = b'{"interactionId":"1","message":"%s"}' % (b"x" * 65_502)
    assert len(largest) == 65_536
    too_large = await node.signed(NOT_DELIVERED, largest + b" ")
    assert too_large.status == 413
    assert node.journal.request_ids[-1] in too_large.text
    assert (await node.signed(NOT_DELIVERED, largest)).status == 200


async def test_failures_past_the_limit_are_429_and_signed_requests_pass(tmp_path: Path) -> None:
    async with running_node(tmp_path, auth_failures=3) as node:
        statuses = [(await node.client.send("POST", NOT_DELIVERED)).status for _ in range(4)]
        assert statuses == [400, 400, 400, 429]
        limited = await node.signed(NOT_DELIVERED, BODY, x_dlg_authorization=f"DLGA {KEY_ID}:AAAA")
        assert (limited.status, limited.header("content-type")) == (429, "text/plain; charset=utf-8")
        assert int(limited.header("retry-after") or 0) > 0
        assert node.journal.request_ids[-1] in limited.text
        assert (await node.signed(NOT_DELIVERED, BODY)).status == 200
        node.client.address = "192.0.2.8"
        assert (await node.client.send("POST", NOT_DELIVERED)).status == 400


async def test_a_key_made_just_now(node: Node) -> None:
    await node.store.create_key("NEW", "another", "its-secret")
    node.clock.advance(100)
    headers = signature(node.clock.at, "POST", GET_HASH, BODY, key_id="NEW", secret="its-secret")
    assert (await node.client.send("POST", GET_HASH, headers, BODY)).status == 200


async def test_the_log_names_the_key_only_when_verified(node: Node) -> None:
    await node.signed(NOT_DELIVERED, BODY)
    await node.signed(NOT_DELIVERED, BODY, x_dlg_authorization=f"DLGA {KEY_ID}:AAAA")
    good, bad = node.journal.requests
    assert good == ("POST", NOT_DELIVERED, 200, KEY_ID, None, "402")
    assert bad == ("POST", NOT_DELIVERED, 401, None, None, "SIGNATURE_SIGNATURE")
