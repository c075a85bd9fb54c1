"""What goes on in a cluster under load: apps and the company use any node; in the end the checker must agree."""

import asyncio
import math
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import asyncpg

from cluster.nodes import Cluster, MakeServer, alike, cluster
from diyalog.simulator.company import Company as QueueSystem
from diyalog.simulator.ledger import Mark
from e2e.test_kill import App, Load
from e2e.world import eventually, metric
from kit.checker import Told, check
from kit.postgres import PostgresServer
from kit.postgres_checker import check_postgres
from kit.server import Company, Customer, Key, Reply, Stream, StreamClosedError

APPS, STAYING = 8, 3
FAULTS = ("answer", "answer", "answer", "slow=0.05", "slow=0.3", "cut-after", "cut-before", "status=503")
BACK_OFF_S = 0.1
BROKEN, SESSION_OVER, TRY_AGAIN = 1006, 1000, 1013

Somewhere = Callable[[], str]
"""The address of a node; another one each time."""


@dataclass
class Seen:
    """What all clients met.

    `refused`: requests answered 503, each with Retry-After. `longest_s`: the longest time until any answer. `codes`:
    how often streams were closed with which code before their session was over. `delays_s`: times from the commit of
    an end until its app had it. `cuts`: how requests broke off; one that reached nobody is not among them.
    """

    refused: int = 0
    longest_s: float = 0.0
    codes: dict[int, int] = field(default_factory=dict)
    delays_s: list[float] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)

    @property
    def p99_s(self) -> float:
        ordered = sorted(self.delays_s)
        return ordered[math.ceil(len(ordered) * 0.99) - 1]


class ClusterLoad(Load):
    """The load of a single node's test; a request that is refused for now is asked again, as its app would."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen

    async def insist(self, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        async def timed() -> Reply:
            began = time.monotonic()
            try:
                return await ask()
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self.seen.cuts.append(repr(error))
                raise
            finally:
                self.seen.longest_s = max(self.seen.longest_s, time.monotonic() - began)

        while True:
            reply = await super().insist(timed)
            if reply.status != 503:
                return reply
            assert int(reply.headers["Retry-After"]) >= 1, reply.headers
            if "json" in reply.headers["Content-Type"]:  # the company is answered in plain text
                assert reply.json["retryable"] is True, reply.text
            self.seen.refused += 1
            await asyncio.sleep(BACK_OFF_S)  # sooner than asked to: so the database is away for more of them


class AnyNodeCompany(Company):
    """The company's back end, which speaks to any node."""

    def __init__(self, somewhere: Somewhere, key: Key) -> None:
        super().__init__("", key)
        self._somewhere = somewhere

    async def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        self.url = self._somewhere()
        return await super().send(method, path, headers=headers, body=body)


class AnyNodeCustomer(Customer):
    """A customer's app, which speaks to any node and comes back to any."""

    def __init__(self, somewhere: Somewhere, customer_id: str, seen: Seen) -> None:
        super().__init__("", customer_id)
        self._somewhere = somewhere
        self._seen = seen

    async def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        self.url = self._somewhere()
        return await super().send(method, path, headers=headers, body=body)

    @asynccontextmanager
    async def follow(self, session_id: str, *, after: int = 0, epoch: str | None = None) -> AsyncIterator[Stream]:
        """The stream; whatever closes it before the session is over looks like a cut, and is counted."""
        self.url = self._somewhere()
        try:
            async with super().follow(session_id, after=after, epoch=epoch) as stream:
                yield _TimedStream(stream.socket, stream.welcome, self._seen)
        except StreamClosedError as closed:
            if closed.code == SESSION_OVER:
                raise
            self._seen.codes[closed.code] = self._seen.codes.get(closed.code, 0) + 1
            if closed.code == TRY_AGAIN:
                await asyncio.sleep(BACK_OFF_S)
            raise StreamClosedError(BROKEN, closed.reason) from closed


class _TimedStream(Stream):
    def __init__(self, socket: aiohttp.ClientWebSocketResponse, welcome: dict[str, Any], seen: Seen) -> None:
        super().__init__(socket, welcome)
        self._seen = seen

    async def next(self) -> dict[str, Any]:
        frame = await super().next()
        if frame.get("event") == "wait.ended":
            self._seen.delays_s.append(time.time() - datetime.fromisoformat(frame["at"]).timestamp())
        return frame


@dataclass
class Party:
    """Nodes under load. `told`: what anybody was told. `queue`: the company's, which repeats its answers."""

    postgres: PostgresServer
    nodes: Cluster
    queue: QueueSystem
    company: AnyNodeCompany
    dice: random.Random
    seen: Seen
    load: ClusterLoad
    told: Told = field(default_factory=Told)

    def somewhere(self) -> str:
        return self.dice.choice(self.nodes.servers).url

    async def customer(self, customer_id: str) -> AnyNodeCustomer:
        made = AnyNodeCustomer(self.somewhere, customer_id, self.seen)
        return await self.nodes.stack.enter_async_context(made)

    async def app(self, customer_id: str) -> App:
        """A customer's app of the load."""
        # An App needs of its world the company and what was told.
        return App(self, self.load, await self.customer(customer_id), self.dice.randrange(1_000_000))  # type: ignore[arg-type]

    def play_faults(self) -> None:
        """Let the company's queue fail now and then."""
        for endpoint in ("create", "delete"):
            self.queue.script(endpoint, *self.dice.choices(FAULTS, k=500))

    async def under_load(self, faults: Callable[[], Awaitable[None]], limit_s: float) -> None:
        """Inject faults while apps wait, cancel and are given up; then let everybody come to an end."""
        apps = [await self.app(f"customer-{number}") for number in range(APPS + STAYING)]
        async with asyncio.timeout(limit_s), asyncio.TaskGroup() as group:
            for app in apps[:STAYING]:
                group.create_task(app.stay())
            for app in apps[STAYING:]:
                group.create_task(app.live())
            await faults()
            self.queue.script("create")
            self.queue.script("delete")
            self.load.over.set()
        assert min(app.waits for app in apps[STAYING:]) > 0
        sys.stdout.write(
            f"{sum(app.waits for app in apps)} waits, {self.load.answers} answers, {self.seen.refused} refused, "
            f"requests cut: {len(self.seen.cuts)}, streams cut: {self.seen.codes}, "
            f"longest answer {self.seen.longest_s:.1f} s, "
            f"told: p99 {self.seen.p99_s:.3f} s, longest {max(self.seen.delays_s):.3f} s\n"
        )

    async def settle(self) -> None:
        """Let the outbox empty, and check everything: nothing is lost, doubled or left behind."""

        async def empty() -> bool:
            return bool((await self.nodes.row("SELECT count(*) FROM outbox"))[0] == 0)

        await eventually(empty, 60, "the outbox is empty")
        await self.check(settled=True)
        check_postgres(self.postgres, self.nodes.url, self.told)
        for server in self.nodes.servers:
            assert await metric(server.url, "diyalog_waits_open") == 0
            assert await metric(server.url, "diyalog_unhandled_errors_total") == 0
        for session, outcomes in self.told.outcomes.items():
            if outcomes == {"NOT_DELIVERED"}:
                for interaction in self.queue.ledger.of_session(session):
                    self.queue.mark(interaction.interaction_id, Mark.NOT_DELIVERED)
        assert self.queue.ledger.left_behind == []

    async def check(self, *, settled: bool = False) -> None:
        """The checker of the guarantees, on a copy of what the database holds."""
        ledger = {one.interaction_id: "deleted" if one.deleted_at else "open" for one in self.queue.ledger.interactions}
        copy = await _copied(self.nodes.url)
        try:
            check(copy, self.told, ledger, settled=settled)
        finally:
            copy.close()


_TABLES = ("wait", "outbox", "audit", "conversation", "conversation_event", "staff", "staff_event")
_COPIED = {
    **{table: f"SELECT * FROM {table} ORDER BY 1" for table in _TABLES},
    "tally": "SELECT name, sum(count)::bigint AS count FROM tally GROUP BY name",
}


async def _copied(url: str) -> apsw.Connection:
    """What the checker reads, in an embedded database."""
    source = await asyncpg.connect(url)
    copy = apsw.Connection(":memory:")
    try:
        async with source.transaction(isolation="repeatable_read"):
            for table, statement in _COPIED.items():
                prepared = await source.prepare(statement)
                columns = [attribute.name for attribute in prepared.get_attributes()]
                copy.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
                places = ", ".join("?" * len(columns))
                rows = [tuple(row) for row in await prepared.fetch()]
                copy.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
    finally:
        await source.close()
    return copy


def chance() -> random.Random:
    """The dice of a test; the seed is shown when it fails, and SEED repeats it."""
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    sys.stdout.write(f"SEED={seed}\n")
    return random.Random(seed)


@asynccontextmanager
async def party(
    folder: Path, postgres: PostgresServer, url: str, *, make: MakeServer = alike, **settings: str
) -> AsyncIterator[Party]:
    """Three nodes that use the company's queue. Whatever the test did, the checker must agree in the end."""
    queue = QueueSystem(first_id=7700418, repeatable=True)
    given = {"queue": "http", "queue_url": await queue.start(), "queue_repeatable": "true", "limit_starts": "0"}
    try:
        async with (
            cluster(folder, url, 3, make=make, **{**given, **settings}) as running,
            AsyncExitStack() as stack,
        ):
            seen, dice = Seen(), chance()

            def somewhere() -> str:
                return dice.choice(running.servers).url

            company = await stack.enter_async_context(AnyNodeCompany(somewhere, running.companies[0].key))
            made = Party(postgres, running, queue, company, dice, seen, ClusterLoad(seen))
            try:
                yield made
            finally:
                await made.check()  # says why, also when somebody now waits for ever for what is not so
    finally:
        await queue.stop()
