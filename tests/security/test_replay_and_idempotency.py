"""What a repeat does: a byte-identical request runs again, harmlessly; one with an Idempotency-Key is the same one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from diyalog.simulator.company import Company as QueueSystem
from kit.checker import Told, check_database
from kit.server import Company, Customer, running

from .model import ELSEWHERE, NO_ID, NOBODY, STOPPED
from .reference import MALFORMED, Header
from .world import ACTIVATIONS, DEVICE, FIRST, GET_HASH, NOT_DELIVERED, SECOND, Reply, World, world

HOUR_MS = 3_600_000
KEEP_MS = 30 * 24 * HOUR_MS


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as one:
        yield one
        check_database(one.database, Told())


async def keyed(
    here: World, fields: object, *keys: bytes, signer: tuple[str, str] = FIRST, target: str = NOT_DELIVERED
) -> Reply:
    """A signed request with these Idempotency-Key headers."""
    extra: tuple[Header, ...] = tuple((b"idempotency-key", key) for key in keys)
    return await here.send(here.signed(target, fields, key=signer, extra=extra))


async def waiting(here: World, customer: str = "880214") -> dict[str, str]:
    return await here.wait(await here.token(customer))


async def forget(here: World) -> None:
    """What the retention worker does."""
    await here.parts.store.forget(KEEP_MS, KEEP_MS, 500)


# Without a key


async def test_a_byte_identical_repeat_runs_again(here: World) -> None:
    first, second = await waiting(here), await waiting(here, "1")
    sent = here.signed(NOT_DELIVERED, {"sessionId": first["sessionId"], "message": "Nobody is free."})
    assert (await here.send(sent)).json == STOPPED
    stored = here.stored()
    assert [(await here.send(sent)).json for _ in range(3)] == [NOBODY] * 3
    assert here.stored() == stored
    assert (await here.company(NOT_DELIVERED, sessionId=second["sessionId"])).json == STOPPED


async def test_a_repeat_leaves_the_customers_next_wait_alone(here: World) -> None:
    token = await here.token("880214")
    first = await here.wait(token)
    sent = here.signed(NOT_DELIVERED, {"interactionId": first["interactionId"]})
    assert (await here.send(sent)).json == STOPPED
    second = await here.wait(token)
    assert (await here.send(sent)).json == ELSEWHERE
    assert (await here.client("GET", f"/v1/client/help/{second['sessionId']}", token)).json["state"] == "WAITING"


async def test_a_repeated_hash_request_makes_a_newer_hash(here: World) -> None:
    sent = here.signed(GET_HASH, {"customerId": "880214", "deviceHash": DEVICE})
    older, newer = [(await here.send(sent)).json["transactionHash"] for _ in range(2)]
    assert older != newer
    shown = {"customerId": "880214", "deviceHash": DEVICE}
    used = [
        (await here.client("POST", ACTIVATIONS, fields={**shown, "transactionHash": value})).status
        for value in (older, newer, newer)
    ]
    assert used == [401, 201, 401], "the newer one replaced the older one, and is good for one use"


async def test_a_repeat_is_good_for_fifteen_minutes(here: World) -> None:
    sent = here.signed(NOT_DELIVERED, {"sessionId": "unknown"})
    here.clock.advance(900_000)
    assert (await here.send(sent)).json == NOBODY
    here.clock.advance(1000)
    assert (await here.send(sent)).status == 403


# With a key


async def test_the_first_answer_again_for_a_day(here: World) -> None:
    wait = await waiting(here)
    fields = {"interactionId": wait["interactionId"]}
    first = await keyed(here, fields, b"k")
    assert first.json == STOPPED
    for _ in range(23):
        here.clock.advance(HOUR_MS)
        await forget(here)
        again = await keyed(here, fields, b"k")
        assert (again.status, again.body) == (200, first.body)
    here.clock.advance(HOUR_MS)
    await forget(here)
    assert (await keyed(here, fields, b"k")).json == NOBODY, "a new request after 24 hours"


async def test_every_answer_is_kept_and_not_only_success(here: World) -> None:
    token = await here.token("880214")
    first = await here.wait(token)
    await here.wait(token)
    cases: list[tuple[bytes, dict[str, str], dict[str, object]]] = [
        (b"a", {"interactionId": "unknown"}, NOBODY),
        (b"b", {"interactionId": first["interactionId"]}, ELSEWHERE),
        (b"c", {"message": "no id"}, NO_ID),
    ]
    for key, fields, answer in cases:
        assert (await keyed(here, fields, key)).json == answer
    current = (await here.client("GET", "/v1/client/help", token)).json
    assert (await here.company(NOT_DELIVERED, sessionId=current["sessionId"])).json == STOPPED
    for key, fields, answer in cases:
        assert (await keyed(here, fields, key)).json == answer, "as it was, although it would be another by now"


async def test_repeats_that_arrive_together_are_one(here: World) -> None:
    wait = await waiting(here)
    fields = {"sessionId": wait["sessionId"]}
    replies = await asyncio.gather(*(keyed(here, fields, b"k") for _ in range(40)))
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert replies[0].json == STOPPED
    audited = here.reading.execute("SELECT count(*) FROM audit WHERE event = 'not_delivered'").fetchall()
    assert audited == [(1,)]


async def test_another_body_with_the_same_key(here: World) -> None:
    first, second = await waiting(here), await waiting(here, "1")
    assert (await keyed(here, {"sessionId": first["sessionId"]}, b"k")).json == STOPPED
    stored = here.stored()
    spelt_otherwise = f'{{"sessionId":"{first["sessionId"]}"}}'.encode()
    others: tuple[object, ...] = ({"sessionId": second["sessionId"]}, spelt_otherwise, {})
    for fields in others:
        reply = await keyed(here, fields, b"k")
        assert (reply.status, reply.header("content-type")) == (422, "text/plain; charset=utf-8")
        assert "Request id: " in reply.text
    assert here.stored() == stored


async def test_a_malformed_body_uses_no_key(here: World) -> None:
    wait = await waiting(here)
    assert (await keyed(here, b"[]", b"k")).text.startswith(MALFORMED)
    assert (await keyed(here, {"sessionId": wait["sessionId"]}, b"k")).json == STOPPED


async def test_keys_belong_to_an_access_key_and_a_path(here: World) -> None:
    first, second = await waiting(here), await waiting(here, "1")
    assert (await keyed(here, {"sessionId": first["sessionId"]}, b"k")).json == STOPPED
    assert (await keyed(here, {"sessionId": second["sessionId"]}, b"k", signer=SECOND)).json == STOPPED
    ask = {"customerId": "880214", "deviceHash": DEVICE}
    assert (await keyed(here, ask, b"k", target=GET_HASH)).json["isSuccess"] is True
    customer = await here.token("2")
    headers = ((b"authorization", f"Bearer {customer}".encode()), (b"content-type", b"application/json"))
    sent = here.signed("/v1/client/help", {"helpType": "chat"})
    for path_of_its_own in (201, 201):
        reply = await here.send(type(sent)("POST", sent.target, (*headers, (b"idempotency-key", b"k")), sent.body))
        assert reply.status == path_of_its_own


@pytest.mark.parametrize("key", [b"!", b"~", b"x" * 255, b"a b", b'"; DROP', b"k\\", b"0" * 254 + b"1"])
async def test_legal_keys(here: World, key: bytes) -> None:
    wait = await waiting(here)
    fields = {"sessionId": wait["sessionId"]}
    assert [(await keyed(here, fields, key)).json for _ in range(2)] == [STOPPED] * 2
    assert (await keyed(here, fields, key[:-1] + b"?")).json == NOBODY, "keys that differ in one character are two"


@pytest.mark.parametrize(
    "keys",
    [
        (b"",),
        (b"x" * 256,),
        (b"x" * 5000,),
        (b"\xc5\x9f",),
        (b"a\tb",),
        (b"\x7f",),
        (b"\x00",),
        (b"k", b"k"),
        (b"k", b""),
    ],
)
async def test_illegal_keys(here: World, keys: tuple[bytes, ...]) -> None:
    wait = await waiting(here)
    stored = here.stored()
    reply = await keyed(here, {"sessionId": wait["sessionId"]}, *keys)
    assert (reply.status, reply.header("content-type")) == (400, "text/plain; charset=utf-8")
    assert here.stored() == stored


async def test_a_start_is_repeated_as_it_was_after_its_wait_was_deleted(tmp_path: Path) -> None:
    """Waits may be kept for less time than answers are."""
    async with world(tmp_path, keep_days=0.1) as here:
        token = await here.token("880214")
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
        sent = here.signed("/v1/client/help", {"helpType": "chat"})
        sent = type(sent)("POST", sent.target, (*headers, (b"idempotency-key", b"k")), sent.body)
        first = await here.send(sent)
        assert first.status == 201
        assert (await here.client("DELETE", f"/v1/client/help/{first.json['sessionId']}", token)).status == 200
        here.clock.advance(3 * HOUR_MS)
        await here.parts.store.forget(round(2.4 * HOUR_MS), KEEP_MS, 500)
        assert here.reading.execute("SELECT count(*) FROM wait").fetchall() == [(0,)]
        again = await here.send(sent)
        assert (again.status, again.body) == (201, first.body)


def keys_in_use(database: Path) -> int:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    [(count,)] = connection.execute("SELECT count(*) FROM idempotency").fetchall()
    connection.close()
    return int(str(count))


async def test_repeats_join_one_that_is_held(tmp_path: Path) -> None:
    """The company calls before its queue has answered; its repeat waits with it, another content is refused."""
    queue = QueueSystem(first_id=7700418)
    settings = {"queue": "http", "queue_url": await queue.start(), "queue_repeatable": "true"}
    async with (
        running(tmp_path, **settings) as server,
        Company(server.url, await server.new_key()) as company,
        Customer(server.url, "880214") as customer,
        Customer(server.url, "1") as other,
    ):
        session = (await other.start()).json["sessionId"]
        queue.script("create", "slow=1.5")
        starting = asyncio.create_task(customer.start())
        await queue.wait_for(lambda ledger: ledger.interaction("7700419") is not None)
        held = [
            asyncio.create_task(company.not_delivered(idempotency_key="k", interactionId="7700419")) for _ in range(3)
        ]
        for _ in range(200):
            assert (await company.not_delivered(sessionId="unknown")).json == NOBODY
            if keys_in_use(server.database):
                break
        refused = await company.not_delivered(idempotency_key="k", sessionId=session)
        replies = await asyncio.gather(*held)
        assert [(reply.status, reply.json) for reply in replies] == [(200, STOPPED)] * 3
        assert refused.status == 422
        assert (await other.read(session)).json["state"] == "WAITING"
        assert (await starting).status == 201
    await queue.stop()
    check_database(server.database, Told())
