"""Several nodes under load keep their promises whatever is done to them."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from cluster.party import Party, party
from diyalog.simulator.ledger import Ledger
from e2e.world import eventually
from kit.postgres import PostgresServer
from kit.server import Customer, Stream

KILLS = int(os.environ.get("KILLS", "5"))
"""How often a node is killed."""
ROUNDS = int(os.environ.get("ROUNDS", "1"))
"""How often each node is stopped, in good order or for a while."""
AFTER_A_CRASH_S = 5.0
GIVEN_UP_S = 40.0
"""A node is silent when it has not beaten for 15 s; the others look every 5 s, and this machine is busy."""
BACK_S = 8.0
"""A node beats every 5 s and learns from the answer that it was given up."""


async def kill_again_and_again(here: Party) -> None:
    for _ in range(KILLS):
        here.play_faults()
        await here.load.progress(here.dice.randint(20, 60))
        server = here.dice.choice(here.nodes.servers)
        server.signal(signal.SIGKILL)
        assert await server.exited() == -signal.SIGKILL
        await server.start()


async def restart_one_after_the_other(here: Party) -> None:
    for server in here.nodes.servers * ROUNDS:
        await here.load.progress(20)
        assert await server.stop() == 0
        await server.start()


async def test_nodes_are_restarted_one_after_the_other(
    tmp_path: Path, postgres: PostgresServer, database_url: str
) -> None:
    async with party(tmp_path, postgres, database_url, drain_seconds="2") as here:
        await here.under_load(lambda: restart_one_after_the_other(here), 90 + 40 * ROUNDS)
        await here.settle()
        assert here.seen.codes.keys() == {1012}
        assert here.seen.codes[1012] >= 3 * ROUNDS
        assert here.seen.cuts == [], "whoever was let in was answered"


class Waiter:
    """A customer whose app is connected to one node and stays so."""

    def __init__(self, customer: Customer, begun: dict[str, Any], stream: Stream) -> None:
        self.customer = customer
        self.begun = begun
        self.session: str = begun["sessionId"]
        self.stream = stream

    async def told(self, outcome: str) -> None:
        """The end is the next and only event, and the stream closes once it is acknowledged."""
        event = await self.stream.event("wait.ended")
        assert (event["seq"], event["data"]["outcome"]) == (self.begun["seq"] + 1, outcome)
        await self.stream.ack(event["seq"])
        assert await self.stream.closed() == 1000


async def waiter(here: Party, stack: AsyncExitStack, name: str) -> Waiter:
    customer = await here.nodes.customer(0, name)
    begun = (await customer.start()).json
    here.told.taken[begun["sessionId"]] = begun["interactionId"]
    follow = customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"])
    made = Waiter(customer, begun, await stack.enter_async_context(follow))
    await here.nodes.present(made.session)
    return made


async def give_up(here: Party, session: str) -> None:
    answer = await here.nodes.companies[1].not_delivered(sessionId=session)
    assert answer.json["isSuccess"] is True
    here.told.note(session, "NOT_DELIVERED")


class Paused:
    """What node 0 holds while it stands still: connected customers, a create and a delete that the queue has taken."""

    def __init__(self, here: Party, round_: int) -> None:
        self.here = here
        self.name = f"round-{round_}"
        self.waiters: list[Waiter] = []

    async def prepare(self, stack: AsyncExitStack) -> None:
        here = self.here
        self.waiters = [await waiter(here, stack, f"{self.name}-{number}") for number in range(4)]
        leaving = await here.nodes.customer(0, f"{self.name}-leaving")
        left = (await leaving.start()).json
        self.left: str = left["interactionId"]
        self.starter = await here.nodes.customer(0, f"{self.name}-starting")
        await self.starter.activate()
        here.queue.script("create", "slow=2*forever")
        here.queue.script("delete", "slow=2*forever")
        ask = partial(self.starter.start, idempotency_key=str(uuid4()))
        self.starting = asyncio.create_task(here.load.insist(ask))
        here.told.note(left["sessionId"], (await leaving.cancel(left["sessionId"])).json["outcome"])

        def in_hand(ledger: Ledger) -> bool:
            deleted = [one.interaction_id for one in ledger.interactions if one.deleted_at is not None]
            return self.left in deleted and any(
                one.customer_id == self.starter.customer_id for one in ledger.interactions
            )

        await here.queue.wait_for(in_hand)
        lease = await here.nodes.row(
            """SELECT count(*) FROM outbox WHERE kind = 'delete' AND interaction_id = $1
               AND lease_node = (SELECT present FROM wait WHERE session_id = $2)""",
            self.left,
            self.waiters[0].session,
        )
        self.deletes = int(lease[0])  # none if another node was quicker

    async def released(self) -> None:
        """Wait until the others have taken over what the node held."""
        sessions = [waiter.session for waiter in self.waiters]
        ledger = self.here.queue.ledger
        (begun,) = [one.session_id for one in ledger.interactions if one.customer_id == self.starter.customer_id]

        async def taken_over() -> bool:
            held = await self.here.nodes.row(
                """SELECT (SELECT count(present) FROM wait WHERE session_id = ANY (CAST($1 AS text[])))
                        + (SELECT count(*) FROM wait WHERE session_id = $2 AND state = 'REQUESTED')
                        + (SELECT count(*) FROM outbox WHERE kind = 'delete' AND interaction_id = $3)""",
                sessions,
                begun,
                self.left,
            )
            return bool(held[0] == 0)

        await eventually(taken_over, GIVEN_UP_S, "others take over what the node held")

    async def back(self) -> None:
        """The customers of the node are present again, and nobody was counted as away for long."""
        for waiter in self.waiters[1:]:
            await self.here.nodes.present(waiter.session)
            due = await self.here.nodes.row("SELECT due_at = limit_at FROM wait WHERE session_id = $1", waiter.session)
            assert due[0] is True, "nobody is about to be abandoned"

    async def told_once(self) -> None:
        reply = await self.starting
        answer = reply.json
        assert (reply.status, answer["state"]) == (201, "WAITING")
        session = answer["sessionId"]
        self.here.told.taken[session] = answer["interactionId"]
        ledger = self.here.queue.ledger
        asked = [request for request in ledger.received("create") if request.session_id == session]
        assert len(asked) >= 2, "another node asked the queue again"
        assert len(ledger.of_session(session)) == 1
        deletes = [request for request in ledger.received("delete") if request.interaction_id == self.left]
        assert len(deletes) >= 1 + self.deletes, "another node deleted again"
        await self.waiters[0].told("NOT_DELIVERED")
        for waiter in self.waiters[1:]:
            await give_up(self.here, waiter.session)
            await waiter.told("NOT_DELIVERED")
        await give_up(self.here, session)


async def stand_still(here: Party) -> None:
    """Pause a node until the others have taken over what it held, and let it go on."""
    zombie = here.nodes.servers[0]
    async with AsyncExitStack() as stack:
        for number in range(ROUNDS):
            held = Paused(here, number)
            await held.prepare(stack)
            zombie.signal(signal.SIGSTOP)
            here.queue.script("create")  # so that what others take over is done at once
            here.queue.script("delete")
            try:
                await held.released()
                await give_up(here, held.waiters[0].session)
            finally:
                zombie.signal(signal.SIGCONT)
            resumed = time.monotonic()
            await held.back()
            assert time.monotonic() - resumed < BACK_S
            assert await here.nodes.metric(0, 'diyalog_alarms_total{alarm="node_given_up"}') == number + 1
            await held.told_once()
            await here.load.progress(20)


async def test_nodes_are_killed_and_one_stands_still(
    tmp_path: Path, postgres: PostgresServer, database_url: str
) -> None:
    async with party(tmp_path, postgres, database_url, queue_timeout="60", abandon_after="60") as here:

        async def faults() -> None:
            await kill_again_and_again(here)
            assert here.load.cut + here.load.streams_cut >= KILLS, "the kills hit requests and streams"
            assert here.seen.p99_s < AFTER_A_CRASH_S
            await stand_still(here)

        await here.under_load(faults, 60 + 6 * KILLS + 60 * ROUNDS)
        await here.settle()
        assert here.seen.codes.keys() <= {1006}
