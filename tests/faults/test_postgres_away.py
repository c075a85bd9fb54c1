"""PostgreSQL hangs, crashes, refuses: all is answered soon, nothing acknowledged is lost, and it heals by itself."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from random import Random

import asyncpg
import pytest

from diyalog.domain.ids import NodeId
from diyalog.domain.results import Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Wait
from diyalog.ports import StoreUnavailableError
from diyalog.storage.postgres import PostgresStore
from diyalog.storage.postgres_connection import open_postgres
from kit import stores
from kit.checker import Told
from kit.clock import SettableClock
from kit.cutting import obedient
from kit.postgres import PostgresServer
from kit.postgres_checker import check_postgres

CLOCK = SettableClock()
SETTLED_S = 12.0
LIMIT_S = 60
CONNECTIONS = 30


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that a test may stop, with few connections."""
    server = PostgresServer(max_connections=str(CONNECTIONS))
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def own_url(own_postgres: PostgresServer) -> Iterator[str]:
    url = own_postgres.create_database()
    yield url
    own_postgres.drop_database(url)


async def settled(asked: Sequence[Awaitable[object]]) -> list[object]:
    """The result or error of each, all of them in good time."""
    async with asyncio.timeout(SETTLED_S):
        return list(await asyncio.gather(*asked, return_exceptions=True))


async def works(store: PostgresStore, wait: Wait) -> None:
    """Ask until it is answered."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            with suppress(StoreUnavailableError):
                assert (await stores.end(store, Event.CANCEL, wait.row)).wait is not None
                assert await store.wait(wait.session_id) is not None
                return


def everything(store: PostgresStore, waits: Sequence[Wait]) -> list[Awaitable[object]]:
    """One command of nearly every kind, and many reads."""
    wait = waits[0]
    return [
        *(stores.end(store, Event.CANCEL, one.row) for one in waits),
        stores.started(store, wait.customer, CLOCK),
        stores.customer(store, "another"),
        store.acknowledge(wait.row, 2),
        store.claim(stores.NODE, 10, 1000),
        store.touch(wait.row),
        store.present(wait.row, connected=True),
        store.present(wait.row, connected=False),
        store.heartbeat(stores.NODE),
        store.forget(1_000_000, 1_000_000, 10),
        *(store.wait(wait.session_id) for _ in range(40)),
    ]


class Count:
    """How often something happened."""

    def __init__(self) -> None:
        self._number = 0
        self._grew = asyncio.Event()

    def more(self) -> None:
        self._number += 1
        self._grew.set()

    async def grows_by(self, number: int) -> None:
        """Wait until it happened so many more times."""
        goal = self._number + number
        while self._number < goal:
            self._grew.clear()
            await self._grew.wait()


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    """The server's processes stand still."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii")
    processes = [server.pid, *map(int, children.split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("how", ["the server stands still", "the network is silent"])
async def test_nobody_hangs_while_nothing_answers(own_postgres: PostgresServer, own_url: str, how: str) -> None:
    async with obedient(own_postgres.port) as proxy:
        near = own_url.replace(f":{own_postgres.port}/", f":{proxy.port}/")
        async with stores.postgres_store(own_url), stores.postgres_store(near) as store:
            waits = [await stores.waiting(store, await stores.customer(store, str(n)), CLOCK) for n in range(5)]
            if how == "the network is silent":
                proxy.hold()
                answers = await settled(everything(store, waits))
                assert proxy.held_up > 0
                proxy.release()
            else:
                with stopped(own_postgres):
                    answers = await settled(everything(store, waits))
            assert {type(answer) for answer in answers} == {StoreUnavailableError}
            await works(store, waits[0])
    check_postgres(own_postgres, own_url, Told())


async def test_what_was_answered_survives_a_crash_under_load(own_postgres: PostgresServer, own_url: str) -> None:
    told, luck = Told(), Random(1)
    refused, ended, back = Count(), Count(), asyncio.Event()

    async def customer(number: int, nodes: Sequence[PostgresStore]) -> None:
        turn = 0
        while not (back.is_set() and turn > 3):
            turn += 1
            try:
                who = await stores.customer(luck.choice(nodes), str(number))
                wait = await stores.waiting(luck.choice(nodes), who, CLOCK)
                told.outcomes.setdefault(wait.session_id, set())
                result = await stores.not_delivered(luck.choice(nodes), session=wait.session_id)
            except StoreUnavailableError:
                refused.more()
                continue
            assert result.verdict is Verdict.WON
            told.note(wait.session_id, "NOT_DELIVERED")
            ended.more()

    async def crash() -> None:
        await ended.grows_by(100)
        await asyncio.to_thread(own_postgres.stop, "immediate")
        await refused.grows_by(50)
        await asyncio.to_thread(own_postgres.start)
        await ended.grows_by(100)
        back.set()

    async with AsyncExitStack() as stack, asyncio.timeout(LIMIT_S):
        nodes = [await stack.enter_async_context(stores.postgres_store(own_url, NodeId(name))) for name in "ab"]
        await asyncio.gather(crash(), *[customer(number, nodes) for number in range(20)])
        for session in [session for session, outcomes in told.outcomes.items() if not outcomes]:
            assert await nodes[0].wait(session) is not None, "a start that was answered is there"  # type: ignore[arg-type]
            del told.outcomes[session]
    check_postgres(own_postgres, own_url, told)


async def only_reads(server: PostgresServer, value: str) -> None:
    """Have every connection, those that are open too, begin its transactions as ones that only read, or not.

    The server tells all its processes before it starts another with the new value, and a process looks before its next
    command: once a new connection has it, all have.
    """
    server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    server.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(LIMIT_S):
        while await asyncio.to_thread(server.execute, "SHOW default_transaction_read_only") != value:
            pass


async def test_a_database_that_only_reads_refuses_at_once(own_postgres: PostgresServer, own_url: str) -> None:
    """As a standby does, and much as a disk without room."""
    async with stores.postgres_store(own_url) as store:
        wait = await stores.waiting(store, await stores.customer(store, "1"), CLOCK)
        await only_reads(own_postgres, "on")
        try:
            async with asyncio.timeout(2.0):
                with pytest.raises(StoreUnavailableError, match="ReadOnly"):
                    await stores.started(store, wait.customer, CLOCK)
                with pytest.raises(StoreUnavailableError, match="ReadOnly"):
                    await stores.end(store, Event.CANCEL, wait.row)
                assert await store.wait(wait.session_id) == wait
        finally:
            await only_reads(own_postgres, "off")
        await works(store, wait)
    check_postgres(own_postgres, own_url, Told())


@pytest.fixture
async def crowd(own_url: str) -> AsyncIterator[list[asyncpg.Connection]]:
    """Connections of others."""
    others: list[asyncpg.Connection] = []
    yield others
    for one in others:
        one.terminate()


async def test_a_server_without_a_free_connection_is_away(
    own_postgres: PostgresServer,
    own_url: str,
    crowd: list[asyncpg.Connection],
) -> None:
    async with stores.postgres_store(own_url) as store:
        wait = await stores.waiting(store, await stores.customer(store, "1"), CLOCK)
        first = await open_postgres(own_url)
        await first.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        crowd.append(first)
        with suppress(asyncpg.TooManyConnectionsError):
            while len(crowd) <= CONNECTIONS:
                crowd.append(await open_postgres(own_url))
        assert len(crowd) <= CONNECTIONS, "no more are to be had"
        answers = await settled([stores.end(store, Event.CANCEL, wait.row), store.heartbeat(stores.NODE)])
        assert {type(answer) for answer in answers} == {StoreUnavailableError}
        for one in crowd:
            one.terminate()
        await works(store, wait)
    check_postgres(own_postgres, own_url, Told())


async def test_a_command_that_cannot_be_carried_out_takes_no_other_with_it(
    own_postgres: PostgresServer, own_url: str
) -> None:
    async with stores.postgres_store(own_url) as store:
        customers = [await stores.customer(store, str(n)) for n in range(3)]
        first = stores.start(customers[0], CLOCK, builtin=True)
        await store.start_wait(first)
        twin, *others = await settled(
            [store.start_wait(first), *(stores.started(store, who, CLOCK) for who in customers[1:])]
        )
        assert isinstance(twin, StoreUnavailableError), "the same session id once more: refused by the database"
        assert not any(isinstance(other, Exception) for other in others)
        assert (await store.tally()).created == 3
    check_postgres(own_postgres, own_url, Told())
