"""Several real servers on one PostgreSQL database, and clients that may be connected to any of them."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from e2e.world import eventually
from kit.server import Caller, Company, Customer, Reply, Server

STOPPED_S = 45.0


@dataclass
class Cluster:
    """The database, its servers, and the company before each of them; `stack` closes what tests open."""

    url: str
    servers: list[Server]
    companies: list[Company]
    stack: AsyncExitStack

    async def customer(self, node: int, customer_id: str) -> Customer:
        """A customer's app that speaks to one node."""
        return await self.stack.enter_async_context(Customer(self.servers[node].url, customer_id))

    async def moved(self, customer: Customer, node: int) -> Customer:
        """The same app, speaking to another node."""
        other = await self.customer(node, customer.customer_id)
        other.token = customer.token
        return other

    async def present(self, session_id: str) -> None:
        """Wait until the database knows to which node the session's app is connected."""
        connection = await asyncpg.connect(self.url)

        async def stored() -> bool:
            return await connection.fetchval("SELECT present FROM wait WHERE session_id = $1", session_id) is not None

        try:
            await eventually(stored, 10, "the customer's app is present")
        finally:
            await connection.close()

    async def row(self, statement: str, *values: object) -> asyncpg.Record:
        """The one row that a statement finds in the database."""
        connection = await asyncpg.connect(self.url)
        try:
            found = await connection.fetchrow(statement, *values)
        finally:
            await connection.close()
        assert found is not None, statement
        return found

    async def ready(self, node: int) -> Reply:
        """What the node says of its own state."""
        async with Caller(self.servers[node].url) as caller:
            return await caller.send("GET", "/readyz", headers={})

    async def says(self, node: int, word: str, state: str, limit: float) -> None:
        """Wait until /readyz of a node names a state, such as bus unavailable."""

        async def said() -> bool:
            return bool((await self.ready(node)).json[word] == state)

        await eventually(said, limit, f"node {node} says that its {word} is {state}")

    async def metric(self, node: int, name: str) -> float:
        """The value of a metric without labels."""
        reply = await self.companies[node].send("GET", "/metrics", headers={})
        lines = dict(line.rpartition(" ")[::2] for line in reply.text.splitlines() if not line.startswith("#"))
        return float(lines[name])


MakeServer = Callable[[int, Path, dict[str, str]], Server]
"""Makes the server of a number, of a folder and of the settings that all share."""


def alike(_number: int, folder: Path, settings: dict[str, str]) -> Server:
    """A server like all others."""
    return Server(folder, **settings)


@asynccontextmanager
async def cluster(
    folder: Path, url: str, nodes: int, *, make: MakeServer = alike, **settings: str
) -> AsyncIterator[Cluster]:
    """Nodes on the database `url`, in open access and with the built-in queue unless told otherwise."""
    key_file = folder / "secret.key"
    key_file.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    servers = []
    for number in range(nodes):
        own = folder / f"node-{number}"
        own.mkdir()
        shared = {"database_url": url, "secret_key_file": str(key_file), "open_access": "true", **settings}
        servers.append(make(number, own, shared))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_stop_all, servers)
        await servers[0].start()  # which makes the tables
        await asyncio.gather(*(server.start() for server in servers[1:]))
        key = await servers[0].new_key()
        companies = [await stack.enter_async_context(Company(server.url, key)) for server in servers]
        yield Cluster(url, servers, companies, stack)


async def _stop_all(servers: list[Server]) -> None:
    await asyncio.gather(*map(_stop, servers))


async def _stop(server: Server) -> None:
    if server.running:
        server.signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(STOPPED_S):
                await server.stop()
        except TimeoutError:
            await server.kill()
            raise
