"""What supervisors may do over HTTP, on the real store, and what that leaves in the audit trail."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from diyalog.domain.transitions import PROFILE_SHOWN, Event
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import DATABASE_NAME
from diyalog.usecases.access import AccessPolicy
from diyalog.usecases.staff_access import StaffAccess

from .node import DAY_MS, Node, running_node
from .talking import HELP, TALK, App, Desk, signed_in, texts
from .test_client import is_problem
from .test_notes import leave, notes, talking

SESSIONS = "/v1/staff/sessions"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node with one supervisor, 40001."""
    async with running_node(tmp_path, supervisors=("40001", "40002")) as made:
        yield made


@pytest.fixture
async def supervisor(node: Node) -> Desk:
    return await signed_in(node, "40001", "Deniz Kara")


def audited(folder: Path) -> list[tuple[str, str | None, str | None]]:
    """Event, access key and requester of each row."""
    with closing(apsw.Connection(str(folder / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as database:
        rows: list[Any] = database.execute(
            "SELECT event, access_key, sealed_requester FROM audit ORDER BY id"
        ).fetchall()
    opened = Sealer(b"k" * 32).open
    return [(event, key, sealed and opened(f"audit.requester:{key}", sealed)) for event, key, sealed in rows]


async def test_rights_are_told_at_the_sign_in(node: Node) -> None:
    for user_id, rights in (("40001", ["agent", "supervisor"]), ("31007", ["agent"]), ("400011", ["agent"])):
        reply = await node.client.json("POST", SESSIONS, {"userId": user_id, "userName": "Deniz"})
        assert reply.json["rights"] == rights


async def test_who_is_taken_off_the_list_loses_the_right(node: Node) -> None:
    token = (await signed_in(node, "40001")).token
    policy = AccessPolicy(True, DAY_MS, 300_000, 30 * DAY_MS)
    for supervisors, supervises in ((("40001",), True), ((), False), (("40002",), False), (("40001",), True)):
        restarted = StaffAccess(node.store, None, node.clock, policy, supervisors)
        identity = await restarted.identify(token)
        assert identity is not None
        assert identity.supervises is supervises


async def test_a_supervisor_reads_the_conversations_of_others(
    node: Node, app: App, desk: Desk, supervisor: Desk
) -> None:
    session = await talking(app, desk)
    await app.say(session, "m-1", "Merhaba")
    await leave(desk, session, "n-1", "eins")
    assert (await supervisor.ask("GET", TALK, named=session)).json["customerId"] == "880214"
    assert await texts(await supervisor.ask("GET", TALK + "/messages", named=session)) == [(4, "customer", "Merhaba")]
    assert await notes(supervisor, session) == [("Selin Aksoy", "n-1", "eins")]


async def test_a_supervisor_writes_nothing_there(node: Node, app: App, desk: Desk, supervisor: Desk) -> None:
    session = await talking(app, desk)
    assert is_problem(await supervisor.say(session, "m-1", "x"), 404, "SESSION_NOT_FOUND")
    assert is_problem(await leave(supervisor, session, "n-1", "x"), 404, "SESSION_NOT_FOUND")
    assert is_problem(await supervisor.take(sessionId=session), 409, "WAIT_ENDED")


async def test_a_supervisor_ends_for_the_company(
    node: Node, app: App, desk: Desk, supervisor: Desk, tmp_path: Path
) -> None:
    session = await talking(app, desk)
    ended = await supervisor.ask("POST", TALK + "/end", named=session)
    assert (ended.status, ended.json["endedBy"]) == (200, "company")
    assert (await app.ask("GET", HELP, session)).json["conversation"]["endedBy"] == "company"
    assert (await supervisor.ask("POST", TALK + "/end", named=session)).json == ended.json, "again: the same"
    assert audited(tmp_path)[-1] == (Event.CONVERSATION_ENDED, "staff", "40001")


async def test_who_looks_at_a_customers_numbers_is_written_down(
    node: Node, app: App, desk: Desk, supervisor: Desk, tmp_path: Path
) -> None:
    session = await talking(app, desk)
    before = audited(tmp_path)
    assert (await desk.ask("POST", TALK + "/reveal", named=session)).json == {}
    assert (await supervisor.ask("POST", TALK + "/reveal", named=session)).json == {}
    assert (await desk.ask("POST", TALK + "/reveal", named=session)).json == {}, "each time"
    assert audited(tmp_path)[len(before) :] == [(PROFILE_SHOWN, "staff", who) for who in ("31007", "40001", "31007")]


async def test_nobody_else_looks_at_a_customers_numbers(node: Node, app: App, desk: Desk, tmp_path: Path) -> None:
    session = await talking(app, desk)
    before = audited(tmp_path)
    other = await signed_in(node, "31009", "Can Er")
    for named in (session, "019a0000-0000-7000-8000-00000000ffff", "x"):
        assert is_problem(await other.ask("POST", TALK + "/reveal", named=named), 404, "SESSION_NOT_FOUND")
    waiting = await (App(node, await node.activated("990011"))).start()
    assert is_problem(await desk.ask("POST", TALK + "/reveal", named=waiting), 404, "SESSION_NOT_FOUND")
    assert [row for row in audited(tmp_path)[len(before) :] if row[0] == PROFILE_SHOWN] == []


async def test_a_supervisor_is_an_agent_too(node: Node, app: App, desk: Desk, supervisor: Desk, tmp_path: Path) -> None:
    session = await talking(app, supervisor)
    assert (await supervisor.say(session, "m-1", "Merhaba")).status == 201
    assert (await leave(supervisor, session, "n-1", "eins")).status == 201
    assert is_problem(await desk.ask("GET", TALK, named=session), 404, "SESSION_NOT_FOUND")
    assert (await supervisor.ask("POST", TALK + "/end", named=session)).json["endedBy"] == "agent"
    assert audited(tmp_path)[-1] == (Event.CONVERSATION_ENDED, None, None)


async def test_what_is_no_conversation_is_nobodys(app: App, supervisor: Desk) -> None:
    session = await app.start()
    for named in (session, "nobody", "019abf0e-6f3c-7c1a-9b7e-3f2a1c5d7e90"):
        for method, path in (("GET", ""), ("GET", "/messages"), ("GET", "/notes"), ("POST", "/end")):
            refused = await supervisor.ask(method, TALK + path, named=named)
            assert is_problem(refused, 404, "SESSION_NOT_FOUND")


async def test_a_supervisor_closes_a_request(
    node: Node, app: App, desk: Desk, supervisor: Desk, tmp_path: Path
) -> None:
    session = await app.start()
    refused = await desk.close(session)
    assert is_problem(refused, 403, "RIGHT_MISSING")
    assert (await app.ask("GET", HELP, session)).json["state"] == "WAITING"
    closed = await supervisor.close(session)
    told = {"sessionId": session, "outcome": "CANCELLED", "reason": "administrator"}
    assert (closed.status, closed.json) == (200, told)
    found = (await app.ask("GET", HELP, session)).json
    assert (found["state"], found["outcome"], found["reason"]) == ("ENDED", "CANCELLED", "administrator")
    again = await supervisor.close(session)
    assert (again.status, again.json) == (200, told), "a lost answer is told again"
    assert audited(tmp_path)[-1] == (Event.ADMINISTRATOR_CANCEL, "staff", "40001")


async def test_who_comes_too_late_is_told_why(node: Node, app: App, desk: Desk, supervisor: Desk) -> None:
    session = await talking(app, desk)
    late = await supervisor.close(session)
    assert is_problem(late, 409, "WAIT_ENDED")
    assert (late.json["sessionId"], late.json["outcome"], late.json["agentName"]) == (
        session,
        "CONNECTED",
        "Selin Aksoy",
    )
    other = App(node, await node.activated("880215"))
    cancelled = await other.start()
    await other.ask("DELETE", HELP, cancelled)
    late = await supervisor.close(cancelled)
    assert is_problem(late, 409, "WAIT_ENDED")
    assert (late.json["outcome"], late.json["reason"]) == ("CANCELLED", "customer")
    for nobody in ("nobody", "019abf0e-6f3c-7c1a-9b7e-3f2a1c5d7e90", "a%00b"):
        late = await supervisor.close(nobody)
        assert is_problem(late, 404, "SESSION_NOT_FOUND")
