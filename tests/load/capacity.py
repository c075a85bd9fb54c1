"""What one waiting customer and one outcome cost a node and its PostgreSQL: the inputs of docs/capacity.md.

`PYTHONPATH=tests .venv/bin/python tests/load/capacity.py [--customers 4000] [--idle 50]` plays one life of that many
waits on one node and prints CPU time, write-ahead log and statements for each, phase by phase. CPU time is that of the
processes themselves, so that other work on the machine changes it little. All is thrown away afterwards.
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from diyalog.client import sign
from diyalog.simulator.company import Company as QueueSystem
from kit.postgres import PostgresServer
from kit.server import NOT_DELIVERED, Key, Server

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
AT_ONCE = 64
ANSWER_S = 60.0
LIMITS_OFF = {"limit_auth_failures": "0", "limit_starts": "0", "limit_sockets": "100000"}


@dataclass
class App:
    """A customer's app."""

    token: str
    session: str
    interaction: str
    seq: int
    epoch: str
    socket: aiohttp.ClientWebSocketResponse | None = None


@dataclass
class Meter:
    """Reads the counters of the node, the database's processes and the database."""

    node: int
    postgres: PostgresServer
    database: str

    def cpu(self, pids: Sequence[int]) -> float:
        ticks = 0
        for pid in pids:
            try:
                fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
        return ticks * TICK_S

    def read(self) -> tuple[float, float, float, float]:
        parent = self.postgres.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        wal = float(self.postgres.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))
        statements = float(
            self.postgres.execute(
                f"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{self.database}'"
            )
        )
        return self.cpu([self.node]), self.cpu([parent, *map(int, children)]), wal, statements

    @asynccontextmanager
    async def phase(self, name: str, count: float, unit: str) -> AsyncIterator[None]:
        """Print what the block costs, for each of `count`."""
        self.postgres.execute("CHECKPOINT")
        before = self.read()
        yield
        await asyncio.sleep(1.5)  # the database's counters are a second late
        node, database, wal, commits = [(late - early) / count for late, early in zip(self.read(), before, strict=True)]
        say(
            f"{name:28} node {node * 1e6:8.1f} us  PostgreSQL {database * 1e6:8.1f} us  WAL {wal:8.0f} B  "
            f"transactions {commits:6.3f}  for each {unit}"
        )


async def many(items: Sequence[Any], act: Callable[[Any], Awaitable[None]]) -> None:
    """Act on all, so many at a time."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await act(item)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def post(http: aiohttp.ClientSession, path: str, body: dict[str, object], token: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.post(path, json=body, headers=headers) as response:
        assert response.status == 201, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer


async def live(http: aiohttp.ClientSession, meter: Meter, key: Key, customers: int, idle_s: float) -> None:
    apps: list[App] = []

    async def ask(number: int) -> None:
        token = (await post(http, "/v1/client/activations", {"customerId": str(number)}))["clientToken"]
        begun = await post(http, "/v1/client/help", {"helpType": "chat"}, token)
        apps.append(App(token, begun["sessionId"], begun["interactionId"], begun["seq"], begun["epoch"]))

    async def connect(app: App) -> None:
        app.socket = await http.ws_connect("/v1/client/events")
        hello = {"type": "hello", "token": app.token, "sessionId": app.session, "after": app.seq, "epoch": app.epoch}
        await app.socket.send_json(hello)
        assert (await app.socket.receive_json(timeout=ANSWER_S))["type"] == "welcome"

    async def give_up(app: App) -> None:
        body = f'{{"interactionId":"{app.interaction}","message":"Nobody is free."}}'.encode()
        signed = sign(
            "POST",
            NOT_DELIVERED,
            body,
            access_key_id=key.access_key_id,
            access_key_secret=key.secret,
            requester_user_id="capacity",
        )
        async with http.post(NOT_DELIVERED, data=body, headers=signed) as response:
            assert (await response.json(content_type=None))["isSuccess"] is True

    async def acknowledge(app: App) -> None:
        assert app.socket is not None
        ended = await app.socket.receive_json(timeout=ANSWER_S)
        await app.socket.send_json({"type": "ack", "seq": ended["seq"]})
        await app.socket.receive(timeout=ANSWER_S)

    async with meter.phase("activation and start", customers, "wait"):
        await many(range(customers), ask)
    async with meter.phase("connection, hello, presence", customers, "wait"):
        await many(apps, connect)
        await asyncio.sleep(3)  # presence is stored behind the sockets' backs
    readers = [asyncio.create_task(app.socket.receive()) for app in apps if app.socket is not None]
    async with meter.phase("idle", customers * (idle_s + 1.5), "waiter and second"):
        await asyncio.sleep(idle_s)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    async with meter.phase("not delivered, told", customers, "outcome"):
        await many(apps, give_up)
    async with meter.phase("acknowledged and closed", customers, "outcome"):
        await many(apps, acknowledge)


async def measure(customers: int, idle_s: float, queue: str, postgres: PostgresServer, folder: Path) -> None:
    url = postgres.create_database()
    database = urlsplit(url).path[1:]
    key_file = folder / "secret.key"
    key_file.write_text(secrets.token_hex(32), encoding="ascii")
    own = folder / "node"
    own.mkdir()
    settings = {"database_url": url, "secret_key_file": str(key_file), "open_access": "true", **LIMITS_OFF}
    async with AsyncExitStack() as stack:
        if queue == "http":
            company = QueueSystem()
            settings |= {"queue": "http", "queue_url": await company.start()}
            stack.push_async_callback(company.stop)
        server = Server(own, **settings)
        await server.start()
        stack.push_async_callback(server.stop)
        key = await server.new_key()
        timeout = aiohttp.ClientTimeout(total=None)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(server.url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        )
        meter = Meter(server.pid, postgres, database)
        async with meter.phase("nobody there", 10, "second"):
            await asyncio.sleep(8.5)
        await live(http, meter, key, customers, idle_s)
    size = float(postgres.execute(SIZE, database))
    say(f"on disk: {size / customers:.0f} B for each wait, with its customer, token and audit rows")


SIZE = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--idle", type=float, default=50.0, help="seconds; a multiple of the 25 s between pings")
    parser.add_argument("--full-page-writes", choices=("on", "off"), default="on")
    parser.add_argument("--queue", choices=("builtin", "http"), default="http", help="default: %(default)s")
    given = parser.parse_args()
    postgres = PostgresServer(
        durable=True, wal_level="replica", max_wal_senders="4", full_page_writes=given.full_page_writes
    )
    try:
        postgres.start()
        with tempfile.TemporaryDirectory(prefix="diyalog-capacity-") as folder:
            asyncio.run(measure(given.customers, given.idle, given.queue, postgres, Path(folder)))
    finally:
        postgres.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
