"""Letting the staff in, on the real store."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from diyalog.api.addresses import ClientAddresses
from diyalog.api.bearer import Failures
from diyalog.api.exchange import Exchange, Message
from diyalog.api.limits import RateLimit
from diyalog.api.problems import RefusedError
from diyalog.api.staff_gate import StaffGate
from diyalog.storage.sqlite import DATABASE_NAME
from diyalog.usecases.access import AccessPolicy
from diyalog.usecases.staff_access import StaffAccess

from .node import DAY_MS, Node, running_node
from .test_client import TIME, is_problem
from .test_documents import is_described

SESSIONS = "/v1/staff/sessions"
SELIN = {"userId": "31007", "userName": "Selin Aksoy", "sessionId": "ag-5521", "token": "Zk3v"}
PAGE = "https://desk.bank.example"


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SELIN.items() if name not in names}


async def test_who_is_confirmed_is_let_in(tmp_path: Path) -> None:
    async with running_node(tmp_path, open_access=False) as node:
        reply = await node.client.json("POST", SESSIONS, SELIN)
        assert (reply.status, reply.header("content-type"), reply.header("cache-control")) == (
            201,
            "application/json",
            "no-store",
        )
        is_described(reply, "POST", SESSIONS)
        answer = reply.json
        assert set(answer) == {"staffToken", "expiresAt", "userId", "userName", "rights"}
        assert answer["rights"] == ["agent"]
        assert (answer["userId"], answer["userName"]) == ("31007", "Selin Aksoy")
        assert re.fullmatch(r"[\w-]{43}", answer["staffToken"])
        assert TIME.fullmatch(answer["expiresAt"])
        assert node.tokens.shown == [("ag-5521", "Zk3v", "31007")]


async def test_numbers_are_ids_and_unknown_fields_are_ignored(node: Node) -> None:
    body = {"userId": 31007, "userName": "Selin", "sessionId": 5521, "token": "t", "isOutbound": "false"}
    reply = await node.client.json("POST", SESSIONS, body)
    assert (reply.status, reply.json["userId"]) == (201, "31007")
    assert node.tokens.shown == [("5521", "t", "31007")]


@pytest.mark.parametrize("blank", [None, "", "  ", "\t\n"])
async def test_open_access_asks_nobody_unless_something_is_shown(node: Node, blank: str | None) -> None:
    for body in (without("sessionId", "token"), {**SELIN, "sessionId": blank, "token": blank}):
        assert (await node.client.json("POST", SESSIONS, body)).status == 201
    assert node.tokens.shown == []
    node.tokens.code = "DLGEXCPSRV_TKNINVLD"
    reply = await node.client.json("POST", SESSIONS, SELIN)
    assert is_problem(reply, 401, "DLGEXCPSRV_TKNINVLD")


MISSING = [
    ({}, "DLGEXCPINP_USRID"),
    (without("userId"), "DLGEXCPINP_USRID"),
    (without("userName"), "DLGEXCPINP_USRNM"),
    (without("sessionId"), "DLGEXCPINP_SESID"),
    (without("token"), "DLGEXCPINP_TKN"),
    (without("userName", "token"), "DLGEXCPINP_USRNM"),
]


@pytest.mark.parametrize("open_access", [True, False])
@pytest.mark.parametrize(("body", "code"), MISSING)
async def test_missing_fields(tmp_path: Path, body: dict[str, Any], code: str, *, open_access: bool) -> None:
    async with running_node(tmp_path, open_access=open_access) as node:
        for filler in ({}, dict.fromkeys(SELIN, " "), dict.fromkeys(SELIN)):
            reply = await node.client.json("POST", SESSIONS, {**filler, **body})
            assert is_problem(reply, 400, code)
            is_described(reply, "POST", SESSIONS)
        assert node.tokens.shown == [], "nobody is asked about half a trio"


async def test_without_open_access_something_must_be_shown(tmp_path: Path) -> None:
    async with running_node(tmp_path, open_access=False) as node:
        reply = await node.client.json("POST", SESSIONS, without("sessionId", "token"))
        assert is_problem(reply, 400, "DLGEXCPINP_SESID")


@pytest.mark.parametrize(
    "body",
    [
        [],
        "x",
        None,
        {**SELIN, "userId": True},
        {**SELIN, "userId": 1.5},
        {**SELIN, "userName": 5},
        {**SELIN, "userName": ["Selin"]},
        {**SELIN, "sessionId": {}},
        {**SELIN, "token": 7},
        {**SELIN, "userId": "31\x00007"},
        {**SELIN, "userId": "3" * 256},
        {**SELIN, "userName": "S" * 256},
        {**SELIN, "sessionId": "a" * 1025},
        {**SELIN, "token": "Z" * 4097},
        {**SELIN, "userId": 10**300},
    ],
)
async def test_what_cannot_be_used(node: Node, body: object) -> None:
    reply = await node.client.json("POST", SESSIONS, body, content_type="application/json")
    assert is_problem(reply, 400, "MALFORMED")
    assert reply.json["detail"].startswith("The request content was malformed: ")
    assert node.tokens.shown == []


async def test_the_longest_of_all_are_taken(node: Node) -> None:
    longest = {"userId": "3" * 255, "userName": "Ş" * 255, "sessionId": "a" * 1024, "token": "Z" * 4096}
    assert (await node.client.json("POST", SESSIONS, longest)).json["userName"] == "Ş" * 255


async def test_content(node: Node) -> None:
    text = await node.client.json("POST", SESSIONS, SELIN, content_type="text/plain")
    assert is_problem(text, 415, "UNSUPPORTED_MEDIA_TYPE")
    large = await node.client.json("POST", SESSIONS, {**SELIN, "x": "y" * 70_000})
    assert is_problem(large, 413, "BODY_TOO_LARGE")
    other = await node.client.json("GET", SESSIONS)
    assert is_problem(other, 405, "METHOD_NOT_ALLOWED")
    assert other.header("allow") == "POST"
    twice = await node.client.send(
        "POST", SESSIONS, {"content-type": "application/json"}, b'{"userId":"1","userId":"2","userName":"S"}'
    )
    assert is_problem(twice, 400, "MALFORMED")
    assert is_problem(await node.client.json("POST", "/v1/staff/nowhere", SELIN), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("DLGEXCPSRV_TKNINVLD", 401),
        ("DLGEXCPSRV_TKNEXP", 401),
        ("DLGEXCPSRV_TKNNOTVLD", 401),
        ("DLGEXCPSRV_SIDINVLD", 401),
        ("DLGEXCPSRV_AUTHSRVERR", 502),
        ("DLGEXCPSRV_BADREQ", 502),
        ("DLGEXCPSRV_AUTHSRVINACC", 502),
    ],
)
async def test_what_the_companys_check_says(node: Node, code: str, status: int) -> None:
    node.tokens.code = code
    reply = await node.client.json("POST", SESSIONS, SELIN)
    assert is_problem(reply, status, code)
    is_described(reply, "POST", SESSIONS)
    assert (reply.header("www-authenticate") is not None) == (status == 401)
    node.tokens.code = ""
    assert (await node.client.json("POST", SESSIONS, SELIN)).status == 201


async def test_a_code_that_nobody_knows_is_a_refusal(node: Node) -> None:
    node.tokens.code = "DLGEXCPSRV_NEWER"
    assert is_problem(await node.client.json("POST", SESSIONS, SELIN), 401, "DLGEXCPSRV_TKNNOTVLD")


@pytest.mark.parametrize("open_access", [True, False])
async def test_a_token_that_nobody_can_check_is_not_believed(tmp_path: Path, *, open_access: bool) -> None:
    async with running_node(tmp_path, open_access=open_access, staff_checked=False) as node:
        reply = await node.client.json("POST", SESSIONS, SELIN)
        assert is_problem(reply, 502, "DLGEXCPSRV_AUTHSRVINACC")


async def test_while_the_store_is_away(node: Node) -> None:
    node.store.away = True
    reply = await node.client.json("POST", SESSIONS, SELIN)
    assert is_problem(reply, 503, "UNAVAILABLE")
    is_described(reply, "POST", SESSIONS)
    assert reply.header("retry-after") == "1"


async def test_refusals_count_as_failed_authentications(tmp_path: Path) -> None:
    async with running_node(tmp_path, auth_failures=2) as node:
        node.tokens.code = "DLGEXCPSRV_TKNEXP"
        for _ in range(2):
            assert (await node.client.json("POST", SESSIONS, SELIN)).status == 401
        reply = await node.client.json("POST", SESSIONS, SELIN)
        assert is_problem(reply, 429, "TOO_MANY_REQUESTS")
        is_described(reply, "POST", SESSIONS)
        assert (await node.client.json("GET", "/v1/client/help", token="wrong")).status == 429, "one count for all"
        node.tokens.code = ""
        assert (await node.client.json("POST", SESSIONS, SELIN)).status == 201


async def test_pages_of_allowed_origins(tmp_path: Path) -> None:
    async with running_node(tmp_path, allowed_origins=(PAGE,)) as node:
        asking = {"origin": PAGE, "access-control-request-method": "POST"}
        preflight = await node.client.send("OPTIONS", SESSIONS, asking)
        assert (preflight.status, preflight.header("access-control-allow-origin")) == (204, PAGE)
        assert "POST" in (preflight.header("access-control-allow-methods") or "")
        assert "authorization" in (preflight.header("access-control-allow-headers") or "")
        for body, status in ((SELIN, 201), ({}, 400)):
            reply = await node.client.json("POST", SESSIONS, body, origin=PAGE)
            assert (reply.status, reply.header("access-control-allow-origin")) == (status, PAGE)
        lost = await node.client.json("POST", "/v1/staff/nowhere", SELIN, origin=PAGE)
        assert (lost.status, lost.header("access-control-allow-origin")) == (404, PAGE)
        asking["origin"] = "https://evil.example"
        assert is_problem(await node.client.send("OPTIONS", SESSIONS, asking), 403, "ORIGIN_NOT_ALLOWED")
        other = await node.client.json("POST", SESSIONS, SELIN, origin="https://evil.example")
        assert other.header("access-control-allow-origin") is None


# The gate before everything else that the staff may do


@pytest.fixture
def gate(node: Node) -> StaffGate:
    """A gate on the node's store that lets two refusals a minute through."""
    access = StaffAccess(node.store, None, node.clock, AccessPolicy(True, DAY_MS, 300_000, 30 * DAY_MS))
    return StaffGate(access, Failures(RateLimit(2, node.clock.now_ms), ClientAddresses(())))


async def signed_in(node: Node, user_id: str = "31007") -> str:
    reply = await node.client.json("POST", SESSIONS, {"userId": user_id, "userName": f"Agent {user_id}"})
    token: str = reply.json["staffToken"]
    return token


def showing(*authorizations: str) -> Exchange:
    headers = [(b"authorization", text.encode("latin-1")) for text in authorizations]

    async def receive() -> Message:
        raise AssertionError("the gate reads no body")

    return Exchange({"method": "GET", "headers": headers, "client": ("192.0.2.7", 50_000)}, receive, "id")


async def refusal(gate: StaffGate, exchange: Exchange) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        await gate.identify(exchange)
    assert exchange.asker is None
    return refused.value


async def test_a_token_tells_who_asks(node: Node, gate: StaffGate) -> None:
    selin, mert = await signed_in(node), await signed_in(node, "31008")
    for token, user_id in ((selin, "31007"), (mert, "31008"), (selin, "31007")):
        exchange = showing(f"bEARER  {token} ")
        identity = await gate.identify(exchange)
        assert (identity.user_id, identity.user_name) == (user_id, f"Agent {user_id}")
        assert exchange.asker == f"staff-{identity.staff}"


@pytest.mark.parametrize("shown", [[], [""], ["Bearer"], ["Bearer "], ["Basic {0}"], ["{0}"], ["Bearer {0}"] * 2])
async def test_without_one_good_token(node: Node, gate: StaffGate, shown: list[str]) -> None:
    token = await signed_in(node)
    for _ in range(5):
        refused = await refusal(gate, showing(*(text.format(token) for text in shown)))
        assert refused.code == "TOKEN_UNKNOWN"
        assert refused.headers == ((b"www-authenticate", b'Bearer realm="diyalog"'),)


async def test_a_token_of_nobody_counts_as_a_failure(node: Node, gate: StaffGate) -> None:
    for token in (await node.activated("31007"), "\xff"):
        refused = await refusal(gate, showing(f"Bearer {token}"))
        assert (refused.code, refused.detail) == (
            "TOKEN_UNKNOWN",
            "The staff token is missing, unknown or too old; sign in again.",
        )
        assert b"invalid_token" in dict(refused.headers)[b"www-authenticate"]
    refused = await refusal(gate, showing("Bearer unknown"))
    assert refused.code == "TOO_MANY_REQUESTS"
    assert int(dict(refused.headers)[b"retry-after"]) > 0
    assert (await gate.identify(showing(f"Bearer {await signed_in(node)}"))).user_id == "31007"


async def test_a_token_lives_for_its_time(node: Node, gate: StaffGate) -> None:
    old = await signed_in(node)
    node.clock.advance(DAY_MS)
    young = await signed_in(node)
    assert (await gate.identify(showing(f"Bearer {old}"))).user_id == "31007"
    node.clock.advance(1)
    assert (await refusal(gate, showing(f"Bearer {old}"))).code == "TOKEN_UNKNOWN"
    assert (await gate.identify(showing(f"Bearer {young}"))).user_id == "31007"


async def test_a_staff_token_is_no_clients_and_the_other_way_round(node: Node, gate: StaffGate) -> None:
    staff_token, client_token = await signed_in(node, "880214"), await node.activated("880214")
    assert is_problem(await node.start(staff_token), 401, "TOKEN_UNKNOWN")
    assert (await refusal(gate, showing(f"Bearer {client_token}"))).code == "TOKEN_UNKNOWN"


async def test_a_sign_of_life_that_could_not_be_stored_is_stored_by_the_next_request(
    node: Node, gate: StaffGate, tmp_path: Path
) -> None:
    token = await signed_in(node)

    def seen_at() -> object:
        with closing(apsw.Connection(str(tmp_path / DATABASE_NAME))) as database:
            return database.execute("SELECT seen_at FROM staff").fetchall()[0][0]

    node.clock.advance(60_000)
    node.store.away = True
    assert (await gate.identify(showing(f"Bearer {token}"))).user_id == "31007", "reading goes on"
    node.store.away = False
    assert seen_at() == node.clock.at - 60_000
    await gate.identify(showing(f"Bearer {token}"))
    assert seen_at() == node.clock.at
    node.clock.advance(9_999)
    await gate.identify(showing(f"Bearer {token}"))
    assert seen_at() == node.clock.at - 9_999, "every 10 s will do"
