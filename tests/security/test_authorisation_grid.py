"""Who may do what: every route for every identity, on the sessions of everybody. The table is the whole truth."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from diyalog.domain.commands import AcceptWait, EndConversation
from diyalog.domain.ids import CommandId, SessionId, StaffRef
from diyalog.domain.results import Verdict
from diyalog.domain.wait import Party
from kit.server import Customer, running

from .reference import Header, Sent
from .world import ACTIVATIONS, DEVICE, FIRST, GET_HASH, NOT_DELIVERED, REVOKED, World, world

IDENTITIES = (
    *("nobody", "unknown", "stranger", "owner", "expired", "barred"),
    *("signed", "forged", "revoked"),
    *("agent", "former", "supervisor"),
)
"""No credentials; a token nobody has; another customer's; the owner's; the owner's, too old to start help; that of a
customer who was barred since; the company's signature; a wrong signature; the signature of a revoked key; the token
of a member of the staff; that of one, too old; that of a supervisor."""

# Whose: of whom the session, interaction or customer is that the request names; `talking`: the owner, in conversation
# with the agent, `others`: with another agent, `led`: with the supervisor. An envelope's errorCode stands for 200.
GRID = """
route                                                  whose    nobody unknown stranger owner expired barred signed forged revoked agent former supervisor
POST /v1/application/interactionisnotdelivered         owner    400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/interactionisnotdelivered         stranger 400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/interactionisnotdelivered         nobody   400    400     400      400   400     400    402    401    401     400   400    400
POST /v1/application/gettransactionhashforonlinehelp   owner    400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/gettransactionhashforonlinehelp   barred   400    400     400      400   400     400    false  401    401     400   400    400
POST /v1/client/activations                            owner    401    401     401      401   401     401    401    401    401     401   401    401
POST /v1/client/activations                            hash     201    201     201      201   201     201    201    201    201     201   201    201
POST /v1/client/activations                            barred   403    403     403      403   403     403    403    403    403     403   403    403
POST /v1/client/help                                   nobody   401    401     201      201   401     403    401    401    401     401   401    401
GET /v1/client/help                                    nobody   401    401     200      200   200     200    401    401    401     401   401    401
GET /v1/client/help/{sessionId}                        owner    401    401     404      200   200     404    401    401    401     401   401    401
GET /v1/client/help/{sessionId}                        stranger 401    401     200      404   404     404    401    401    401     401   401    401
GET /v1/client/help/{sessionId}                        barred   401    401     404      404   404     200    401    401    401     401   401    401
GET /v1/client/help/{sessionId}                        nobody   401    401     404      404   404     404    401    401    401     401   401    401
DELETE /v1/client/help/{sessionId}                     owner    401    401     404      200   200     404    401    401    401     401   401    401
DELETE /v1/client/help/{sessionId}                     stranger 401    401     200      404   404     404    401    401    401     401   401    401
DELETE /v1/client/help/{sessionId}                     barred   401    401     404      404   404     200    401    401    401     401   401    401
DELETE /v1/client/help/{sessionId}                     nobody   401    401     404      404   404     404    401    401    401     401   401    401
POST /v1/application/finishonlinehelp                  talking  400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/finishonlinehelp                  owner    400    400     400      400   400     400    400    401    401     400   400    400
POST /v1/application/finishonlinehelps                 talking  400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/enableoutofoffice                 agent    400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/enableoutofoffice                 nobody   400    400     400      400   400     400    400    401    401     400   400    400
POST /v1/application/disableoutofoffice                agent    400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/getuseroutofofficeinfo            agent    400    400     400      400   400     400    200    401    401     400   400    400
POST /v1/application/getuseroutofofficeinfo            nobody   400    400     400      400   400     400    400    401    401     400   400    400
GET /v1/client/help/{sessionId}/messages               talking  401    401     404      200   200     404    401    401    401     401   401    401
POST /v1/client/help/{sessionId}/messages              talking  401    401     404      201   201     404    401    401    401     401   401    401
POST /v1/client/help/{sessionId}/end                   talking  401    401     404      200   200     404    401    401    401     401   401    401
POST /v1/client/help/{sessionId}/end                   owner    401    401     404      409   409     404    401    401    401     401   401    401
GET /v1/staff/queue                                    nobody   401    401     401      401   401     401    401    401    401     200   401    200
POST /v1/staff/conversations                           owner    401    401     401      401   401     401    401    401    401     201   401    201
POST /v1/staff/conversations                           talking  401    401     401      401   401     401    401    401    401     201   401    409
POST /v1/staff/conversations                           others   401    401     401      401   401     401    401    401    401     409   401    409
POST /v1/staff/conversations                           nobody   401    401     401      401   401     401    401    401    401     404   401    404
GET /v1/staff/conversations/{conversationId}           talking  401    401     401      401   401     401    401    401    401     200   401    200
GET /v1/staff/conversations/{conversationId}           others   401    401     401      401   401     401    401    401    401     404   401    200
GET /v1/staff/conversations/{conversationId}           owner    401    401     401      401   401     401    401    401    401     404   401    404
GET /v1/staff/conversations/{conversationId}           led      401    401     401      401   401     401    401    401    401     404   401    200
GET /v1/staff/conversations/{conversationId}/messages  talking  401    401     401      401   401     401    401    401    401     200   401    200
GET /v1/staff/conversations/{conversationId}/messages  others   401    401     401      401   401     401    401    401    401     404   401    200
POST /v1/staff/conversations/{conversationId}/messages talking  401    401     401      401   401     401    401    401    401     201   401    404
POST /v1/staff/conversations/{conversationId}/messages others   401    401     401      401   401     401    401    401    401     404   401    404
POST /v1/staff/conversations/{conversationId}/messages led      401    401     401      401   401     401    401    401    401     404   401    201
POST /v1/staff/conversations/{conversationId}/end      talking  401    401     401      401   401     401    401    401    401     200   401    200
POST /v1/staff/conversations/{conversationId}/end      others   401    401     401      401   401     401    401    401    401     404   401    200
POST /v1/staff/conversations/{conversationId}/end      led      401    401     401      401   401     401    401    401    401     404   401    200
POST /v1/staff/conversations/{conversationId}/end      owner    401    401     401      401   401     401    401    401    401     404   401    404
POST /v1/staff/conversations/{conversationId}/reveal   talking  401    401     401      401   401     401    401    401    401     200   401    200
POST /v1/staff/conversations/{conversationId}/reveal   others   401    401     401      401   401     401    401    401    401     404   401    200
POST /v1/staff/conversations/{conversationId}/reveal   led      401    401     401      401   401     401    401    401    401     404   401    200
POST /v1/staff/conversations/{conversationId}/reveal   owner    401    401     401      401   401     401    401    401    401     404   401    404
POST /v1/staff/conversations/{conversationId}/reveal   nobody   401    401     401      401   401     401    401    401    401     404   401    404
GET /v1/staff/conversations/{conversationId}/notes     talking  401    401     401      401   401     401    401    401    401     200   401    200
GET /v1/staff/conversations/{conversationId}/notes     others   401    401     401      401   401     401    401    401    401     404   401    200
GET /v1/staff/conversations/{conversationId}/notes     led      401    401     401      401   401     401    401    401    401     404   401    200
GET /v1/staff/conversations/{conversationId}/notes     owner    401    401     401      401   401     401    401    401    401     404   401    404
GET /v1/staff/conversations/{conversationId}/notes     nobody   401    401     401      401   401     401    401    401    401     404   401    404
POST /v1/staff/conversations/{conversationId}/notes    talking  401    401     401      401   401     401    401    401    401     201   401    404
POST /v1/staff/conversations/{conversationId}/notes    others   401    401     401      401   401     401    401    401    401     404   401    404
POST /v1/staff/conversations/{conversationId}/notes    led      401    401     401      401   401     401    401    401    401     404   401    201
POST /v1/staff/conversations/{conversationId}/notes    owner    401    401     401      401   401     401    401    401    401     404   401    404
DELETE /v1/staff/waits/{sessionId}                     owner    401    401     401      401   401     401    401    401    401     403   401    200
DELETE /v1/staff/waits/{sessionId}                     talking  401    401     401      401   401     401    401    401    401     403   401    409
DELETE /v1/staff/waits/{sessionId}                     nobody   401    401     401      401   401     401    401    401    401     403   401    404
PUT /v1/staff/availability                             nobody   401    401     401      401   401     401    401    401    401     200   401    200
POST /v1/staff/offers/{sessionId}/decline              owner    401    401     401      401   401     401    401    401    401     404   401    404
GET /v1/client/events                                  nobody   426    426     426      426   426     426    426    426    426     426   426    426
GET /v1/staff/events                                   nobody   426    426     426      426   426     426    426    426    426     426   426    426
POST /v1/staff/sessions                                agent    502    502     502      502   502     502    502    502    502     502   502    502
POST /v1/staff/sessions                                nobody   400    400     400      400   400     400    400    400    400     400   400    400
GET /livez                                             nobody   200    200     200      200   200     200    200    200    200     200   200    200
GET /readyz                                            nobody   200    200     200      200   200     200    200    200    200     200   200    200
GET /metrics                                           nobody   200    200     200      200   200     200    200    200    200     200   200    200
GET /openapi.json                                      nobody   200    200     200      200   200     200    200    200    200     200   200    200
GET /asyncapi.json                                     nobody   200    200     200      200   200     200    200    200    200     200   200    200
GET /docs                                              nobody   200    200     200      200   200     200    200    200    200     200   200    200
GET /docs.css                                          nobody   200    200     200      200   200     200    200    200    200     200   200    200
"""  # noqa: E501 - a table
AGENTS = {"talking": "agent", "others": "second", "led": "supervisor"}
"""Whose conversation it is, and which agent has it."""
OFFICE = ("outofoffice", "outofofficeinfo")
AVAILABILITY = "/v1/staff/availability"
FINISH, CONVERSATIONS = "/v1/application/finishonlinehelp", "/v1/staff/conversations"
SIGN_IN: dict[str, object] = {"userId": "31007", "userName": "Selin Aksoy", "sessionId": "s", "token": "t"}
"""What the company would have to confirm, which has no CheckToken here."""
ROWS = [line.split() for line in GRID.strip().splitlines()[1:]]
CELLS = [
    (f"{method} {template}", whose, identity, outcome)
    for method, template, whose, *outcomes in ROWS
    for identity, outcome in zip(IDENTITIES, outcomes, strict=True)
]


@dataclass
class People:
    """A world with everybody in it. `sessions`: whose -> an open session, fresh for each request."""

    world: World
    tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, SessionId] = field(default_factory=dict)
    staff: dict[str, StaffRef] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def employ(self, identity: str) -> None:
        """Give a member of the staff a token, as if the company had confirmed one of its own."""
        token = self.tokens[identity] = f"token of {identity}"
        record = await self.world.parts.store.sign_in_staff(identity, identity, hashlib.sha256(token.encode()).digest())
        self.staff[identity] = record.staff

    async def ask(self, route: str, whose: str, identity: str) -> str:
        """Send the route's request as this identity; its status, of an envelope its errorCode or `false`."""
        await self._nobody_talks()
        for customer in ("owner", "stranger"):
            self.sessions[customer] = (await self.world.wait(self.tokens[customer]))["sessionId"]
        if whose in AGENTS:
            await self._talk(whose)
        method, template = route.split()
        session = self.sessions.get(whose, "5521903347")
        target = template.replace("{sessionId}", session).replace("{conversationId}", session)
        sent = self._request(method, target, await self._fields(target, whose), identity)
        stored = self.world.stored()
        reply = await self.world.send(sent)
        answer = reply.json if reply.header("content-type") == "application/json" else {}
        refused = reply.status >= 400 or answer.get("isSuccess") is False
        if refused and (target, whose) != (ACTIVATIONS, "barred"):  # where a good hash was shown, and is used up
            assert self.world.stored() == stored, f"{route} had an effect and answered {reply.status}"
        if answer.get("isSuccess") is False:
            return str(answer.get("errorCode", "false"))
        return str(reply.status)

    async def _talk(self, whose: str) -> None:
        """Let an agent take the owner's wait."""
        self.sessions[whose] = self.sessions["owner"]
        accept = AcceptWait(CommandId(f"accept-{next(self.numbers)}"), self.staff[AGENTS[whose]], self.sessions[whose])
        assert (await self.world.parts.store.conversations.accept(accept)).verdict is Verdict.WON

    async def _nobody_talks(self) -> None:
        """End the owner's conversation, so that the owner can ask again."""
        store = self.world.parts.store
        for agent in AGENTS.values():
            if (session := await store.conversations.between("owner", agent)) is not None:
                end = EndConversation(CommandId(f"end-{next(self.numbers)}"), session, Party.COMPANY)
                await store.conversations.end(end)

    async def _fields(self, target: str, whose: str) -> dict[str, object]:  # noqa: PLR0911  a table
        if target.endswith(OFFICE):
            return {"staffId": whose}
        if target.startswith(FINISH):
            return {"customerId": "owner", "staffId": "agent"}
        if target == AVAILABILITY:
            return {"available": True}
        if target in {NOT_DELIVERED, CONVERSATIONS}:
            return {"sessionId": self.sessions.get(whose, "5521903347")}
        if target == GET_HASH:
            return {"customerId": whose, "deviceHash": DEVICE}
        if target == ACTIVATIONS and whose == "hash":
            value = await self.world.transaction_hash("owner")
            return {"customerId": "owner", "deviceHash": DEVICE, "transactionHash": value}
        if target == ACTIVATIONS and whose == "barred":
            # The hash was issued before the customer was barred.
            await self.world.parts.store.bar("barred", barred=False)
            value = await self.world.transaction_hash("barred")
            await self.world.parts.store.bar("barred", barred=True)
            return {"customerId": "barred", "deviceHash": DEVICE, "transactionHash": value}
        if target == ACTIVATIONS:
            value = await self.world.transaction_hash("stranger")
            return {"customerId": "owner", "deviceHash": DEVICE, "transactionHash": value}
        if whose in AGENTS or target.endswith("/notes"):
            return {"id": "m-1", "text": "Merhaba"}
        return SIGN_IN if whose == "agent" else {"helpType": "chat"}

    def _request(self, method: str, target: str, fields: dict[str, object], identity: str) -> Sent:
        company = {"signed": FIRST, "forged": (FIRST[0], "another secret"), "revoked": REVOKED}
        if identity in company:
            return self.world.signed(target, fields, key=company[identity], method=method)
        unsigned = self.world.signed(target, fields, method=method)
        token = self.tokens.get(identity, "unknown-token")
        shown: tuple[Header, ...] = ((b"authorization", f"Bearer {token}".encode()),) if identity != "nobody" else ()
        return Sent(method, target, ((b"content-type", b"application/json"), *shown), unsigned.body)


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[People]:
    async with world(tmp_path) as here:
        everybody = People(here)
        everybody.tokens["expired"] = await here.token("owner")
        await everybody.employ("former")
        here.clock.advance(86_400_001)
        for customer in ("owner", "stranger", "barred"):
            everybody.tokens[customer] = await here.token(customer)
        await everybody.employ("agent")
        await everybody.employ("second")
        await everybody.employ("supervisor")
        for identity in ("agent", "supervisor"):  # a sign of life, which is not stored every time
            await everybody.ask("GET /v1/staff/queue", "nobody", identity)
        everybody.sessions["barred"] = (await here.wait(everybody.tokens["barred"]))["sessionId"]
        await here.parts.store.bar("barred", barred=True)
        yield everybody


async def test_every_route_stands_in_the_table(people: People) -> None:
    routes = {f"{route.method} {route.template}" for route in people.world.parts.application.table.routes}
    assert routes == {route for route, *_ in CELLS}


async def test_the_table(people: People) -> None:
    found = [(*cell[:3], await people.ask(*cell[:3])) for cell in CELLS]
    assert [cell for cell, due in zip(found, CELLS, strict=True) if cell != due] == []
    assert len(found) == len(ROWS) * len(IDENTITIES) == 78 * 12


async def test_a_signature_of_another_time_is_none(people: People) -> None:
    here = people.world
    signed = here.signed(NOT_DELIVERED, {"sessionId": "x"})
    here.clock.advance(901_000)
    assert (await here.send(signed)).status == 403


@pytest.mark.parametrize(
    ("whose_token", "whose_session", "code"),
    [
        ("owner", "owner", 0),
        ("stranger", "owner", 4404),
        ("owner", "stranger", 4404),
        ("owner", "nobody", 4404),
        ("unknown", "owner", 4401),
        ("", "owner", 4401),
    ],
)
async def test_event_streams(tmp_path: Path, whose_token: str, whose_session: str, code: int) -> None:
    async with (
        running(tmp_path) as server,
        Customer(server.url, "owner") as owner,
        Customer(server.url, "stranger") as stranger,
    ):
        sessions = {
            "owner": (await owner.start()).json["sessionId"],
            "stranger": (await stranger.start()).json["sessionId"],
        }
        token = {"owner": owner.token, "stranger": stranger.token}.get(whose_token, whose_token)
        async with owner.http.ws_connect(f"{server.url}/v1/client/events") as socket:
            session = sessions.get(whose_session, "5521903347")
            await socket.send_json({"type": "hello", "token": token, "sessionId": session, "after": 0})
            message = await socket.receive(timeout=10)
            assert (socket.close_code or 0) == code
            assert code or message.json()["sessionId"] == session
