"""The edges of writing and reading over HTTP, on the real store: sizes, line ends, odd characters, limits, damage."""

import unicodedata
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from diyalog.ports_callouts import Alarm
from diyalog.storage.sqlite import DATABASE_NAME

from .node import Node, running_node
from .talking import HELP, TALK, App, Desk, signed_in, texts
from .test_client import is_problem


async def talking(app: App, desk: Desk) -> str:
    session = await app.start()
    assert (await desk.take(sessionId=session)).status == 201
    return session


async def test_ends_of_lines_are_newlines(app: App, desk: Desk) -> None:
    session = await talking(app, desk)
    assert (await app.say(session, "m-1", "bir\r\niki\n\r\nüç")).status == 201
    assert (await app.say(session, "m-1", "bir\niki\n\nüç")).status == 201, "the same text under the same id"
    assert await texts(await desk.ask("GET", TALK + "/messages", named=session)) == [(4, "customer", "bir\niki\n\nüç")]
    assert (await app.say(session, "m-2", "\r\n" * 10 + "a" * 3990)).status == 201, "measured as it is stored"


@pytest.mark.parametrize("text", ["a\rb", "\r", "\n\r", "a\r\r\nb", "\r\n"], ids=repr)
async def test_a_return_alone_steers_a_screen(app: App, desk: Desk, text: str) -> None:
    session = await talking(app, desk)
    assert is_problem(await app.say(session, "m-1", text), 400, "MESSAGE_NOT_TEXT")
    assert is_problem(await desk.say(session, "m-1", text), 400, "MESSAGE_NOT_TEXT")


async def test_nul_is_no_text_and_no_id(app: App, desk: Desk) -> None:
    session = await talking(app, desk)
    for message_id, text in (("m-1", "a\0b"), ("m\0-1", "ab"), ("\0", "\0")):
        assert is_problem(await app.say(session, message_id, text), 400, "MALFORMED")
        assert is_problem(await desk.say(session, message_id, text), 400, "MALFORMED")
    assert await texts(await app.ask("GET", HELP + "/messages", session)) == []


async def test_what_looks_alike_is_not_the_same_text(app: App, desk: Desk) -> None:
    session = await talking(app, desk)
    composed, taken_apart = (unicodedata.normalize(form, "Şükrü Öğüt") for form in ("NFC", "NFD"))
    assert composed != taken_apart
    assert (await app.say(session, "m-1", composed)).status == 201
    assert is_problem(await app.say(session, "m-1", taken_apart), 422, "MESSAGE_ID_REUSED")
    assert (await app.say(session, "m-2", taken_apart)).status == 201
    found = await texts(await desk.ask("GET", TALK + "/messages", named=session))
    assert [text for _, _, text in found] == [composed, taken_apart], "passed on unchanged"


async def test_what_is_too_large_is_not_read(app: App, desk: Desk) -> None:
    session = await talking(app, desk)
    assert is_problem(await app.say(session, "m-1", "y" * 70_000), 413, "BODY_TOO_LARGE")
    assert is_problem(await desk.say(session, "m-1", "y" * 70_000), 413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    "query", ["after=", "after=-1", "after=1.0", "after=x", "after=%31", "after", "after=1&after=2"]
)
async def test_after_is_one_number(app: App, desk: Desk, query: str) -> None:
    session = await talking(app, desk)
    refused = await app.ask("GET", HELP + "/messages", session, query=f"?{query}")
    assert is_problem(refused, 400, "MALFORMED")
    assert refused.json["detail"] == "The request content was malformed: after must be one whole number from 0."
    assert is_problem(await desk.ask("GET", TALK + "/messages", named=session, query=f"?x=1&{query}"), 400, "MALFORMED")


@pytest.mark.parametrize(("query", "due"), [("", 2), ("?", 2), ("?after=0", 2), ("?Xafter=9&after=4&y=", 1), ("?b", 2)])
async def test_what_came_after_a_number(app: App, desk: Desk, query: str, due: int) -> None:
    session = await talking(app, desk)
    await app.say(session, "m-1", "bir")
    await app.say(session, "m-2", "iki")
    assert len(await texts(await app.ask("GET", HELP + "/messages", session, query=query))) == due


async def test_an_agents_flood_is_refused(tmp_path: Path) -> None:
    async with running_node(tmp_path, chat=3) as node:
        app, desk = App(node, await node.activated()), await signed_in(node)
        session = await talking(app, desk)
        replies = [await desk.say(session, f"m-{number}", "Merhaba") for number in range(4)]
        assert [reply.status for reply in replies] == [201, 201, 201, 429]
        assert is_problem(replies[-1], 429, "TOO_MANY_REQUESTS")
        assert 0 < int(replies[-1].header("retry-after") or 0) <= 120
        assert (await app.say(session, "m-1", "Buradayım")).status == 201
        other = App(node, await node.activated("880215"))
        assert (await desk.say(await talking(other, desk), "m-1", "Merhaba")).status == 201, "each conversation counts"


async def test_without_a_limit_nobody_is_refused(tmp_path: Path) -> None:
    async with running_node(tmp_path, chat=0) as node:
        app, desk = App(node, await node.activated()), await signed_in(node)
        session = await talking(app, desk)
        for number in range(100):
            assert (await app.say(session, f"m-{number}", "Merhaba")).status == 201
            assert (await desk.say(session, f"m-{number}", "Merhaba")).status == 201


async def test_a_name_that_cannot_be_opened_hides_nobody(node: Node, desk: Desk, tmp_path: Path) -> None:
    sessions = [await App(node, await node.activated(f"c{number}")).start() for number in range(3)]
    with closing(apsw.Connection(str(tmp_path / DATABASE_NAME))) as database:
        database.execute("UPDATE customer SET sealed_profile = x'00' WHERE id <= 2")
        database.execute("UPDATE wait SET sealed_request = NULL WHERE session_id = ?", (sessions[1],))
    for _ in range(2):
        line = (await desk.ask("GET", "/v1/staff/queue")).json["waiting"]
        assert [(one["sessionId"], one["customerId"], one["customerName"]) for one in line] == [
            (sessions[0], "c0", None),
            (sessions[1], "?", None),
            (sessions[2], "c2", None),
        ], "the number stands in the request as well"
    taken = await desk.take(sessionId=sessions[0])
    assert (taken.status, taken.json["customerId"], taken.json["customerName"]) == (201, "c0", None)
    alarm = Alarm.PROFILE_UNREADABLE
    assert node.journal.alarms == [(alarm, sessions[0]), (alarm, sessions[1])], "told once each"
