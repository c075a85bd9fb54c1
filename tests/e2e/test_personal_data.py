"""Personal data stays where it belongs: canaries go in at every door, and are looked for at every other one."""

import json
import struct
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from diyalog.client import sign
from e2e.world import STOPPED, World, world
from kit.server import NOT_DELIVERED, TRANSACTION_HASH, Caller, Customer, Reply

ACTIVATIONS = "/v1/client/activations"
HELP = "/v1/client/help"
SIGN_INS = "/v1/staff/sessions"
NUMBER = 73_519_428_660
"""An identity number sent as a JSON number."""
REQUEST_FIELDS = {"at", "level", "method", "route", "status", "duration_ms", "request_id"}
TRANSITION_FIELDS = {"at", "level", "session_id", "change", "state"}


@dataclass
class Canaries:
    """Texts that occur nowhere by chance. `answers`: those given to people whom a text does not belong to."""

    made: dict[str, str] = field(default_factory=dict)
    answers: list[Reply] = field(default_factory=list)

    def __call__(self, name: str) -> str:
        return self.made.setdefault(name, f"Kanarya{name.capitalize()}{zlib.crc32(name.encode()):08x}")

    def add(self, name: str, secret: str) -> str:
        self.made[name] = secret
        return secret

    def found_in(self, data: bytes) -> list[str]:
        """Names of those that stand there, as they are or as Base64, hexadecimal or UTF-16 of it."""
        lower = data.lower()
        return [name for name, text in self.made.items() if any(form in lower for form in _forms(text))]


def _forms(text: str) -> list[bytes]:
    raw = text.encode()
    in_base64 = [b64encode(raw[shift:])[:-4].lower() for shift in range(3)]
    forms = [raw.lower(), raw.hex().encode(), text.encode("utf-16-le").lower(), *in_base64]
    if text.isdecimal():
        forms += [struct.pack(">q", int(text)), struct.pack("<q", int(text))]
    return forms


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, limit_starts="0", open_access="false", drain_seconds="0") as made:
        yield made


@pytest.fixture
async def verified(tmp_path: Path) -> AsyncIterator[World]:
    """Customers and staff come with the company's own tokens."""
    async with world(tmp_path, limit_starts="0", open_access="false", callout_token="KanaryaCallout") as made:
        for check in ("customer_auth_url", "staff_auth_url"):
            made.server.settings[check] = made.server.settings["queue_url"]
        await made.server.stop()
        await made.server.start()
        yield made


async def enters_by_hash(here: World, put: Canaries, customer: Customer) -> None:
    device, about = put("deviceHash"), {"customerId": customer.customer_id, "deviceHash": put("deviceHash")}
    issued = await here.company.call(TRANSACTION_HASH, about)
    value = put.add("transactionHash", issued.json["transactionHash"])
    given = {"customerName": put("name"), "phone": put("phone"), "email": put("email")}
    assert (await customer.activate(deviceHash=device, transactionHash=value, **given)).status == 201
    put.add("clientToken", customer.token)


async def waits_and_is_told(here: World, put: Canaries, customer: Customer) -> None:
    attached = {put("attachedName"): put("attachedValue")}
    begun = (await customer.start(attachedData=attached, identityNumber=NUMBER, idempotency_key=put("key"))).json
    put.add("identityNumber", str(NUMBER))
    assert begun["state"] == "WAITING"
    sent = here.queue.ledger.requests[-1].body
    assert isinstance(sent, dict)
    assert sent["attachedData"] == attached, "the company's queue is told"
    assert sent["customerId"] == customer.customer_id
    async with customer.follow(begun["sessionId"], after=1, epoch=begun["epoch"]) as stream:
        body = json.dumps({"sessionId": begun["sessionId"], "message": put("message")}).encode()
        names = {"access_key_id": here.company.key.access_key_id, "access_key_secret": here.company.key.secret}
        headers = sign("POST", NOT_DELIVERED, body, requester_user_id=put("requester"), **names)
        put.add("authorization", headers["x-dlg-authorization"].partition(":")[2])
        ended = await here.company.send("POST", NOT_DELIVERED, headers=headers, body=body)
        assert ended.json == STOPPED
        put.answers.append(ended)
        assert (await stream.event("wait.ended"))["data"]["message"] == put("message"), "its owner is told"
    assert (await customer.read(begun["sessionId"])).json["message"] == put("message")


async def is_refused(here: World, put: Canaries, customer: Customer) -> None:
    """Everything that can be wrong, with canaries in it; nothing of it comes back."""
    say = {"headers": {"Content-Type": "application/json"}}
    bad = put("badBody")
    bodies = [
        f'{{"customerId": "{bad}", "customerId": "{bad}"}}',
        f'{{"customerId": ["{bad}"]}}',
        f'{{"{bad}": ',
        f'"{bad}"',
        f'{{"customerId": "{bad}\\u0000"}}',
        f'{{"helpType": "{bad}"}}',
        f'{{"helpType": "chat", "attachedData": {{"{bad}": {{"{bad}": 1}}}}}}',
        f'{{"helpType": "chat", "attachedData": {{"{bad}": 5}}, "identityNumber": true}}',
        f'{{"customerId": "{bad}", "deviceHash": "{bad}", "transactionHash": "{bad}"}}',
        f'{{"customerId": "{bad}", "customerName": "{bad}", "deviceId": "{bad}", "dlgToken": "{bad}"}}',
    ]
    bearer = {"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"}
    for body in bodies:
        put.answers.append(await customer.send("POST", ACTIVATIONS, body=body.encode(), **say))
        put.answers.append(await customer.send("POST", HELP, headers=bearer, body=body.encode()))
        for path in (NOT_DELIVERED, TRANSACTION_HASH):
            put.answers.append(await here.company.call(path, body.encode() + b" "))
    put.answers.append(await here.company.not_delivered(interactionId=put("unknownId"), message=put("otherMessage")))
    unsigned = {"x-dlg-date": put("badDate"), "x-dlg-requester-userid": put("badRequester")}
    unsigned["x-dlg-authorization"] = f"DLGA {put('badKey')}:{put('badSignature')}"
    put.answers.append(await customer.send("POST", NOT_DELIVERED, headers=unsigned, body=put("unsigned").encode()))
    stranger = {"Authorization": f"Bearer {put('badToken')}"}
    for path in (HELP, f"{HELP}/{put('badSession')}", f"/{put('badPath')}?{put('badQuery')}=1"):
        put.answers.append(await customer.send("GET", path, headers=stranger))
    put.answers.append(await customer.send("POST", HELP, headers={**stranger, "Idempotency-Key": "ş"}, body=b"{}"))
    assert {reply.status for reply in put.answers} >= {200, 400, 401, 404}
    assert all(reply.status < 500 for reply in put.answers if "DLGEXCPSRV" not in reply.text)


def nothing_shows(here: World, put: Canaries, metrics: bytes) -> None:
    """Look for every canary in everything that the server has written or said."""
    assert put.found_in(" ".join(put.made.values()).encode()) == list(put.made), "they would be found"
    assert put.found_in(here.server.log.encode()) == []
    assert put.found_in(metrics) == []
    files = [file for file in (here.server.folder / "data").iterdir() if file.name != "secret.key"]
    assert any(file.name.endswith("-wal") or file.stat().st_size > 10_000 for file in files)
    for file in files:
        assert put.found_in(file.read_bytes()) == [], file.name
    for reply in put.answers:
        head = json.dumps(dict(reply.headers)).encode()
        assert put.found_in(head + reply.body) == [], f"{reply.status} {reply.text}"


async def metrics_of(here: World) -> bytes:
    return (await here.company.send("GET", "/metrics", headers={})).body


async def test_no_personal_data_shows(here: World) -> None:
    put = Canaries({"accessKeySecret": here.company.key.secret})
    async with AsyncExitStack() as stack:
        customer = await stack.enter_async_context(Customer(here.server.url, put("customerId")))
        other = await stack.enter_async_context(Customer(here.server.url, put("otherCustomer")))
        await enters_by_hash(here, put, customer)
        await waits_and_is_told(here, put, customer)
        await is_refused(here, put, customer)
        device = put("deviceHash")
        issued = await here.company.call(TRANSACTION_HASH, {"customerId": other.customer_id, "deviceHash": device})
        value = put.add("otherHash", issued.json["transactionHash"])
        assert (await other.activate(deviceHash=device, transactionHash=value)).status == 201
        put.add("otherToken", other.token)
        session = here.queue.ledger.interactions[0].session_id
        put.answers += [await other.read(session), await other.cancel(session)]
        open_wait = (await other.start(attachedData={"topic": put("openValue")})).json
        nothing_shows(here, put, await metrics_of(here))  # while somebody waits, with a log of writes still open
    assert await here.metric("diyalog_unhandled_errors_total") == 0
    await here.server.kill()
    nothing_shows(here, put, b"")
    await here.server.start()
    assert (await here.company.not_delivered(sessionId=open_wait["sessionId"])).json == STOPPED
    await here.settle()
    nothing_shows(here, put, b"")


async def test_tokens_of_the_company_do_not_show(verified: World) -> None:
    put = Canaries({"callout": "KanaryaCallout"})
    async with Customer(verified.server.url, put("customerId")) as customer:
        given = {"customerName": put("name"), "deviceId": put("deviceId"), "deviceHash": put("deviceHash")}
        for behaviour in (
            "answer",
            "refuse",
            "answer=InvalidToken",
            f"answer={put('answer')}",
            "status=500",
            "garbage",
        ):
            verified.queue.script("checkauthtoken", behaviour)
            reply = await customer.activate(dlgToken=put("dlgToken"), **given)
            assert reply.status == (201 if behaviour == "answer" else reply.status)
            if reply.status != 201:
                assert reply.status in {401, 502}
                put.answers.append(reply)
        assert len(verified.queue.ledger.received("checkauthtoken")) == 6
        put.add("clientToken", customer.token)
        verified.queue.script("create", f"refuse={put('queueSays')}")
        put.answers.append(await customer.start())
        assert put.answers[-1].status == 502
        nothing_shows(verified, put, await metrics_of(verified))


async def test_the_staff_does_not_show(verified: World) -> None:
    put = Canaries({"callout": "KanaryaCallout"})
    shown = {name: put(name) for name in ("userId", "userName", "sessionId", "token")}
    bad = put("badBody")
    async with Caller(verified.server.url) as desk:

        async def sign_in(body: str, due: int) -> None:
            reply = await desk.send("POST", SIGN_INS, headers={"Content-Type": "application/json"}, body=body.encode())
            assert reply.status == due, reply.text
            if due == 201:
                put.add(f"desk{len(put.made)}", reply.json["staffToken"])
            else:
                put.answers.append(reply)

        for behaviour, due in {
            "answer": 201,
            "slow=0.1": 201,
            "refuse": 401,
            "refuse=InvalidSessionId": 401,
            f"refuse={put('reason')}": 401,
            f"answer={put('answer')}": 401,
            "wrong-types": 401,
            "garbage": 401,
            "huge": 401,
            "redirect": 401,
            "status=500": 502,
            "cut-after": 502,
        }.items():
            verified.queue.script("checktoken", behaviour)
            await sign_in(json.dumps(shown), due)
        for body in (
            f'{{"userId": "{bad}", "userId": "{bad}"}}',
            f'{{"userId": "{bad * 30}", "userName": "{bad}"}}',
            f'{{"userId": "{bad}", "userName": ["{bad}"]}}',
            f'{{"userId": "{bad}", "userName": "{bad}", "token": "{bad}"}}',
            f'{{"{bad}": ',
        ):
            await sign_in(body, 400)
    asked = verified.queue.ledger.received("checktoken")
    assert len(asked) == 12
    assert asked[0].body == {"sessionId": shown["sessionId"], "token": shown["token"], "userNo": shown["userId"]}
    nothing_shows(verified, put, await metrics_of(verified))
    await verified.server.kill()
    nothing_shows(verified, put, b"")
    assert '"service":"checktoken","result":"DLGEXCPSRV_SIDINVLD"' in verified.server.log


async def test_conversations_do_not_show(verified: World) -> None:
    put = Canaries({"callout": "KanaryaCallout"})
    async with (
        Customer(verified.server.url, put("customerId")) as customer,
        Customer(verified.server.url, put("otherCustomer")) as other,
        Caller(verified.server.url) as desk,
    ):
        for one in (customer, other):
            given = {"customerName": put("name"), "deviceId": put("deviceId"), "dlgToken": put("dlgToken")}
            assert (await one.activate(**given)).status == 201
        signing = {"userId": put("userId"), "userName": put("userName"), "sessionId": "s", "token": put("token")}
        say = {"headers": {"Content-Type": "application/json"}}
        signed_in = await desk.send("POST", SIGN_INS, body=json.dumps(signing).encode(), **say)
        say["headers"]["Authorization"] = f"Bearer {put.add('staffToken', signed_in.json['staffToken'])}"
        session = (await customer.start(attachedData={put("attachedName"): put("attachedValue")})).json["sessionId"]
        talks = "/v1/staff/conversations"
        taken = await desk.send("POST", talks, body=json.dumps({"customerId": customer.customer_id}).encode(), **say)
        assert (taken.status, taken.json["attachedData"]) == (201, {put("attachedName"): put("attachedValue")})
        written = json.dumps({"id": "m-1", "text": put("agentSays")}).encode()
        assert (await desk.send("POST", f"{talks}/{session}/messages", body=written, **say)).status == 201
        messages = f"{HELP}/{session}/messages"
        fields = {"id": "m-1", "text": put("customerSays")}
        assert (await customer.ask("POST", messages, fields)).status == 201
        put.answers.append(await customer.ask("POST", messages, {**fields, "text": put("anotherText")}))
        put.answers.append(await customer.ask("POST", messages, {**fields, "text": put("control") + "\x07"}))
        put.answers.append(await other.ask("POST", messages, {"id": "m-2", "text": put("stranger")}))
        put.answers.append(await other.ask("GET", messages))
        assert [reply.status for reply in put.answers] == [422, 400, 404, 404]
        nothing_shows(verified, put, await metrics_of(verified))
        finish = {"customerId": customer.customer_id, "staffId": put("userId")}
        assert (await verified.company.call("/v1/application/finishonlinehelp", finish)).json["isSuccess"] is True
        away = {"staffId": put("userId"), "outOfOfficeMessage": put("absence"), "forwardToStaffIds": put("colleague")}
        assert (await verified.company.call("/v1/application/enableoutofoffice", away)).json["isSuccess"] is True
        read = (await customer.ask("GET", messages)).json["messages"]
        assert [message["text"] for message in read] == [put("agentSays"), put("customerSays")]
        nothing_shows(verified, put, await metrics_of(verified))
    await verified.server.kill()
    nothing_shows(verified, put, b"")


async def test_the_log_is_one_json_line_for_each_request_and_change(here: World) -> None:
    put = Canaries()
    before = len(here.server.log.splitlines())
    async with Customer(here.server.url, put("customerId")) as customer:
        await enters_by_hash(here, put, customer)
        await waits_and_is_told(here, put, customer)
        assert (await customer.current()).status == 200
        assert (await customer.send("GET", "/nowhere", headers={})).status == 404
    assert await here.server.stop() == 0
    lines: list[dict[str, Any]] = [json.loads(line) for line in here.server.log.splitlines()[before:]]
    assert all(datetime.fromisoformat(line["at"]).tzinfo is not None for line in lines)
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", TRANSACTION_HASH, 200),
        ("POST", ACTIVATIONS, 201),
        ("POST", HELP, 201),
        ("POST", NOT_DELIVERED, 200),
        ("GET", HELP + "/{sessionId}", 200),
        ("GET", HELP, 200),
        ("GET", "unmatched", 404),
    ]
    assert all(line.keys() >= REQUEST_FIELDS for line in requests)
    assert len({line["request_id"] for line in requests}) == len(requests)
    changes = [line for line in lines if line["event"] == "transition"]
    assert [(line["change"], line["state"], line.get("outcome")) for line in changes] == [
        ("wait.started", "WAITING", None),
        ("wait.ended", "ENDED", "NOT_DELIVERED"),
    ]
    assert all(line.keys() >= TRANSITION_FIELDS for line in changes)
