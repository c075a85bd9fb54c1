"""The story Diyalog is made for, over real sockets: a real server, a real queue system, a real event stream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from diyalog.simulator.company import Company as QueueSystem
from kit.checker import Told, check_database
from kit.server import TRANSACTION_HASH, Company, Customer, Server, running

MESSAGE = "Şu an yardımcı olamıyoruz.\nLütfen daha sonra deneyin 🙏 <b>"
STOPPED = {"isSuccess": True, "message": "Customer waiting will be stopped."}
NO_ID = {"isSuccess": False, "message": "interactionId or sessionId must be provided.", "errorCode": 400}
NOBODY = {"isSuccess": False, "message": "No customer is waiting in the given interaction.", "errorCode": 402}
ELSEWHERE = {"isSuccess": False, "message": "Customer is waiting for a different interaction.", "errorCode": 403}


@dataclass
class World:
    server: Server
    queue: QueueSystem
    company: Company


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    queue = QueueSystem(first_id=7700418)
    url = await queue.start()
    settings = {"queue": "http", "queue_url": url, "queue_repeatable": "true"}
    async with running(tmp_path, **settings) as server, Company(server.url, await server.new_key()) as company:
        yield World(server, queue, company)
    await queue.stop()
    ledger = {one.interaction_id: "deleted" if one.deleted_at else "open" for one in queue.ledger.interactions}
    check_database(server.database, Told(), ledger)


async def test_the_customer_is_told_why_nobody_came(world: World) -> None:
    async with Customer(world.server.url, "880214") as customer:
        started = await customer.start("video_call", attachedData={"topic": "CardLimit"}, identityNumber=10000000146)
        assert started.status == 201
        help_object = started.json
        assert (help_object["state"], help_object["interactionId"]) == ("WAITING", "7700418")
        async with customer.follow(help_object["sessionId"], after=1, epoch=help_object["epoch"]) as stream:
            assert stream.welcome["recovered"] is True
            assert stream.welcome["snapshot"] == help_object
            answer = await world.company.not_delivered(
                interactionId="7700418", sessionId="not looked at", message=MESSAGE
            )
            assert (answer.status, answer.json) == (200, STOPPED)
            ended = await stream.event("wait.ended")
            assert ended["seq"] == 2
            assert ended["data"] == {
                "outcome": "NOT_DELIVERED",
                "reason": "queue",
                "message": MESSAGE,
                "interactionId": "7700418",
            }
            await stream.ack(2)
            assert await stream.closed() == 1000
        assert (await customer.current()).status == 404
        read = await customer.read(help_object["sessionId"])
        assert (read.json["state"], read.json["outcome"], read.json["message"]) == ("ENDED", "NOT_DELIVERED", MESSAGE)
    again = await world.company.not_delivered(interactionId="7700418")
    assert (again.status, again.json) == (200, NOBODY)
    assert world.queue.ledger.interaction("7700418").deleted_at is None  # type: ignore[union-attr]  # it exists


async def test_a_customer_who_was_away_is_told_on_coming_back(world: World) -> None:
    async with Customer(world.server.url, "880214") as customer:
        session = (await customer.start()).json["sessionId"]
        assert (await world.company.not_delivered(sessionId=session, message=MESSAGE)).json == STOPPED
        current = (await customer.current()).json
        assert (current["sessionId"], current["outcome"], current["message"]) == (session, "NOT_DELIVERED", MESSAGE)
        async with customer.follow(session) as stream:
            assert (await stream.event("wait.started"))["data"] == {"interactionId": "7700418", "helpType": "chat"}
            assert (await stream.event("wait.ended"))["data"]["message"] == MESSAGE
            await stream.ack(2)
            assert await stream.closed() == 1000


async def test_each_code_of_the_page(world: World) -> None:
    company = world.company
    assert (await company.not_delivered(message="x")).json == NO_ID
    assert (await company.not_delivered(interactionId=" ", sessionId="")).json == NO_ID
    assert (await company.not_delivered(interactionId="unknown")).json == NOBODY
    assert (await company.not_delivered(sessionId="unknown")).json == NOBODY
    async with Customer(world.server.url, "880214") as customer:
        first = (await customer.start()).json
        second = (await customer.start()).json
        assert (await company.not_delivered(interactionId=first["interactionId"])).json == ELSEWHERE
        unknown_with_session = await company.not_delivered(interactionId="9", sessionId=second["sessionId"])
        assert unknown_with_session.json == NOBODY, "no fallback to the session id"
        as_number = await company.not_delivered(interactionId=int(second["interactionId"]))
        assert as_number.json == STOPPED
        replaced = (await customer.read(first["sessionId"])).json
        assert (replaced["outcome"], replaced["reason"]) == ("CANCELLED", "replaced")
    await world.queue.wait_for(lambda ledger: ledger.interaction(first["interactionId"]).deleted_at is not None)  # type: ignore[union-attr]


async def test_the_company_calls_before_its_queue_has_answered(world: World) -> None:
    world.queue.script("create", "slow=0.7")
    async with Customer(world.server.url, "880214") as customer:
        starting = asyncio.create_task(customer.start())
        await world.queue.wait_for(lambda ledger: ledger.interaction("7700418") is not None)
        early = await world.company.not_delivered(interactionId="7700418", message=MESSAGE)
        assert early.json == STOPPED
        started = await starting
        assert started.status == 201
        assert (started.json["state"], started.json.get("outcome")) in {("WAITING", None), ("ENDED", "NOT_DELIVERED")}
        assert (await customer.read(started.json["sessionId"])).json["outcome"] == "NOT_DELIVERED"


async def test_the_queue_gives_up_by_session_while_it_is_still_asked(world: World) -> None:
    world.queue.script("create", "slow=1")
    async with Customer(world.server.url, "880214") as customer:
        starting = asyncio.create_task(customer.start())
        await world.queue.wait_for(lambda ledger: ledger.interaction("7700418") is not None)
        session = world.queue.ledger.interaction("7700418").session_id  # type: ignore[union-attr]  # it exists
        assert (await world.company.not_delivered(sessionId=session, message=MESSAGE)).json == STOPPED
        started = await starting
        assert (started.status, started.json["state"], started.json["outcome"]) == (201, "ENDED", "NOT_DELIVERED")
        assert (await customer.current()).status == 404, "told by the answer of its own call"
    assert (await world.company.not_delivered(interactionId="7700418")).json == NOBODY


async def test_a_wait_with_the_companys_own_interaction(world: World) -> None:
    issued = await world.company.call(
        TRANSACTION_HASH, {"customerId": "880214", "deviceHash": "dh", "interactionId": "OWN-1"}
    )
    assert issued.json["isSuccess"] is True
    assert issued.json["message"] == "TransactionHash created"
    value = issued.json["transactionHash"]
    assert len(value) == 40
    async with Customer(world.server.url, "880214") as customer:
        assert (await customer.activate(deviceHash="other", transactionHash=value)).status == 401
        assert (await customer.activate(deviceHash="dh", transactionHash=value)).status == 201
        used = await customer.ask(
            "POST", "/v1/client/activations", {"customerId": "880214", "deviceHash": "dh", "transactionHash": value}
        )
        assert (used.status, used.json["code"]) == (401, "DLGEXCP_AUTH_REQUEST")
        started = (await customer.start()).json
        assert (started["state"], started["interactionId"]) == ("WAITING", "OWN-1")
        foreign = {"customerId": "1", "deviceHash": "dh", "interactionId": "OWN-1"}
        assert (await world.company.call(TRANSACTION_HASH, foreign)).json["isSuccess"] is False
        assert (await world.company.not_delivered(interactionId="OWN-1")).json == STOPPED
    assert world.queue.ledger.interactions == [], "CreateInteraction was not sent"


async def test_safe_repeats_with_an_idempotency_key(world: World) -> None:
    async with Customer(world.server.url, "880214") as customer:
        interaction = (await customer.start()).json["interactionId"]
    first = await world.company.not_delivered(idempotency_key="k-1", interactionId=interaction)
    again = await world.company.not_delivered(idempotency_key="k-1", interactionId=interaction)
    other = await world.company.not_delivered(idempotency_key="k-1", interactionId=interaction, message="other")
    assert (first.json, again.json, again.body) == (STOPPED, STOPPED, first.body)
    assert other.status == 422
    assert other.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(("behaviour", "reason"), [("refuse=closed", "queue_refused"), ("status=403", "queue_refused")])
async def test_a_queue_that_refuses_fails_the_start(world: World, behaviour: str, reason: str) -> None:
    world.queue.script("create", behaviour)
    async with Customer(world.server.url, "880214") as customer:
        refused = await customer.start()
        assert refused.status == 502
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert (refused.json["outcome"], refused.json["reason"]) == ("FAILED", reason)
        assert (await customer.current()).status == 404, "the app was told"
        assert (await customer.read(refused.json["sessionId"])).json["outcome"] == "FAILED"


async def test_cancelling_deletes_the_interaction(world: World) -> None:
    async with Customer(world.server.url, "880214") as customer, Customer(world.server.url, "1") as stranger:
        session = (await customer.start()).json["sessionId"]
        await stranger.activate()
        assert (await stranger.cancel(session)).status == 404
        cancelled = await customer.cancel(session)
        assert (cancelled.status, cancelled.json["outcome"], cancelled.json["reason"]) == (200, "CANCELLED", "customer")
        assert (await customer.cancel(session)).status == 200
    await world.queue.wait_for(lambda ledger: ledger.interaction("7700418").deleted_at is not None)  # type: ignore[union-attr]


async def test_cancelling_too_late_tells_how_the_wait_ended(world: World) -> None:
    async with Customer(world.server.url, "880214") as customer:
        session = (await customer.start()).json["sessionId"]
        await world.company.not_delivered(sessionId=session, message=MESSAGE)
        late = await customer.cancel(session)
        assert late.status == 409
        problem = late.json
        assert (problem["code"], problem["outcome"], problem["reason"], problem["message"], problem["sessionId"]) == (
            "WAIT_ENDED",
            "NOT_DELIVERED",
            "queue",
            MESSAGE,
            session,
        )
