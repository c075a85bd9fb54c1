"""Conversations over HTTP, on the real store: the staff takes waits, both sides write, read and end."""

import asyncio
import json
from typing import Any

import pytest

from .driver import NOT_DELIVERED
from .node import Node
from .talking import HELP, TALK, TALKS, App, Desk, signed_in, texts
from .test_client import TIME, is_problem
from .test_documents import is_described

FINISH = "/v1/application/finishonlinehelp"


# The line


async def test_the_line(node: Node, desk: Desk) -> None:
    assert (await desk.ask("GET", "/v1/staff/queue")).json == {"waiting": []}
    sessions = []
    for number in range(3):
        token = await node.activated(f"c{number}")
        body = {"helpType": "chat", "attachedData": {"topic": f"t{number}"}}
        sessions.append((await node.client.json("POST", "/v1/client/help", body, token=token)).json["sessionId"])
        node.clock.at += 1000
    await desk.take(sessionId=sessions[1])
    line = (await desk.ask("GET", "/v1/staff/queue")).json["waiting"]
    assert [(one["sessionId"], one["customerId"], one["position"], one["attachedData"]) for one in line] == [
        (sessions[0], "c0", 1, {"topic": "t0"}),
        (sessions[2], "c2", 2, {"topic": "t2"}),
    ]
    assert all(one["present"] is False and one["customerName"] is None for one in line)


async def test_in_the_companys_own_queue_there_are_no_places(queued: Node) -> None:
    desk = await signed_in(queued)
    await App(queued, await queued.activated()).start()
    [one] = (await desk.ask("GET", "/v1/staff/queue")).json["waiting"]
    assert (one["position"], one["interactionId"]) == (None, "770041")


# Taking a wait


async def test_a_wait_is_taken(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    reply = await desk.take(sessionId=session)
    assert reply.status == 201
    taken = reply.json
    assert (taken["conversationId"], taken["sessionId"], taken["customerId"]) == (session, session, "880214")
    assert (taken["state"], taken["seq"]) == ("CONNECTED", 3)
    assert TIME.fullmatch(taken["startedAt"])
    assert (await desk.take(customerId="880214")).json == taken, "the same agent: the same conversation"
    assert (await desk.ask("GET", TALK, named=session)).json == taken
    found = (await app.ask("GET", HELP, session)).json
    assert (found["state"], found["outcome"], found["agentName"]) == ("CONNECTED", "CONNECTED", "Selin Aksoy")
    assert found["conversation"] == {"startedAt": taken["startedAt"], "agentReceived": 0, "agentRead": 0}
    assert "reason" not in found


async def test_who_comes_too_late_is_told_why(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    other = await signed_in(node, "31008", "Can Öztürk")
    await other.take(sessionId=session)
    late = await desk.take(sessionId=session)
    assert is_problem(late, 409, "WAIT_ENDED")
    assert (late.json["outcome"], late.json["agentName"], late.json["sessionId"]) == (
        "CONNECTED",
        "Can Öztürk",
        session,
    )
    assert is_problem(await desk.ask("GET", TALK, named=session), 404, "SESSION_NOT_FOUND")


async def test_nobody_is_waiting_there_any_more(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    body = json.dumps({"sessionId": session, "message": "Our advisers are busy."}).encode()
    assert (await node.signed(NOT_DELIVERED, body)).json["isSuccess"] is True
    late = await desk.take(sessionId=session)
    assert is_problem(late, 409, "WAIT_ENDED")
    assert (late.json["outcome"], late.json["reason"], late.json["message"]) == (
        "NOT_DELIVERED",
        "queue",
        "Our advisers are busy.",
    )
    assert "agentName" not in late.json


async def test_an_agent_who_is_quicker_than_the_queue(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    late = await node.signed(NOT_DELIVERED, json.dumps({"sessionId": session}).encode())
    assert late.json["errorCode"] == 402
    again = await node.start(app.token)
    assert is_problem(again, 409, "DLGEXCP_USER_IS_IN_CALL_NOW")
    assert again.json["sessionId"] == session
    cancelled = await app.ask("DELETE", HELP, session)
    assert is_problem(cancelled, 409, "WAIT_ENDED")
    assert cancelled.json["outcome"] == "CONNECTED"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sessionId": None},
        {"sessionId": " ", "customerId": ""},
        {"sessionId": "1", "customerId": "2"},
        {"sessionId": "1", "customerId": "2", "interactionId": "3"},
        {"sessionId": True},
        {"customerId": ["880214"]},
    ],
)
async def test_exactly_one_name_is_given(desk: Desk, body: dict[str, Any]) -> None:
    assert is_problem(await desk.ask("POST", TALKS, body), 400, "MALFORMED")


async def test_who_never_waited_is_not_found(desk: Desk) -> None:
    for named in ({"sessionId": "nobody"}, {"interactionId": "7"}, {"customerId": "nobody"}):
        assert is_problem(await desk.take(**named), 404, "SESSION_NOT_FOUND")


# Messages


async def test_both_sides_write_and_read(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    first = await app.say(session, "m-1", "Merhaba <b>dünya</b>\nikinci satır\t\N{WAVING HAND SIGN}")
    assert first.status == 201
    assert first.json | {"at": ""} == {"id": "m-1", "seq": 4, "at": ""}
    assert (await desk.say(session, "m-1", "İyi günler")).json["seq"] == 5
    written = [
        (4, "customer", "Merhaba <b>dünya</b>\nikinci satır\t\N{WAVING HAND SIGN}"),
        (5, "agent", "İyi günler"),
    ]
    assert await texts(await app.ask("GET", HELP + "/messages", session)) == written
    assert await texts(await desk.ask("GET", TALK + "/messages", named=session)) == written
    assert await texts(await app.ask("GET", HELP + "/messages", session, query="?after=4")) == written[1:]
    assert await texts(await desk.ask("GET", TALK + "/messages", named=session, query="?x=1&after=5&y")) == []


async def test_a_message_sent_again_is_one_message(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    replies = await asyncio.gather(*(app.say(session, "m-1", "Merhaba") for _ in range(5)))
    assert [reply.json for reply in replies] == [replies[0].json] * 5
    assert is_problem(await app.say(session, "m-1", "Selam"), 422, "MESSAGE_ID_REUSED")
    assert await texts(await app.ask("GET", HELP + "/messages", session)) == [(4, "customer", "Merhaba")]


@pytest.mark.parametrize(
    "text", ["", " \n\t ", "a" * 4001, "bell\a", "escape\x1b[2J", "\x7f", "\x85", None, 5, ["a"]], ids=repr
)
async def test_what_is_no_text_is_refused(node: Node, app: App, desk: Desk, text: object) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    expected = "MALFORMED" if isinstance(text, int | list) else "MESSAGE_NOT_TEXT"
    assert is_problem(await app.say(session, "m-1", text), 400, expected)
    assert is_problem(await desk.say(session, "m-1", text), 400, expected)
    assert await texts(await app.ask("GET", HELP + "/messages", session)) == []


@pytest.mark.parametrize("message_id", ["", "a b", "ş", "a" * 65, "a\n", "../a"])
async def test_ids_of_messages_are_plain(node: Node, app: App, desk: Desk, message_id: str) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    assert is_problem(await app.say(session, message_id, "Merhaba"), 400, "MESSAGE_ID_INVALID")


async def test_the_longest_text_is_taken(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    assert (await app.say(session, "m-1", "ş" * 4000)).status == 201


async def test_nobody_reads_what_a_waiting_customer_writes(app: App) -> None:
    session = await app.start()
    refused = await app.say(session, "m-1", "Merhaba")
    assert is_problem(refused, 409, "NOT_IN_CONVERSATION")
    assert (refused.json["state"], refused.json["outcome"]) == ("WAITING", None)
    assert is_problem(await app.ask("POST", HELP + "/end", session), 409, "NOT_IN_CONVERSATION")


async def test_what_is_sent_again_does_not_count(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    for _ in range(100):
        assert (await app.say(session, "m-1", "Merhaba")).status == 201
        assert (await desk.say(session, "a-1", "Merhaba")).status == 201


async def test_a_flood_is_refused_and_harms_nobody_else(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    replies = [await app.say(session, f"m-{number}", "Merhaba") for number in range(61)]
    assert [reply.status for reply in replies] == [201] * 60 + [429]
    assert replies[-1].header("retry-after") is not None
    assert (await desk.say(session, "a-1", "Buradayım")).status == 201
    node.clock.at += 120_000
    assert (await app.say(session, "m-60", "Merhaba")).status == 201


# The end


async def test_the_agent_ends(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    await app.say(session, "m-1", "Merhaba")
    node.clock.at += 5000
    ended = await desk.ask("POST", TALK + "/end", {}, named=session)
    assert (ended.status, ended.json["state"], ended.json["endedBy"], ended.json["seq"]) == (200, "ENDED", "agent", 5)
    assert (await desk.ask("POST", TALK + "/end", named=session)).json == ended.json, "again: the same"
    assert (await app.ask("POST", HELP + "/end", session)).json["conversation"]["endedBy"] == "agent"
    for refused in (await app.say(session, "m-2", "Orada mısınız?"), await desk.say(session, "a-2", "Alo")):
        assert is_problem(refused, 409, "CONVERSATION_ENDED")
        assert refused.json["endedBy"] == "agent"
    assert (await app.say(session, "m-1", "Merhaba")).status == 201, "what was stored is told again"
    assert await texts(await app.ask("GET", HELP + "/messages", session)) == [(4, "customer", "Merhaba")]
    assert is_problem(await desk.take(sessionId=session), 409, "WAIT_ENDED")


async def test_the_customer_ends_and_has_been_told_by_the_answer(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    ended = await app.ask("POST", HELP + "/end", session)
    assert (ended.status, ended.json["state"], ended.json["outcome"]) == (200, "ENDED", "CONNECTED")
    assert ended.json["conversation"]["endedBy"] == "customer"
    assert is_problem(await node.client.json("GET", "/v1/client/help", token=app.token), 404, "SESSION_NOT_FOUND")
    assert await app.start() != session, "the customer may ask again"


async def test_an_end_that_the_app_was_not_told_is_found(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    await desk.take(sessionId=session)
    await desk.ask("POST", TALK + "/end", {}, named=session)
    found = await node.client.json("GET", "/v1/client/help", token=app.token)
    assert (found.json["sessionId"], found.json["conversation"]["endedBy"]) == (session, "agent")


@pytest.mark.parametrize("path", [FINISH, FINISH + "s"])
async def test_the_company_ends(node: Node, app: App, desk: Desk, path: str) -> None:
    session = await app.start()
    body = json.dumps({"customerId": 880214, "staffId": "31007"}).encode()
    none = {"isSuccess": False, "message": "No conversation found between customer and staff.", "errorCode": 400}
    waiting = await node.signed(path, body)
    assert (waiting.status, waiting.json) == (200, none), "a customer who waits has no conversation"
    await desk.take(sessionId=session)
    reply = await node.signed(path, body)
    assert (reply.status, reply.json) == (
        200,
        {"isSuccess": True, "message": "Conversation will be stop with peers."},
    )
    is_described(reply, "POST", path)
    assert (await desk.ask("GET", TALK, named=session)).json["endedBy"] == "company"
    assert (await node.signed(path, body)).json == none


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"customerId": "880214", "staffId": " "}, 200),
        ({"customerId": "", "staffId": "31007"}, 200),
        ({"customerId": "880214"}, 400),
        ({"staffId": None, "customerId": "880214"}, 400),
        ({"customerId": "880214", "staffId": True}, 400),
        ({"customerId": ["880214"], "staffId": "31007"}, 400),
    ],
)
async def test_finishing_needs_both(node: Node, app: App, desk: Desk, body: dict[str, Any], status: int) -> None:
    await desk.take(sessionId=await app.start())
    reply = await node.signed(FINISH, json.dumps(body).encode())
    assert reply.status == status
    if status == 400:
        assert reply.text.startswith("The request content was malformed: ")
    else:
        assert reply.json["errorCode"] == 400


async def test_sessions_with_nul_exist_nowhere(app: App, desk: Desk) -> None:
    assert (await app.ask("POST", HELP + "/messages", "%00", {"id": "m", "text": "a"})).status == 404
    assert (await desk.ask("POST", TALK + "/end", named="a%00b")).status == 404
    assert (await desk.take(sessionId="a\0b")).status == 400


@pytest.mark.parametrize("path", ["10000000146", "a" * 20_000], ids=["somebody's number", "long"])
async def test_what_is_no_session_id_is_neither_logged_nor_kept(node: Node, app: App, desk: Desk, path: str) -> None:
    message = {"id": "m", "text": "a"}
    assert (await app.ask("POST", HELP + "/messages", path, message)).status == 404
    assert (await app.ask("POST", HELP + "/end", path)).status == 404
    assert (await desk.ask("POST", TALK + "/messages", message, named=path)).status == 404
    assert (await desk.ask("POST", TALK + "/end", named=path)).status == 404
    assert not [request for request in node.journal.requests if path in request]
