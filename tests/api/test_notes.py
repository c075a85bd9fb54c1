"""Notes over HTTP, on the real store: for the staff only, one under each id, with those of the same customer."""

import asyncio
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from diyalog.ports_callouts import Alarm
from diyalog.storage.sqlite import DATABASE_NAME

from .driver import Reply
from .node import Node, running_node
from .talking import HELP, TALK, App, Desk, signed_in, texts
from .test_client import TIME, is_problem

NOTES = TALK + "/notes"


async def leave(desk: Desk, session: str, note_id: str, text: object) -> Reply:
    return await desk.ask("POST", NOTES, {"id": note_id, "text": text}, named=session)


async def notes(desk: Desk, session: str) -> list[tuple[str, str, str]]:
    reply = await desk.ask("GET", NOTES, named=session)
    assert reply.status == 200, reply.text
    return [(one["author"], one["id"], one["text"]) for one in reply.json["notes"]]


async def talking(app: App, desk: Desk) -> str:
    session = await app.start()
    assert (await desk.take(sessionId=session)).status == 201
    return session


async def test_a_note_is_left_and_read(node: Node, app: App, desk: Desk) -> None:
    session = await talking(app, desk)
    left = await leave(desk, session, "n-1", "Kartı bloke,\r\nçağrı 4711")
    assert (left.status, left.json["id"]) == (201, "n-1")
    assert TIME.fullmatch(left.json["at"])
    [note] = (await desk.ask("GET", NOTES, named=session)).json["notes"]
    assert note == {
        "id": "n-1",
        "author": "Selin Aksoy",
        "at": left.json["at"],
        "text": "Kartı bloke,\nçağrı 4711",
        "conversationId": session,
    }


async def test_the_next_agent_reads_what_was_left(node: Node, app: App, desk: Desk) -> None:
    first = await talking(app, desk)
    await leave(desk, first, "n-1", "eins")
    await desk.ask("POST", TALK + "/end", named=first)
    assert (await leave(desk, first, "n-2", "nachgetragen")).status == 201, "also when it is over"
    can = await signed_in(node, "31008", "Can Öztürk")
    second = await talking(app, can)
    assert await notes(can, second) == [("Selin Aksoy", "n-1", "eins"), ("Selin Aksoy", "n-2", "nachgetragen")]
    assert is_problem(await can.ask("GET", NOTES, named=first), 404, "SESSION_NOT_FOUND")
    assert is_problem(await leave(can, first, "n-3", "x"), 404, "SESSION_NOT_FOUND")
    stranger = App(node, await node.activated("880215"))
    assert await notes(can, await talking(stranger, can)) == []


async def test_the_customer_never_sees_them(node: Node, app: App, desk: Desk) -> None:
    session = await talking(app, desk)
    seq = (await desk.ask("GET", TALK, named=session)).json["seq"]
    await leave(desk, session, "n-1", "not for the customer")
    help_object = await app.ask("GET", HELP, session)
    assert "not for the customer" not in help_object.text
    assert help_object.json["seq"] == seq, "no event of the stream either"
    assert await texts(await app.ask("GET", HELP + "/messages", session)) == []
    for method in ("GET", "POST"):
        body = {"id": "n-2", "text": "x"} if method == "POST" else None
        path = NOTES.replace("{conversationId}", session)
        refused = await node.client.json(method, path, body, token=app.token)
        assert is_problem(refused, 401, "TOKEN_UNKNOWN")
        assert (await node.client.json(method, f"/v1/client/help/{session}/notes", body, token=app.token)).status == 404


async def test_a_note_sent_again_is_one_note(node: Node, app: App, desk: Desk) -> None:
    session = await talking(app, desk)
    replies = await asyncio.gather(*(leave(desk, session, "n-1", "Merhaba") for _ in range(5)))
    node.clock.at += 1000
    replies.append(await leave(desk, session, "n-1", "Merhaba"))
    assert [(reply.status, reply.json) for reply in replies] == [(201, replies[0].json)] * 6
    assert is_problem(await leave(desk, session, "n-1", "Selam"), 422, "MESSAGE_ID_REUSED")
    await desk.say(session, "n-1", "Merhaba")
    assert await notes(desk, session) == [("Selin Aksoy", "n-1", "Merhaba")], "a message's ids are others"


@pytest.mark.parametrize("text", ["", " \n", "a" * 4001, "bell\a", "\r", None])
async def test_what_is_no_text_is_no_note(node: Node, app: App, desk: Desk, text: object) -> None:
    session = await talking(app, desk)
    assert is_problem(await leave(desk, session, "n-1", text), 400, "MESSAGE_NOT_TEXT")
    assert is_problem(await leave(desk, session, "a b", "x"), 400, "MESSAGE_ID_INVALID")
    assert is_problem(await leave(desk, session, "n-1", 5), 400, "MALFORMED")
    assert is_problem(await leave(desk, session, "n-1", "y" * 70_000), 413, "BODY_TOO_LARGE")
    assert await notes(desk, session) == []


async def test_notes_need_a_conversation(node: Node, app: App, desk: Desk) -> None:
    session = await app.start()
    for named in (session, "nobody", "019abf0e-6f3c-7c1a-9b7e-3f2a1c5d7e90", "a%00b"):
        assert is_problem(await desk.ask("GET", NOTES, named=named), 404, "SESSION_NOT_FOUND")
        assert is_problem(await leave(desk, named, "n-1", "x"), 404, "SESSION_NOT_FOUND")


async def test_a_flood_of_notes_keeps_nobody_from_writing(tmp_path: Path) -> None:
    async with running_node(tmp_path, chat=3) as node:
        desk = await signed_in(node)
        session = await talking(App(node, await node.activated()), desk)
        replies = [await leave(desk, session, f"n-{number}", "Merhaba") for number in range(4)]
        assert [reply.status for reply in replies] == [201, 201, 201, 429]
        assert replies[-1].header("retry-after") is not None
        assert (await leave(desk, session, "n-2", "Merhaba")).status == 429, "what is sent again waits, too"
        assert (await desk.say(session, "m-1", "Buradayım")).status == 201
        node.clock.at += 120_000
        for _ in range(10):
            assert (await leave(desk, session, "n-2", "Merhaba")).status == 201, "and does not count"


async def test_a_damaged_note_hides_no_other(node: Node, app: App, desk: Desk, tmp_path: Path) -> None:
    session = await talking(app, desk)
    for note_id in ("n-1", "n-2"):
        await leave(desk, session, note_id, note_id)
    with closing(apsw.Connection(str(tmp_path / DATABASE_NAME))) as database:
        database.execute("UPDATE note SET sealed_text = x'00' WHERE note_id = 'n-1'")
    assert await notes(desk, session) == [("Selin Aksoy", "n-2", "n-2")]
    assert node.journal.alarms == [(Alarm.NOTE_UNREADABLE, session)]
