"""A server, the company's queue and its back end, together for one test, and what is checked at its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from diyalog.simulator.company import Company as QueueSystem
from diyalog.simulator.ledger import Mark
from kit.checker import Told, check_database
from kit.server import Caller, Company, Server, running

STOPPED = {"isSuccess": True, "message": "Customer waiting will be stopped."}
NOBODY = {"isSuccess": False, "message": "No customer is waiting in the given interaction.", "errorCode": 402}
_LOOK_S = 0.05


async def eventually(condition: Callable[[], Awaitable[bool]], limit: float, what: str) -> None:
    """Ask again and again until it is so; fails when it is not within `limit` seconds."""
    give_up = time.monotonic() + limit
    while not await condition():
        assert time.monotonic() < give_up, f"not within {limit} s: {what}"
        await asyncio.sleep(_LOOK_S)


async def metric(url: str, name: str, **labels: str) -> float:
    """One number of /metrics, 0 while it has not been counted."""
    async with Caller(url) as caller:
        text = (await caller.send("GET", "/metrics", headers={})).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())


@dataclass
class World:
    """`repeatable`: the queue answers a repeated request with the same id.

    `told` is what anybody was told; a test writes it down and it is compared with what is stored.
    """

    server: Server
    queue: QueueSystem
    company: Company
    repeatable: bool
    told: Told = field(default_factory=Told)

    async def metric(self, name: str, **labels: str) -> float:
        return await metric(self.server.url, name, **labels)

    async def server_says(self, service: str, result: str, limit: float = 10.0) -> None:
        """Wait until the server's log holds a call to the company with this result."""

        async def logged() -> bool:
            return f'"service":"{service}","result":"{result}"' in self.server.log

        await eventually(logged, limit, f"{service} {result}")

    async def outbox_is_empty(self, limit: float = 60.0) -> None:
        async def empty() -> bool:
            return await self.metric("diyalog_outbox_rows") == 0

        await eventually(empty, limit, "the outbox is empty")

    def was_not_delivered(self, session_id: str) -> None:
        """Write down in the queue that the company itself took this session's interactions out."""
        for interaction in self.queue.ledger.of_session(session_id):
            self.queue.mark(interaction.interaction_id, Mark.NOT_DELIVERED)

    def check(self, *, settled: bool = False) -> None:
        """Compare what is stored with what was told and with the queue's own ledger."""
        ledger = {one.interaction_id: "deleted" if one.deleted_at else "open" for one in self.queue.ledger.interactions}
        check_database(self.server.database, self.told, ledger, settled=settled)

    async def settle(self) -> None:
        """Let the outbox empty, stop in good order, and check that nothing is left behind."""
        await self.outbox_is_empty()
        assert await self.server.stop() == 0
        self.check(settled=True)


@asynccontextmanager
async def world(folder: Path, *, repeatable: bool = True, **settings: str) -> AsyncIterator[World]:
    """A server that uses the simulated company's queue. Whatever the test did, the checker must agree in the end."""
    queue = QueueSystem(first_id=7700418, repeatable=repeatable)
    url = await queue.start()
    try:
        given = {"queue": "http", "queue_url": url, "queue_repeatable": str(repeatable).lower(), **settings}
        async with running(folder, **given) as server, Company(server.url, await server.new_key()) as company:
            made = World(server, queue, company, repeatable)
            yield made
    finally:
        await queue.stop()
    made.check()
