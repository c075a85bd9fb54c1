"""The customer API on the real store."""

import asyncio
import re
from pathlib import Path

import pytest

from diyalog.ports_callouts import Refused

from .driver import GET_HASH, NOT_DELIVERED, Reply
from .node import DAY_MS, DEVICE, EPOCH, Node, running_node

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def is_problem(reply: Reply, status: int, code: str) -> bool:
    assert reply.header("content-type") == "application/problem+json", reply.text
    assert reply.header("cache-control") == "no-store"
    problem = reply.json
    assert problem["status"] == reply.status
    assert problem["detail"]
    assert isinstance(problem["retryable"], bool)
    return (reply.status, problem["code"]) == (status, code)


# Letting in


async def test_open_access_lets_in(node: Node) -> None:
    reply = await node.client.json(
        "POST", "/v1/client/activations", {"customerId": 880214, "phone": None, "email": "a@b"}
    )
    assert (reply.status, reply.header("content-type"), reply.header("cache-control")) == (
        201,
        "application/json",
        "no-store",
    )
    answer = reply.json
    assert set(answer) == {"clientToken", "expiresAt", "customerId"}
    assert answer["customerId"] == "880214"
    assert TIME.fullmatch(answer["expiresAt"])


async def test_without_open_access_something_must_be_shown(tmp_path: Path) -> None:
    async with running_node(tmp_path, open_access=False) as node:
        reply = await node.client.json("POST", "/v1/client/activations", {"customerId": "1", "deviceHash": DEVICE})
        assert is_problem(reply, 400, "DLGEXCPINP_TRXHASH_IS_EMPTY")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "DLGEXCPINP_CSTID"),
        ({"customerId": " "}, "DLGEXCPINP_CSTID"),
        ({"customerId": "1", "dlgToken": "t"}, "DLGEXCPINP_DVCID"),
        ({"customerId": "1", "deviceId": "d"}, "DLGEXCPINP_TKN"),
        ({"customerId": "1", "deviceId": "d", "dlgToken": "t"}, "DLGEXCPINP_CSTNM"),
        ({"customerId": True}, "MALFORMED"),
        ({"customerId": "1", "email": 5}, "MALFORMED"),
        ([], "MALFORMED"),
    ],
)
async def test_activations_with_wrong_input(node: Node, body: object, code: str) -> None:
    assert is_problem(await node.client.json("POST", "/v1/client/activations", body), 400, code)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("DLGEXCPSRV_TKNINVLD", 401),
        ("DLGEXCPSRV_TKNEXP", 401),
        ("DLGEXCPSRV_TKNNOTVLD", 401),
        ("DLGEXCPSRV_DVCIDINVLD", 401),
        ("DLGEXCPSRV_AUTHSRVERR", 502),
        ("DLGEXCPSRV_BADREQ", 502),
        ("DLGEXCPSRV_AUTHSRVINACC", 502),
    ],
)
async def test_what_the_companys_check_says(node: Node, code: str, status: int) -> None:
    body = {"customerId": "1", "customerName": "A", "deviceId": "d", "dlgToken": "t"}
    node.tokens.code = code
    reply = await node.client.json("POST", "/v1/client/activations", body)
    assert is_problem(reply, status, code)
    assert (reply.header("www-authenticate") is not None) == (status == 401)
    node.tokens.code = ""
    assert (await node.client.json("POST", "/v1/client/activations", body)).status == 201


async def test_a_hash_of_somebody_else_and_a_barred_customer(node: Node) -> None:
    value = (await node.signed(GET_HASH, b'{"customerId":"1","deviceHash":"d"}')).json["transactionHash"]
    body = {"customerId": "2", "deviceHash": "d", "transactionHash": value}
    assert is_problem(await node.client.json("POST", "/v1/client/activations", body), 401, "DLGEXCP_AUTH_REQUEST")
    await node.activated("666")
    await node.store.bar("666", barred=True)
    reply = await node.client.json("POST", "/v1/client/activations", {"customerId": "666"})
    assert is_problem(reply, 403, "DLGEXCPSRV_FRBDNCST")


async def test_refused_tokens_count_as_failed_authentications(tmp_path: Path) -> None:
    async with running_node(tmp_path, auth_failures=2) as node:
        for _ in range(2):
            assert (await node.client.json("GET", "/v1/client/help", token="wrong")).status == 401
        reply = await node.client.json("GET", "/v1/client/help", token="wrong")
        assert is_problem(reply, 429, "TOO_MANY_REQUESTS")
        assert reply.header("retry-after") is not None
        token = await node.activated()
        assert (await node.start(token)).status == 201


# Tokens


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/client/help"),
        ("GET", "/v1/client/help"),
        ("GET", "/v1/client/help/x"),
        ("DELETE", "/v1/client/help/x"),
    ],
)
@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer unknown", "Bearer \xff"])
async def test_without_a_good_token(node: Node, method: str, path: str, authorization: str | None) -> None:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    reply = await node.client.send(method, path, headers)
    assert is_problem(reply, 401, "TOKEN_UNKNOWN")
    assert (reply.header("www-authenticate") or "").startswith('Bearer realm="diyalog"')


async def test_an_old_token_reads_and_cancels_but_does_not_start(node: Node) -> None:
    token = await node.activated()
    session = (await node.start(token)).json["sessionId"]
    node.clock.advance(DAY_MS + 1)
    refused = await node.start(token)
    assert is_problem(refused, 401, "TOKEN_EXPIRED")
    assert 'error="invalid_token"' in (refused.header("www-authenticate") or "")
    assert (await node.client.json("GET", f"/v1/client/help/{session}", token=token)).status == 200
    assert (await node.client.json("DELETE", f"/v1/client/help/{session}", token=token)).status == 200


# Asking for help


async def test_a_wait_in_the_built_in_queue(node: Node) -> None:
    token = await node.activated()
    reply = await node.start(token)
    assert (reply.status, reply.header("content-type")) == (201, "application/json")
    wait = reply.json
    assert TIME.fullmatch(wait.pop("startedAt"))
    assert wait.pop("sessionId")
    assert wait.pop("interactionId")
    assert wait == {
        "helpType": "chat",
        "state": "WAITING",
        "position": 1,
        "seq": wait["seq"],
        "epoch": EPOCH,
        "limits": {"waitLimitSeconds": 1800, "abandonAfterSeconds": 300, "queueTimeoutSeconds": 10},
    }


async def test_what_the_queue_is_told(queued: Node) -> None:
    body = {"helpType": "video_call", "attachedData": {"z": "1", "a": "2"}, "identityNumber": 10000000146, "extra": 1}
    token = await queued.activated()
    assert (await queued.client.json("POST", "/v1/client/help", body, token=token)).status == 201
    body = {"helpType": "voice_call", "attachedData": None, "identityNumber": 0}
    assert (await queued.client.json("POST", "/v1/client/help", body, token=token)).status == 201
    first, second = queued.queue.created
    assert (first.customer_id, first.identity_number, first.attached_data) == (
        "880214",
        "10000000146",
        (("z", "1"), ("a", "2")),
    )
    assert (second.identity_number, second.attached_data) == ("", ())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "DLGEXCPINP_INVALID_HELP_TYPE"),
        ({"helpType": "CHAT"}, "DLGEXCPINP_INVALID_HELP_TYPE"),
        ({"helpType": ""}, "DLGEXCPINP_INVALID_HELP_TYPE"),
        ({"helpType": 1}, "DLGEXCPINP_INVALID_HELP_TYPE"),
        ({"helpType": ["chat"]}, "MALFORMED"),
        ({"helpType": "chat", "attachedData": {"a": 1}}, "MALFORMED"),
        ({"helpType": "chat", "identityNumber": 1.5}, "MALFORMED"),
        ([], "MALFORMED"),
    ],
)
async def test_help_with_wrong_input(node: Node, body: object, code: str) -> None:
    token = await node.activated()
    assert is_problem(await node.client.json("POST", "/v1/client/help", body, token=token), 400, code)


async def test_media_type_and_size(node: Node) -> None:
    token = await node.activated()
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        reply = await node.client.json("POST", "/v1/client/help", {}, token=token, content_type=content_type)
        assert is_problem(reply, 415, "UNSUPPORTED_MEDIA_TYPE")
    reply = await node.client.json("POST", "/v1/client/help", {"x": "y" * 70_000}, token=token)
    assert is_problem(reply, 413, "BODY_TOO_LARGE")
    assert reply.json["requestId"] == node.journal.request_ids[-1]


async def test_the_queue_refuses(queued: Node) -> None:
    queued.queue.answers = [Refused(by_queue=True)]
    token = await queued.activated()
    reply = await queued.start(token, idempotency_key="k")
    assert is_problem(reply, 502, "DLGEXCP_GENERAL_EXCEPTION")
    problem = reply.json
    assert (problem["outcome"], problem["reason"]) == ("FAILED", "queue_refused")
    assert (await queued.start(token, idempotency_key="k")).body == reply.body
    seen = await queued.client.json("GET", f"/v1/client/help/{problem['sessionId']}", token=token)
    assert (seen.status, seen.json["outcome"]) == (200, "FAILED")
    nothing = await queued.client.json("GET", "/v1/client/help", token=token)
    assert is_problem(nothing, 404, "SESSION_NOT_FOUND")


async def test_a_wait_that_ended_while_the_queue_was_asked(queued: Node) -> None:
    queued.queue.open.clear()
    token = await queued.activated()
    starting = asyncio.create_task(queued.start(token))
    async with asyncio.timeout(5):
        await queued.queue.asked.wait()
        session = (await queued.client.json("GET", "/v1/client/help", token=token)).json["sessionId"]
        body = f'{{"sessionId":"{session}","message":"Closed."}}'.encode()
        assert (await queued.signed(NOT_DELIVERED, body)).json["isSuccess"] is True
        reply = await starting
    assert reply.status == 201
    wait = reply.json
    assert (wait["state"], wait["outcome"], wait["message"]) == ("ENDED", "NOT_DELIVERED", "Closed.")


async def test_repeats_with_one_key_are_one_start(node: Node) -> None:
    token = await node.activated()
    replies = await asyncio.gather(*(node.start(token, idempotency_key="k") for _ in range(4)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.json["sessionId"] for reply in replies}) == 1
    session = replies[0].json["sessionId"]
    await node.client.json("DELETE", f"/v1/client/help/{session}", token=token)
    again = await node.start(token, idempotency_key="k")
    assert (again.status, again.header("content-type")) == (201, "application/json")
    assert again.body in {reply.body for reply in replies}
    reused = await node.client.json(
        "POST", "/v1/client/help", {"helpType": "video_call"}, token=token, idempotency_key="k"
    )
    assert is_problem(reused, 422, "IDEMPOTENCY_KEY_REUSED")
    other = await node.start(await node.activated("another"), idempotency_key="k")
    assert other.json["sessionId"] != session
    assert is_problem(await node.start(token, idempotency_key="x" * 256), 400, "IDEMPOTENCY_KEY_INVALID")


async def test_starts_are_limited_for_each_customer(tmp_path: Path) -> None:
    async with running_node(tmp_path, starts=2) as node:
        token = await node.activated()
        assert (await node.start(token, idempotency_key="k")).status == 201
        for _ in range(3):
            assert (await node.start(token, idempotency_key="k")).status == 201, "repeats are no new starts"
        assert (await node.start(token)).status == 201
        reply = await node.start(token)
        assert is_problem(reply, 429, "TOO_MANY_REQUESTS")
        assert (await node.start(token, idempotency_key="k")).status == 201, "also when no more may be started"
        assert is_problem(await node.start(token), 429, "TOO_MANY_REQUESTS")
        assert is_problem(await node.start(token, idempotency_key="new"), 429, "TOO_MANY_REQUESTS")
        seconds = int(reply.header("retry-after") or 0)
        assert (await node.start(await node.activated("another"))).status == 201
        node.clock.advance(seconds * 1000)
        assert (await node.start(token)).status == 201


async def test_no_new_waits_while_stopping(node: Node) -> None:
    token = await node.activated()
    node.waiting.stopping = True
    reply = await node.start(token)
    assert is_problem(reply, 503, "UNAVAILABLE")
    assert reply.json["retryable"] is True
    assert reply.header("retry-after") is not None


# Looking and cancelling


async def test_current_read_and_cancel(node: Node) -> None:
    token = await node.activated()
    assert is_problem(await node.client.json("GET", "/v1/client/help", token=token), 404, "SESSION_NOT_FOUND")
    wait = (await node.start(token)).json
    path = f"/v1/client/help/{wait['sessionId']}"
    assert (await node.client.json("GET", "/v1/client/help", token=token)).json == wait
    assert (await node.client.json("GET", path, token=token)).json == wait
    for _ in range(2):
        reply = await node.client.json("DELETE", path, token=token)
        assert reply.status == 200
        assert (reply.json["state"], reply.json["outcome"], reply.json["reason"]) == ("ENDED", "CANCELLED", "customer")
        assert TIME.fullmatch(reply.json["endedAt"])
    assert is_problem(await node.client.json("GET", "/v1/client/help", token=token), 404, "SESSION_NOT_FOUND")
    assert node.journal.requests[-2][1] == "/v1/client/help/{sessionId}"
    assert node.journal.requests[-2][4] == wait["sessionId"]


async def test_a_cancel_that_lost(node: Node) -> None:
    token = await node.activated()
    wait = (await node.start(token)).json
    body = f'{{"sessionId":"{wait["sessionId"]}","message":"Nobody is free."}}'.encode()
    await node.signed(NOT_DELIVERED, body)
    reply = await node.client.json("DELETE", f"/v1/client/help/{wait['sessionId']}", token=token)
    assert is_problem(reply, 409, "WAIT_ENDED")
    problem = reply.json
    assert problem["sessionId"] == wait["sessionId"]
    assert (problem["outcome"], problem["reason"], problem["message"]) == ("NOT_DELIVERED", "queue", "Nobody is free.")


async def test_somebody_elses_session_does_not_exist(node: Node) -> None:
    session = (await node.start(await node.activated("1"))).json["sessionId"]
    stranger = await node.activated("2")
    for method in ("GET", "DELETE"):
        for path in (session, "nothing", "%00", "%ff", "a%2Fb"):
            reply = await node.client.json(method, f"/v1/client/help/{path}", token=stranger)
            assert reply.status == 404
    assert is_problem(
        await node.client.json("GET", f"/v1/client/help/{session}", token=stranger), 404, "SESSION_NOT_FOUND"
    )


# Paths, methods, origins


async def test_unknown_paths_and_methods(node: Node) -> None:
    assert is_problem(await node.client.json("GET", "/v1/client/nothing"), 404, "NOT_FOUND")
    assert is_problem(await node.client.json("GET", "/v1/client/help/"), 404, "NOT_FOUND")
    reply = await node.client.json("PUT", "/v1/client/help")
    assert is_problem(reply, 405, "METHOD_NOT_ALLOWED")
    assert reply.header("allow") == "GET, HEAD, POST"
    assert is_problem(await node.client.json("GET", "/v1/client/events"), 426, "UPGRADE_REQUIRED")


async def test_origins(tmp_path: Path) -> None:
    async with running_node(tmp_path, allowed_origins=("https://bank.example",)) as node:
        asked = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}
        good = await node.client.json("OPTIONS", "/v1/client/help", origin="https://bank.example", **asked)
        assert (good.status, good.body) == (204, b"")
        assert good.header("access-control-allow-origin") == "https://bank.example"
        assert good.header("access-control-allow-methods") == "GET, HEAD, POST, OPTIONS"
        assert good.header("access-control-allow-headers") == "authorization, content-type, idempotency-key"
        assert good.header("vary") == "origin"
        bad = await node.client.json("OPTIONS", "/v1/client/help", origin="https://evil.example", **asked)
        assert bad.status == 403
        assert bad.header("access-control-allow-origin") is None
        readable = await node.client.json("GET", "/v1/client/help", origin="https://bank.example")
        assert readable.status == 401
        assert readable.header("access-control-allow-origin") == "https://bank.example"
        assert readable.header("access-control-expose-headers") == "retry-after"
        for origin in ("https://bank.example.evil", "http://bank.example", "null"):
            reply = await node.client.json("GET", "/v1/client/help", origin=origin)
            assert reply.header("access-control-allow-origin") is None
            assert reply.header("vary") == "origin"
        plain = await node.client.json("OPTIONS", "/v1/client/help")
        assert (plain.status, plain.header("allow")) == (204, "GET, HEAD, POST, OPTIONS")
