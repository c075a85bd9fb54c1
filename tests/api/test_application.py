"""The company API's operations on the real store, to the letter."""

import asyncio
import json

import pytest

from diyalog.domain.ids import InteractionId
from diyalog.ports_callouts import Took

from .driver import GET_HASH, KEY_ID, NOT_DELIVERED
from .node import DEVICE, Node

STOPPED = b'{"isSuccess":true,"message":"Customer waiting will be stopped."}'
NO_ID = b'{"isSuccess":false,"message":"interactionId or sessionId must be provided.","errorCode":400}'
NOBODY = b'{"isSuccess":false,"message":"No customer is waiting in the given interaction.","errorCode":402}'
ELSEWHERE = b'{"isSuccess":false,"message":"Customer is waiting for a different interaction.","errorCode":403}'


def dump(**fields: object) -> bytes:
    return json.dumps(fields).encode()


async def waiting(node: Node, token: str) -> dict[str, str]:
    reply = await node.start(token)
    assert reply.status == 201, reply.text
    return reply.json


async def test_a_waiting_customer_is_released_once(node: Node) -> None:
    token = await node.activated()
    wait = await waiting(node, token)
    message = 'Şu an yoğunuz, \u2028\U0001f64f "14:00"\'da <b>arayın</b>.\n'
    body = json.dumps({"interactionId": wait["interactionId"], "message": message}, ensure_ascii=False).encode()
    first = await node.signed(NOT_DELIVERED, body)
    assert (first.status, first.body, first.header("content-type")) == (200, STOPPED, "application/json")
    assert (await node.signed(NOT_DELIVERED, body)).body == NOBODY
    seen = (await node.client.json("GET", f"/v1/client/help/{wait['sessionId']}", token=token)).json
    assert (seen["state"], seen["outcome"], seen["reason"]) == ("ENDED", "NOT_DELIVERED", "queue")
    assert seen["message"] == message
    assert node.journal.requests[-3][3:] == (KEY_ID, wait["sessionId"], None)


async def test_by_session_and_the_interaction_alone_decides(node: Node) -> None:
    wait = await waiting(node, await node.activated())
    unknown = await node.signed(NOT_DELIVERED, dump(interactionId="nothing", sessionId=wait["sessionId"]))
    assert unknown.body == NOBODY
    by_session = await node.signed(NOT_DELIVERED, dump(interactionId=" ", sessionId=wait["sessionId"]))
    assert by_session.body == STOPPED


async def test_a_customer_who_asked_again(node: Node) -> None:
    token = await node.activated()
    first, second = await waiting(node, token), await waiting(node, token)
    assert (await node.signed(NOT_DELIVERED, dump(interactionId=first["interactionId"]))).body == ELSEWHERE
    assert (await node.signed(NOT_DELIVERED, dump(interactionId=second["interactionId"]))).body == STOPPED


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"interactionId":null}', b'{"interactionId":"","sessionId":" "}', b'{"message":"x","other":[1,{"a":2}]}'],
)
async def test_no_id_given(node: Node, body: bytes) -> None:
    assert (await node.signed(NOT_DELIVERED, body)).body == NO_ID


async def test_integers_are_read_as_text(queued: Node) -> None:
    huge = "9" * 5_000
    queued.queue.answers = [Took(InteractionId(number)) for number in ("7700418", "18446744073709551616", huge)]
    for number in ("7700418", "18446744073709551616", huge):
        await waiting(queued, await queued.activated(f"customer-{len(number)}"))
        reply = await queued.signed(NOT_DELIVERED, b'{"interactionId":%s}' % number.encode())
        assert reply.body == STOPPED, number[:30]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"{",
        b"nothing",
        b'{"interactionId":true}',
        b'{"interactionId":1.5}',
        b'{"interactionId":1e3}',
        b'{"interactionId":["1"]}',
        b'{"sessionId":{}}',
        b'{"interactionId":"1","message":5}',
        b'{"interactionId":"1","interactionId":"2"}',
        b'{"interactionId":"secret-4711\xff"}',
    ],
)
async def test_malformed_content(node: Node, body: bytes) -> None:
    reply = await node.signed(NOT_DELIVERED, body)
    assert (reply.status, reply.header("content-type")) == (400, "text/plain; charset=utf-8")
    assert reply.text.startswith("The request content was malformed: ")
    assert "4711" not in reply.text


async def test_the_same_key_and_body_gets_the_first_answer_again(node: Node) -> None:
    wait = await waiting(node, await node.activated())
    body = dump(interactionId=wait["interactionId"])
    answers = await asyncio.gather(*(node.signed(NOT_DELIVERED, body, idempotency_key="k 1~") for _ in range(5)))
    assert {reply.body for reply in answers} == {STOPPED}
    reused = await node.signed(NOT_DELIVERED, dump(interactionId="another"), idempotency_key="k 1~")
    assert (reused.status, reused.header("content-type")) == (422, "text/plain; charset=utf-8")
    assert node.journal.request_ids[-1] in reused.text
    assert (await node.signed(NOT_DELIVERED, body, idempotency_key="k 2")).body == NOBODY
    assert (await node.signed(NOT_DELIVERED, body, idempotency_key="k 2")).body == NOBODY


async def test_a_request_that_names_nothing_has_used_its_key(node: Node) -> None:
    wait = await waiting(node, await node.activated())
    for _ in range(2):
        assert (await node.signed(NOT_DELIVERED, b"{}", idempotency_key="k")).body == NO_ID
    other = await node.signed(NOT_DELIVERED, dump(interactionId=wait["interactionId"]), idempotency_key="k")
    assert other.status == 422


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ğ"])
async def test_a_key_that_cannot_be_one(node: Node, key: str) -> None:
    reply = await node.signed(NOT_DELIVERED, b'{"interactionId":"1"}', idempotency_key=key)
    assert (reply.status, reply.text) == (
        400,
        "Idempotency-Key must be given once, as 1 to 255 printable ASCII characters.",
    )


async def test_an_interaction_named_before_its_answer_is_held(queued: Node) -> None:
    queued.queue.open.clear()
    token = await queued.activated()
    starting = asyncio.create_task(queued.start(token))
    async with asyncio.timeout(5):
        await queued.queue.asked.wait()
    early = asyncio.create_task(queued.signed(NOT_DELIVERED, dump(interactionId="770041")))
    queued.queue.open.set()
    async with asyncio.timeout(5):
        reply, started = await early, await starting
    assert reply.body == STOPPED
    assert started.status == 201


async def test_a_hash_lets_its_customer_in_once(node: Node) -> None:
    reply = await node.signed(GET_HASH, dump(customerId=880214, deviceHash=DEVICE))
    assert reply.status == 200
    answer = reply.json
    value = answer.pop("transactionHash")
    assert answer == {"isSuccess": True, "message": "TransactionHash created"}
    assert len(value) == 40
    assert set(value) <= set("0123456789abcdef")
    body = {"customerId": "880214", "deviceHash": DEVICE, "transactionHash": value}
    statuses = [(await node.client.json("POST", "/v1/client/activations", body)).status for _ in range(2)]
    assert statuses == [201, 401]


@pytest.mark.parametrize(
    "fields", [{}, {"customerId": "1"}, {"deviceHash": "x"}, {"customerId": " ", "deviceHash": "x"}]
)
async def test_no_hash_without_customer_and_device(node: Node, fields: dict[str, str]) -> None:
    reply = await node.signed(GET_HASH, dump(**fields))
    assert reply.json == {"isSuccess": False, "message": "TransactionHash could not be created."}


async def test_no_hash_for_a_barred_customer(node: Node) -> None:
    await node.activated("666")
    await node.store.bar("666", barred=True)
    reply = await node.signed(GET_HASH, dump(customerId="666", deviceHash=DEVICE))
    assert reply.json["isSuccess"] is False


async def test_the_companys_own_interaction_is_found(queued: Node) -> None:
    body = dump(customerId="880214", deviceHash=DEVICE, interactionId="own-7")
    value = (await queued.signed(GET_HASH, body)).json["transactionHash"]
    shown = {"customerId": "880214", "deviceHash": DEVICE, "transactionHash": value}
    token = (await queued.client.json("POST", "/v1/client/activations", shown)).json["clientToken"]
    wait = await waiting(queued, token)
    assert (wait["state"], wait["interactionId"]) == ("WAITING", "own-7")
    assert queued.queue.created == []
    taken = dump(customerId="another", deviceHash=DEVICE, interactionId="own-7")
    assert (await queued.signed(GET_HASH, taken)).json["isSuccess"] is False
    assert (await queued.signed(NOT_DELIVERED, dump(interactionId="own-7"))).body == STOPPED
