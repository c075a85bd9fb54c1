"""The company's queue is down, slow or lies when it is asked to take a customer: what the customer is told, and when.

Each behaviour of the simulated company is met once and for ever, by a queue that answers repeats and by one that does
not. What the queue holds in the end is compared with its own ledger.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from diyalog.simulator.behaviour import Behaviour
from diyalog.simulator.ledger import Ledger
from e2e.world import STOPPED, World, world
from kit.server import Customer, Reply

TIMEOUT_S = 1.5
"""DIYALOG_QUEUE_TIMEOUT of these tests."""
SLACK_S = 1.0

DOUBTFUL = (
    "status=500",
    "status=503",
    "status=429",
    "status-after=500",
    "cut-before",
    "cut-after",
    "garbage",
    "huge",
    "wrong-types",
    "missing-id",
    "redirect",
    "redirect=http://localhost/",
)
"""Behaviours after which it is not known whether the queue holds the customer."""
HANGING = ("slow=20", "never")
STAYING_ILL = ("never", "status-after=500", "cut-before", "wrong-types", "missing-id", "redirect")
REFUSING = ("refuse=We are closed", "status=400", "status=403", "status=404")


@pytest.fixture
async def repeatable(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, queue_timeout=str(TIMEOUT_S), limit_starts="0") as here:
        yield here


@pytest.fixture
async def once(tmp_path: Path) -> AsyncIterator[World]:
    """Every request to this queue makes a new entry."""
    async with world(tmp_path, repeatable=False, queue_timeout=str(TIMEOUT_S), limit_starts="0") as here:
        yield here


@pytest.fixture(params=[True, False], ids=["repeatable", "once"])
async def either(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world(tmp_path, repeatable=request.param, queue_timeout=str(TIMEOUT_S), limit_starts="0") as here:
        yield here


async def timed(here: World, behaviour: str, customer: Customer) -> tuple[Reply, float]:
    """Ask for help while the queue behaves like this; the answer, and after how many seconds it came."""
    begun = time.monotonic()
    here.queue.script("create", behaviour)
    reply = await customer.start(attachedData={"topic": "CardLimit"})
    action = Behaviour.parse(behaviour).action
    assert here.queue.ledger.received("create", action), f"{behaviour} was met"
    here.told.note(reply.json["sessionId"], reply.json.get("outcome"))
    return reply, time.monotonic() - begun


async def failed(customer: Customer, reply: Reply, reason: str) -> str:
    """The customer was told plainly that this request has failed; the session."""
    assert reply.status == 502, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    told = reply.json
    assert (told["code"], told["outcome"], told["reason"]) == ("DLGEXCP_GENERAL_EXCEPTION", "FAILED", reason)
    assert (await customer.current()).status == 404, "it needs no second telling"
    read = (await customer.read(told["sessionId"])).json
    assert (read["state"], read["outcome"], read["reason"]) == ("ENDED", "FAILED", reason)
    return str(told["sessionId"])


def one_entry(here: World, reply: Reply) -> None:
    """The customer waits under the one entry that the queue has made."""
    assert (reply.status, reply.json["state"]) == (201, "WAITING"), reply.text
    [entry] = here.queue.ledger.of_session(reply.json["sessionId"])
    assert entry.interaction_id == reply.json["interactionId"]


async def unresolved(here: World) -> list[str]:
    """The sessions that an operator is shown; as many as are counted."""
    listed = [row["sessionId"] for row in json.loads(await here.server.command("interactions", "unresolved", "--json"))]
    assert await here.metric("diyalog_interactions_unresolved") == len(listed)
    return listed


async def settled_but_for(here: World, sessions: Sequence[str]) -> None:
    """The outbox holds nothing but these; what the queue still holds is theirs or somebody's who waits."""
    await here.outbox_is_empty(20)
    assert sorted(await unresolved(here)) == sorted(sessions)
    held = {entry.session_id for entry in here.queue.ledger.left_behind}
    waiting = {session for session in held if session not in here.told.outcomes}
    assert held - waiting <= set(sessions)


async def test_a_repeatable_queue_is_asked_again(repeatable: World) -> None:
    async with Customer(repeatable.server.url, "880214") as customer:
        for behaviour in ("answer", "slow=0.4", *DOUBTFUL, *HANGING):
            reply, seconds = await timed(repeatable, behaviour, customer)
            one_entry(repeatable, reply)
            session = reply.json["sessionId"]
            assert seconds < TIMEOUT_S + SLACK_S, f"{behaviour}: told after {seconds:.1f} s"
            asked = [one for one in repeatable.queue.ledger.received("create") if one.session_id == session]
            assert len(asked) == (1 if behaviour in {"answer", "slow=0.4"} else 2), behaviour
            assert {request.idempotency_key for request in asked} == {session}
            assert (await customer.cancel(session)).status == 200
            repeatable.told.note(session, "CANCELLED")
    await repeatable.settle()
    assert repeatable.queue.ledger.left_behind == []


async def test_a_repeatable_queue_that_stays_ill(repeatable: World) -> None:
    async with Customer(repeatable.server.url, "880214") as customer:
        for behaviour in STAYING_ILL:
            reply, seconds = await timed(repeatable, f"{behaviour}*forever", customer)
            await failed(customer, reply, "queue_timeout")
            assert TIMEOUT_S - 0.1 <= seconds <= TIMEOUT_S + SLACK_S, f"{behaviour}: told after {seconds:.1f} s"
    assert await repeatable.metric("diyalog_outbox_rows", kind="create") == len(STAYING_ILL)
    assert repeatable.queue.ledger.left_behind != [], "the queue holds what nobody waits for"
    repeatable.queue.script("create")  # it heals
    await repeatable.settle()
    assert repeatable.queue.ledger.left_behind == []


async def test_a_queue_that_refuses(either: World) -> None:
    here = either
    async with Customer(here.server.url, "880214") as customer:
        for behaviour in REFUSING:
            reply, seconds = await timed(here, behaviour, customer)
            assert "closed" not in reply.text, "the queue's own words are not the customer's"
            await failed(customer, reply, "queue_refused")
            assert seconds < SLACK_S
    assert len(here.queue.ledger.received("create")) == len(REFUSING)
    await settled_but_for(here, [])


async def test_a_queue_that_is_down(either: World) -> None:
    here = either
    async with Customer(here.server.url, "880214") as customer:
        await customer.activate()
        await here.queue.stop()
        begun = time.monotonic()
        reply = await customer.start()
        await failed(customer, reply, "queue_timeout")
        assert time.monotonic() - begun < TIMEOUT_S + SLACK_S
        await here.queue.start()
        await settled_but_for(here, [])
        assert here.queue.ledger.requests == [], "nothing was sent, nothing is to be found out"
        one_entry(here, await customer.start())


async def test_a_queue_that_comes_back_in_time(repeatable: World) -> None:
    async with Customer(repeatable.server.url, "880214") as customer:
        await customer.activate()
        await repeatable.queue.stop()
        starting = asyncio.create_task(customer.start())
        await repeatable.server_says("create_interaction", "connect")
        await repeatable.queue.start()
        one_entry(repeatable, await starting)


async def test_what_cannot_be_asked_again_is_listed(once: World) -> None:
    doubtful = []
    async with Customer(once.server.url, "880214") as customer:
        for behaviour in DOUBTFUL:
            reply, seconds = await timed(once, behaviour, customer)
            doubtful.append(await failed(customer, reply, "queue_timeout"))
            assert seconds < SLACK_S, f"{behaviour}: no need to wait"
        assert len(once.queue.ledger.received("create")) == len(DOUBTFUL), "each was sent once"
        await settled_but_for(once, doubtful)
        assert await once.metric("diyalog_alarms_total", alarm="queue_result_unresolved") == len(DOUBTFUL)
        one_entry(once, (await timed(once, "slow=0.4", customer))[0])


async def test_an_answer_that_comes_late_is_deleted(once: World) -> None:
    async with Customer(once.server.url, "880214") as customer:
        reply, seconds = await timed(once, "slow=3", customer)
        session = await failed(customer, reply, "queue_timeout")
        assert TIMEOUT_S - 0.1 <= seconds <= TIMEOUT_S + SLACK_S
        [late] = once.queue.ledger.of_session(session)
        assert late.deleted_at is None
        await once.queue.wait_for(lambda _: late.deleted_at is not None)
        assert (await customer.read(session)).json["interactionId"] == late.interaction_id
    await settled_but_for(once, [])


async def test_an_answer_that_never_comes_is_listed(once: World) -> None:
    async with Customer(once.server.url, "880214") as customer:
        reply, _ = await timed(once, "never", customer)
        session = await failed(customer, reply, "queue_timeout")
        assert await unresolved(once) == [], "its answer is still being waited for"
        await once.queue.stop()  # cuts it
        await settled_but_for(once, [session])


async def test_a_kill_while_the_queue_is_asked(once: World) -> None:
    once.queue.script("create", "slow=20")
    async with Customer(once.server.url, "880214") as customer:
        starting = asyncio.create_task(customer.start(idempotency_key="k"))
        await once.queue.wait_for(lambda ledger: len(ledger.interactions) == 1)
        await once.server.kill()
        await asyncio.wait({starting})
        assert starting.exception() is not None, "nothing was answered"
        await once.server.start()
        session = await failed(customer, await customer.start(idempotency_key="k"), "queue_timeout")
        assert len(once.queue.ledger.received("create")) == 1, "not sent twice"
        await settled_but_for(once, [session])


async def test_an_id_that_is_open_for_another_session(either: World) -> None:
    here = either
    async with Customer(here.server.url, "1") as holder, Customer(here.server.url, "880214") as customer:
        held = (await holder.start()).json
        reply, _ = await timed(here, "duplicate-id", customer)
        session = await failed(customer, reply, "queue_timeout")
        assert await here.metric("diyalog_alarms_total", alarm="queue_id_conflict") == 1
        await settled_but_for(here, [] if here.repeatable else [session])
        assert (await holder.current()).json["state"] == "WAITING"
        assert not is_deleted(here.queue.ledger, held["interactionId"])
        assert (await here.company.not_delivered(interactionId=held["interactionId"])).json == STOPPED
        assert (await holder.read(held["sessionId"])).json["outcome"] == "NOT_DELIVERED"


def is_deleted(ledger: Ledger, interaction_id: str) -> bool:
    entry = ledger.interaction(interaction_id)
    return entry is not None and entry.deleted_at is not None
